import { openSender, type SmtpSender, transact } from './smtp-sender.ts';

/**
 * A gateway: keeps what was not answered 250 and sends it again over a new connection, until so many messages are
 * taken. Answers every MID it was told.
 */
export async function sendLikeAGateway(
  smtp: string,
  messages: number,
  progress: (sent: number) => void,
): Promise<number[]> {
  const mids: number[] = [];
  let sender: SmtpSender | undefined;
  for (let n = 0; n < messages; ) {
    try {
      if (sender === undefined) {
        sender = await openSender(smtp);
        await sender.say('EHLO gateway.example.org');
      }
      const message = `From: a@example.org\r\nSubject: ${n}\r\nMessage-ID: <${n}@chaos.example>\r\n\r\nText\r\n`;
      const reply = await transact(
        sender,
        { from: 'a@example.org', to: ['joe@example.com'] },
        Buffer.from(message),
      );
      const mid = /queued as MID (\d+)/.exec(reply)?.[1];
      if (mid === undefined) throw new Error(reply);
      mids.push(Number(mid));
      n += 1;
      progress(n);
    } catch {
      sender?.destroy();
      sender = undefined;
    }
  }
  await sender?.quit();
  return mids;
}
