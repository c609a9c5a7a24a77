import { createServer, type ServerResponse } from 'node:http';
import { carryOut, openSender, type SmtpSender } from '../../support/smtp-sender.ts';

/**
 * A mail gateway that hands over copies at a steady pace, as a mail server does: several sessions, some messages in each,
 * STARTTLS, and whatever is not taken is kept and tried again. Runs in a pod; told over HTTP when to stop.
 * GATEWAY_SERVER is host:port, GATEWAY_PER_SECOND the pace, GATEWAY_BYTES the size of a body.
 */
const { env } = process;
const SERVER = env['GATEWAY_SERVER'] ?? '';
const PER_SECOND = Number(env['GATEWAY_PER_SECOND'] ?? 20);
const BYTES = Number(env['GATEWAY_BYTES'] ?? 2000);
const PORT = 8080;
const SESSIONS = 24;
const MESSAGES_PER_SESSION = 10;
const RETRY_MS = 1000;
const TICK_MS = 50;

/** What became of the messages; message ids throughout. */
export interface GatewayReport {
  readonly offered: number;
  /** Answered 250, with the MID of the answer. */
  readonly accepted: readonly { readonly messageId: string; readonly mid: number }[];
  /** Refused for good. */
  readonly refused: readonly { readonly messageId: string; readonly reply: string }[];
  /** Handed over whole, but the answer was lost: tried again, so that two copies may be due. */
  readonly uncertain: readonly string[];
  /** Handed over whole and answered 4xx: what intake has done by then is taken back, as far as Redis lets it. */
  readonly answeredLater: readonly string[];
  /** Kept and tried again, by reason. */
  readonly deferred: Readonly<Record<string, number>>;
  readonly waiting: number;
}

interface Queued {
  readonly messageId: string;
  due: number;
}

const body = `${'0123456789abcdef'.repeat(4)}\r\n`.repeat(Math.ceil(BYTES / 66));
const messageOf = (messageId: string): Buffer =>
  Buffer.from(
    `From: <sender@gateway.example>\r\nTo: <joe@example.com>\r\nSubject: steady\r\nMessage-ID: ${messageId}\r\n\r\n${body}`,
  );

const queue: Queued[] = [];
const accepted: { messageId: string; mid: number }[] = [];
const refused: { messageId: string; reply: string }[] = [];
const uncertain: string[] = [];
const answeredLater: string[] = [];
const deferred: Record<string, number> = {};
let offered = 0;
let inHand = 0;
let offering = true;

function keep(message: Queued, reason: string): void {
  deferred[reason] = (deferred[reason] ?? 0) + 1;
  queue.push({ ...message, due: Date.now() + RETRY_MS });
}

function settle(message: Queued, reply: string): void {
  const mid = /^250 .*queued as MID (\d+)/.exec(reply)?.[1];
  if (mid !== undefined) accepted.push({ messageId: message.messageId, mid: Number(mid) });
  else if (reply.startsWith('4')) keep(message, reply.slice(0, 9));
  else refused.push({ messageId: message.messageId, reply });
}

/** Whether the session goes on. */
async function handOver(sender: SmtpSender, message: Queued): Promise<boolean> {
  inHand += 1;
  // Nothing tells from outside how far a transaction came: what is cut in it counts as handed over.
  try {
    const { reply, isWhole } = await carryOut(
      sender,
      { from: 'sender@gateway.example', to: ['joe@example.com'] },
      messageOf(message.messageId),
    );
    if (isWhole && reply.startsWith('4')) answeredLater.push(message.messageId);
    settle(message, reply);
    return !reply.startsWith('421');
  } catch {
    uncertain.push(message.messageId);
    keep(message, 'cut in a transaction');
    return false;
  } finally {
    inHand -= 1;
  }
}

async function openSession(): Promise<SmtpSender> {
  const sender = await openSender(SERVER);
  if (!sender.banner.startsWith('220')) throw new Error(sender.banner.slice(0, 9));
  await sender.say('EHLO gateway.example');
  const ready = await sender.say('STARTTLS');
  if (!ready.startsWith('220')) throw new Error(ready.slice(0, 9));
  await sender.upgrade();
  await sender.say('EHLO gateway.example');
  return sender;
}

function takeDue(): Queued | undefined {
  const now = Date.now();
  const at = queue.findIndex(({ due }) => due <= now);
  return at < 0 ? undefined : queue.splice(at, 1)[0];
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function session(): Promise<void> {
  for (;;) {
    const first = takeDue();
    if (first === undefined) {
      await pause(TICK_MS);
      continue;
    }
    inHand += 1;
    let sender: SmtpSender;
    try {
      sender = await openSession();
    } catch (error) {
      keep(first, (error as Error).message.slice(0, 40));
      continue;
    } finally {
      inHand -= 1;
    }
    let message: Queued | undefined = first;
    let open = true;
    for (let sent = 0; message !== undefined && open; sent += 1) {
      open = await handOver(sender, message);
      message = sent < MESSAGES_PER_SESSION ? takeDue() : undefined;
    }
    if (message !== undefined) queue.push(message);
    await sender.quit().catch(() => undefined);
  }
}

const report = (): GatewayReport => ({
  offered,
  accepted,
  refused,
  uncertain,
  answeredLater,
  deferred,
  waiting: queue.length + inHand,
});

async function answer(path: string | undefined, response: ServerResponse): Promise<void> {
  if (path === '/stop') {
    offering = false;
    while (queue.length + inHand > 0) await pause(TICK_MS);
  }
  response.end(path === '/healthz' ? 'ok' : JSON.stringify(report()));
}

createServer((request, response) => void answer(request.url, response)).listen(PORT);
const started = Date.now();
setInterval(() => {
  const wanted = offering ? Math.floor(((Date.now() - started) / 1000) * PER_SECOND) : offered;
  for (; offered < wanted; offered += 1) {
    queue.push({ messageId: `<${started}.${offered}@gateway.example>`, due: Date.now() });
  }
}, TICK_MS);
for (let number = 0; number < SESSIONS; number += 1) void session();
