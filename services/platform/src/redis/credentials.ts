import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import { Cluster, type Redis, type RedisOptions } from 'ioredis';
import type { RedisSettings, RedisTls, RedisUser } from './settings.ts';

/** Editors put a line end behind the password, a Secret of Kubernetes does not. */
const passwordIn = (text: string): string => text.replace(/\r?\n$/, '');

/** What `read` gives; what it last gave when it fails, as while a file is being replaced. The first call may throw. */
function lastGood<T>(read: () => T): () => T {
  let last: { readonly value: T } | undefined;
  return () => {
    try {
      last = { value: read() };
    } catch (error) {
      if (last === undefined) throw error;
    }
    return last.value;
  };
}

/** The password as it is now; undefined when there is none. */
function passwordReader({ password, passwordFile }: RedisUser): (() => string) | undefined {
  if (passwordFile !== undefined) return lastGood(() => passwordIn(readFileSync(passwordFile, 'utf8')));
  return password === undefined ? undefined : () => password;
}

/** The options of `tls.connect`, whose files are read anew each time the options are copied for a connection. */
function tlsOptions({ caFile, certFile, keyFile, serverName }: RedisTls): RedisOptions['tls'] {
  const name = serverName === undefined ? {} : { servername: serverName };
  if (caFile === undefined && certFile === undefined) return name;
  // Certificate and key at once, and only when they fit: a connection that throws is never tried again.
  const context = lastGood(
    (): SecureContext =>
      createSecureContext({
        ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
        ...(certFile === undefined || keyFile === undefined
          ? {}
          : { cert: readFileSync(certFile), key: readFileSync(keyFile) }),
      }),
  );
  context();
  return {
    ...name,
    get secureContext() {
      return context();
    },
  };
}

/** User and TLS for the connections to come. */
export interface Credentials {
  readonly options: Pick<RedisOptions, 'username' | 'password' | 'tls'>;
  readonly sentinelOptions: Pick<
    RedisOptions,
    'sentinelUsername' | 'sentinelPassword' | 'sentinelTLS' | 'enableTLSForSentinelMode'
  >;
  /** Makes a client, and those that are made from it, look up its passwords each time it connects. Answers it. */
  follow<Client extends Redis | Cluster>(client: Client): Client;
}

export function createCredentials(settings: RedisSettings): Credentials {
  const { user, mode } = settings;
  const sentinelUser = mode === 'sentinel' ? settings.sentinelUser : {};
  const password = passwordReader(user);
  const sentinelPassword = passwordReader(sentinelUser);
  const usesTls =
    settings.tls !== undefined || (mode === 'standalone' && settings.url.startsWith('rediss://'));
  const tls = usesTls ? tlsOptions(settings.tls ?? {}) : undefined;

  const followed: PropertyDescriptorMap = {};
  if (password !== undefined && user.passwordFile !== undefined)
    followed['password'] = { get: password, enumerable: true };
  if (sentinelPassword !== undefined && sentinelUser.passwordFile !== undefined)
    followed['sentinelPassword'] = { get: sentinelPassword, enumerable: true };
  const follow = <Client extends Redis | Cluster>(client: Client): Client => {
    if (Object.keys(followed).length === 0) return client;
    // ioredis reads the options each time it connects, but knows no password that changes.
    if (client instanceof Cluster) {
      client.on('+node', (node: Redis) => Object.defineProperties(node.options, followed));
    } else {
      Object.defineProperties(client.options, followed);
    }
    const duplicate = client.duplicate.bind(client) as (...args: unknown[]) => Client;
    return Object.assign(client, { duplicate: (...args: unknown[]) => follow(duplicate(...args)) });
  };

  return {
    options: {
      ...(user.username === undefined ? {} : { username: user.username }),
      ...(password === undefined ? {} : { password: password() }),
      ...(tls === undefined ? {} : { tls }),
    },
    sentinelOptions: {
      ...(sentinelUser.username === undefined ? {} : { sentinelUsername: sentinelUser.username }),
      ...(sentinelPassword === undefined ? {} : { sentinelPassword: sentinelPassword() }),
      ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
    },
    follow,
  };
}
