import { INTAKE_DOMAIN, type PolicyContext } from './stack.ts';

/**
 * A policy with an intake that delivery must not trust, beside one that it may: what is sent to `mistrusted@…` bounces for its
 * certificate, what is sent to `nobody@…` is not scanned. `wrongCa` is the file of an authority that has not signed the stand-in's.
 */
export const mistrustedPolicy =
  (wrongCa: string) =>
  ({ port, caFile }: PolicyContext): string =>
    `
version: 1
intakes:
  primary: { address: journal@${INTAKE_DOMAIN}, port: ${port}, tls: { caFile: "${caFile}" } }
  mistrusted: { address: journal@${INTAKE_DOMAIN}, port: ${port}, tls: { caFile: "${wrongCa}" } }
defaultIntake: primary
policies:
  - { name: to_mistrusted, users: [{ recipient: { listed: ["mistrusted@"] } }], connector: { custom: mistrusted } }
  - { name: to_nobody, users: [{ recipient: { listed: ["nobody@"] } }], connector: no-scan }
`;
