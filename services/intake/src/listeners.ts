import { type CertificateWatch, listening } from '@tdc/platform';
import type { IntakeConfig } from './config.ts';
import { type Receiver, type SmtpListener, startListener } from './smtp-listener.ts';

export interface Listeners {
  readonly smtp: SmtpListener;
  readonly lmtp: SmtpListener | undefined;
  /** SMTP behind a proxy: every connection begins with a PROXY header. */
  readonly proxied: SmtpListener | undefined;
  close(): Promise<void>;
}

const PORT_VARIABLE = {
  smtp: 'TDC_SMTP_PORT',
  lmtp: 'TDC_LMTP_PORT',
  proxied: 'TDC_SMTP_PROXY_PORT',
} as const;

/** Sessions that are still idle when so much of the grace is over are told 421. */
const CLOSE_SHARE = 0.7;

/** Starts the listeners of the configuration, with one certificate that is replaced when its files are. */
export async function startListeners(
  config: IntakeConfig,
  certificate: CertificateWatch,
  receiverFor: (protocol: 'smtp' | 'lmtp') => Receiver,
): Promise<Listeners> {
  const open = async (name: keyof typeof PORT_VARIABLE, port: number): Promise<SmtpListener> => {
    const protocol = name === 'lmtp' ? 'lmtp' : 'smtp';
    const result = await startListener(
      {
        ...config,
        host: config.smtpHost,
        port,
        lmtp: protocol === 'lmtp',
        tls: certificate.current(),
        closeSeconds: config.shutdownSeconds * CLOSE_SHARE,
        proxies: name === 'proxied' ? config.proxyTrusted : undefined,
      },
      receiverFor(protocol),
    );
    return listening(result, PORT_VARIABLE[name]);
  };
  const smtp = await open('smtp', config.smtpPort);
  const lmtp = config.lmtpPort === undefined ? undefined : await open('lmtp', config.lmtpPort);
  const proxied = config.proxyPort === undefined ? undefined : await open('proxied', config.proxyPort);
  certificate.onReplaced((renewed) => {
    for (const listener of [smtp, lmtp, proxied]) listener?.replaceTls(renewed);
  });
  return {
    smtp,
    lmtp,
    proxied,
    async close() {
      await Promise.all([smtp.close(), lmtp?.close(), proxied?.close()]);
    },
  };
}
