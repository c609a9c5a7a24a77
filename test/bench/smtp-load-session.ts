import { connect, type Socket } from 'node:net';

/** An SMTP reply, of all its lines the last; the lines before it stand in `text`. */
export interface Reply {
  readonly code: number;
  readonly text: string;
}

/** The client's side of one SMTP connection, as fast as one can be: commands go out together where the server offers it. */
export interface LoadSession {
  /** Hands over one message; answers the reply that decides its fate. Rejects when the connection breaks. */
  send(parts: readonly Buffer[]): Promise<Reply>;
  /** Says goodbye and waits for no answer. */
  quit(): void;
}

const ENVELOPE = ['MAIL FROM:<sender@bench.example>\r\n', 'RCPT TO:<joe@example.com>\r\n', 'DATA\r\n'];
const FINAL_LINE = /^\d{3}(?: |$)/;

/** Replies one after the other, to whoever waits for the next. */
function readReplies(socket: Socket): () => Promise<Reply> {
  const ready: Reply[] = [];
  const waiting: { readonly resolve: (reply: Reply) => void; readonly reject: (error: Error) => void }[] = [];
  let rest = '';
  let text = '';
  let broken: Error | undefined;

  const deliver = (reply: Reply): void => {
    const next = waiting.shift();
    if (next === undefined) ready.push(reply);
    else next.resolve(reply);
  };
  const fail = (error: Error): void => {
    broken ??= error;
    for (const { reject } of waiting.splice(0)) reject(broken);
  };
  socket.on('data', (chunk: Buffer) => {
    rest += chunk.toString('latin1');
    for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 2);
      text += `${line}\n`;
      if (!FINAL_LINE.test(line)) continue;
      deliver({ code: Number(line.slice(0, 3)), text });
      text = '';
    }
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the server closed the connection')));
  return () => {
    const reply = ready.shift();
    if (reply !== undefined) return Promise.resolve(reply);
    if (broken !== undefined) return Promise.reject(broken);
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  };
}

const isGood = ({ code }: Reply): boolean => code < 400;

/** Connects and says EHLO; rejects when the server does not take the session. */
export async function openLoadSession(port: number): Promise<LoadSession> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const next = readReplies(socket);
  const refused = (reply: Reply): never => {
    socket.destroy();
    throw new Error(`the server refused the session: ${reply.text.trim()}`);
  };
  const greeting = await next();
  if (!isGood(greeting)) refused(greeting);
  socket.write('EHLO load.bench.example\r\n');
  const hello = await next();
  if (!isGood(hello)) refused(hello);
  const pipelining = /^250[ -]PIPELINING/m.test(hello.text);

  /** The reply to DATA; or, of the commands, the first one refused. */
  const announce = async (): Promise<Reply> => {
    if (pipelining) socket.write(ENVELOPE.join(''));
    let answer: Reply | undefined;
    for (const command of ENVELOPE) {
      if (!pipelining) socket.write(command);
      const reply = await next();
      if (answer === undefined || isGood(answer)) answer = reply;
      if (!pipelining && !isGood(answer)) return answer;
    }
    return answer ?? greeting;
  };
  return {
    async send(parts) {
      const answer = await announce();
      if (answer.code !== 354) {
        socket.write('RSET\r\n');
        await next();
        return answer;
      }
      socket.cork();
      for (const part of parts) socket.write(part);
      socket.uncork();
      return next();
    },
    quit() {
      socket.on('error', () => undefined);
      socket.end('QUIT\r\n');
    },
  };
}
