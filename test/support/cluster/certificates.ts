import { X509Certificate } from 'node:crypto';
import type { KeyPair } from '@tdc/stand-in';
import { inPod } from './kubectl.ts';

/** A Secret of type kubernetes.io/tls, with the authority where one is given. */
export const tlsSecret = (name: string, { cert, key }: KeyPair, ca?: string): unknown => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'kubernetes.io/tls',
  metadata: { name },
  stringData: { 'tls.crt': cert, 'tls.key': key, ...(ca === undefined ? {} : { 'ca.crt': ca }) },
});

export const fingerprintOf = (pem: string): string => new X509Certificate(pem).fingerprint256;

/** The fingerprint of the certificate that is shown on a port; behind STARTTLS where that is asked for. */
export const servedFingerprint = (
  namespace: string,
  from: string,
  target: { readonly host: string; readonly port: number; readonly starttls: boolean },
): Promise<string> =>
  inPod(
    namespace,
    from,
    `import { connect } from 'node:net';
     import { connect as connectTls } from 'node:tls';
     const plain = connect({ host: '${target.host}', port: ${target.port}, timeout: 5000 });
     const secure = () => {
       plain.removeAllListeners('data');
       const tls = connectTls({ socket: plain, rejectUnauthorized: false, ALPNProtocols: ['h2'] }, () => {
         process.stdout.write(tls.getPeerCertificate().fingerprint256);
         process.exit(0);
       });
       tls.on('error', (error) => { throw error; });
     };
     if (!${target.starttls}) plain.once('connect', secure);
     else {
       const say = ['EHLO probe.example\\r\\n', 'STARTTLS\\r\\n'];
       let heard = '';
       plain.on('data', (chunk) => {
         heard += chunk;
         if (!/^\\d{3} [^\\n]*\\n$/m.test(heard) || !heard.endsWith('\\n')) return;
         heard = '';
         const next = say.shift();
         if (next === undefined) secure();
         else plain.write(next);
       });
     }`,
  );
