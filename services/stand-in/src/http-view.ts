import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseScript } from './parse-script.ts';
import type { StandIn } from './stand-in.ts';

const HELP = `GET /messages           what was taken, JSON
GET /messages/ID        one message as it was received
GET /connections        what connections there were, JSON
PUT /script             how to misbehave from now on, JSON: {"steps": {"final-dot": [{"reply": "451 4.3.0 later"}]}}
DELETE /script          do everything right again
POST /reset             forget messages and connections
`;

function send(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(body);
}

const sendJson = (response: ServerResponse, value: unknown): void =>
  send(response, 200, 'application/json', `${JSON.stringify(value, null, 2)}\n`);

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

async function handle(standIn: StandIn, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  const id = /^\/messages\/(\d+)$/.exec(path)?.[1];
  const octets = id === undefined ? undefined : standIn.octets(Number(id));
  switch (`${request.method} ${id === undefined ? path : '/messages/ID'}`) {
    case 'GET /':
      return send(response, 200, 'text/plain; charset=utf-8', HELP);
    case 'GET /healthz':
      return send(response, 200, 'text/plain; charset=utf-8', 'ok\n');
    case 'GET /messages':
      return sendJson(response, standIn.messages);
    case 'GET /messages/ID':
      if (octets !== undefined) return send(response, 200, 'message/rfc822', octets);
      return send(response, 404, 'text/plain; charset=utf-8', 'no such message\n');
    case 'GET /connections':
      return sendJson(response, {
        open: standIn.open,
        mostOpen: standIn.mostOpen,
        connections: standIn.connections,
      });
    case 'PUT /script':
      standIn.script(parseScript(JSON.parse(await bodyOf(request))));
      return sendJson(response, {});
    case 'DELETE /script':
      standIn.script({});
      return sendJson(response, {});
    case 'POST /reset':
      standIn.clear();
      return sendJson(response, {});
    default:
      return send(response, 404, 'text/plain; charset=utf-8', HELP);
  }
}

/** The stand-in over HTTP: what it received, and how it is to misbehave. */
export async function startHttpView(
  standIn: StandIn,
  where: { readonly host: string; readonly port: number },
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    handle(standIn, request, response).catch((error: unknown) =>
      send(response, 400, 'text/plain; charset=utf-8', `${String(error)}\n`),
    );
  });
  server.listen(where.port, where.host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
