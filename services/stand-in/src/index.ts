export {
  issueStandInCertificates,
  type StandInCertificates,
  writeCertificates,
} from './certificate-folder.ts';
export { type CertificateAuthority, createAuthority, type KeyPair } from './certificates.ts';
export type { ReceivedMessage } from './message-store.ts';
export type { Script } from './script.ts';
export type { SeenConnection } from './smtp-session.ts';
export { type StandIn, startStandIn } from './stand-in.ts';
