import { Redis } from 'ioredis';
import type { RedisClient } from './connect.ts';

/**
 * Lets the commands that `send` gives to a connection leave in one write, in their order: each by itself would cost a call
 * to the system, here and at the server. A Cluster's client has several connections, and sends them one by one.
 */
export function inOneWrite<T>(redis: RedisClient, send: () => T): T {
  const stream = redis instanceof Redis && redis.status === 'ready' ? redis.stream : undefined;
  stream?.cork();
  try {
    return send();
  } finally {
    stream?.uncork();
  }
}
