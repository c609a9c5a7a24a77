import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createRedisLink, isRedisReady, type RedisSettings } from '@tdc/platform';
import { createAuthority } from '@tdc/stand-in';
import { freePort } from '../../deploy/local/ports.ts';
import { startClusterGround } from '../support/redis-cluster.ts';
import { type RedisNode, startRedisNode } from '../support/redis-node.ts';
import { Traffic } from '../support/redis-traffic.ts';
import { rememberingLog } from '../support/remembering-log.ts';
import { waitUntil } from '../support/wait-until.ts';

const folder = mkdtempSync(join(tmpdir(), 'tdc-redis-credentials-'));
const path = (name: string): string => join(folder, name);
after(() => rmSync(folder, { recursive: true }));

describe('a password that changes is read again for the next connection', () => {
  const passwordFile = path('password');
  const user = { username: 'tdc', passwordFile };

  async function changes(settings: RedisSettings, nodes: readonly RedisNode[]): Promise<void> {
    const traffic = new Traffic(settings);
    try {
      setPassword(nodes, 'first');
      await traffic.start();
      await traffic.flows();
      setPassword(nodes, 'second');
      for (const node of nodes) node.ask('CLIENT', 'KILL', 'USER', 'tdc');
      await traffic.flows();
      await traffic.settle();
    } finally {
      await traffic.close();
    }
  }
  function setPassword(nodes: readonly RedisNode[], password: string): void {
    for (const node of nodes) node.ask('ACL', 'SETUSER', 'tdc', 'reset', 'on', `>${password}`, '~*', '+@all');
    writeFileSync(passwordFile, `${password}\n`);
  }

  it('of a single server, by the connections that BullMQ makes, too', async () => {
    const node = await startRedisNode({ port: await freePort() });
    try {
      const url = `redis://127.0.0.1:${node.port}`;
      writeFileSync(passwordFile, '');
      await changes({ mode: 'standalone', url, keyPrefix: '{tdc}', user }, [node]);
    } finally {
      await node.remove();
    }
  });

  it('of every node of a Cluster', async () => {
    const ground = await startClusterGround();
    try {
      await changes({ ...ground.settings, user }, ground.nodes);
    } finally {
      await ground.remove();
    }
  });
});

describe('TLS', () => {
  /** A server with a certificate for these names, and what is needed to trust it and to be trusted. */
  async function startTlsNode(names: readonly string[]) {
    const authority = await createAuthority();
    const own = await authority.issue({ names, client: true });
    const write = (name: string, text: string): string => {
      writeFileSync(path(name), text);
      return path(name);
    };
    const [ca, cert, key] = [
      write('ca.pem', authority.cert),
      write('node.pem', own.cert),
      write('node.key', own.key),
    ];
    const files = {
      caFile: write('our-ca.pem', authority.cert),
      certFile: write('our.pem', own.cert),
      keyFile: write('our.key', own.key),
    };
    const node = await startRedisNode({
      port: await freePort(),
      tls: true,
      config: [`tls-ca-cert-file ${ca}`, `tls-cert-file ${cert}`, `tls-key-file ${key}`],
      access: ['--tls', '--cacert', ca, '--cert', cert, '--key', key],
    });
    const settings = (tls: RedisSettings['tls']): RedisSettings => ({
      mode: 'standalone',
      url: `rediss://127.0.0.1:${node.port}`,
      keyPrefix: '{tdc}',
      user: {},
      ...(tls === undefined ? {} : { tls }),
    });
    return { node, files, settings, write };
  }
  /** What the log of a link says that never becomes usable; undefined when it does. */
  async function refusal(settings: RedisSettings): Promise<string | undefined> {
    const log = rememberingLog();
    const link = createRedisLink(settings, { role: 'command', log });
    try {
      await waitUntil(() => log.names.length > 0);
      return log.names[0] === 'redis-ready' ? undefined : log.texts[0];
    } finally {
      await link.close();
    }
  }

  it('asks for an authority that is known, and for the name that is connected to or one that is given', async () => {
    const { node, files, settings } = await startTlsNode(['redis.example']);
    try {
      assert.match((await refusal(settings(undefined))) ?? '', /self-signed certificate|unable to/);
      assert.match((await refusal(settings(files))) ?? '', /IP: 127\.0\.0\.1 is not/);
      assert.equal(await refusal(settings({ ...files, serverName: 'redis.example' })), undefined);
    } finally {
      await node.remove();
    }
  });

  it('tells that a client certificate is missing', async () => {
    const { node, files, settings } = await startTlsNode(['127.0.0.1']);
    try {
      assert.match(
        (await refusal(settings({ caFile: files.caFile }))) ?? '',
        /certificate required|closed|ECONNRESET|EPIPE/,
      );
    } finally {
      await node.remove();
    }
  });

  it('tells in a few words that the server speaks no TLS', async () => {
    // Redis itself may also wait for the end of a line, which the handshake may not have.
    const plain = createServer((socket) => {
      socket.on('error', () => undefined).on('data', () => socket.write('-ERR unknown command\r\n'));
    });
    plain.listen(0, '127.0.0.1');
    await once(plain, 'listening');
    try {
      const { port } = plain.address() as AddressInfo;
      const text = await refusal({
        mode: 'standalone',
        url: `rediss://127.0.0.1:${port}`,
        keyPrefix: '{tdc}',
        user: {},
      });
      assert.match(text ?? '', /: wrong version number \(SSL routines\)$/);
    } finally {
      plain.close();
    }
  });

  it('goes on with the last pair that fits, and with a renewed one on the next connection', async () => {
    const { node, files, settings, write } = await startTlsNode(['127.0.0.1']);
    const link = createRedisLink(settings(files), { role: 'command', log: rememberingLog() });
    const reconnects = async (): Promise<void> => {
      link.client.disconnect(true);
      await waitUntil(() => !isRedisReady(link.client));
      await waitUntil(async () => (await link.client.set('{tdc}:x', '1')) === 'OK');
    };
    try {
      assert.equal(await link.whenUsable(AbortSignal.timeout(10_000)), true);
      // Half of a renewal: the key is there already, its certificate is not.
      const authority = await createAuthority();
      const renewed = await authority.issue({ names: ['127.0.0.1'], client: true });
      write('our.key', renewed.key);
      await reconnects();
      write('our.pem', renewed.cert);
      write('our-ca.pem', authority.cert);
      const [ca, cert, key] = [
        write('ca-2.pem', authority.cert),
        write('node-2.pem', renewed.cert),
        write('node-2.key', renewed.key),
      ];
      node.ask('CONFIG', 'SET', 'tls-cert-file', cert, 'tls-key-file', key, 'tls-ca-cert-file', ca);
      await reconnects();
    } finally {
      await link.close();
      await node.remove();
    }
  });
});
