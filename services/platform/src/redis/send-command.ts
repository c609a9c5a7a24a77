import { Command } from 'ioredis';
import type { RedisClient } from './connect.ts';

export type CommandArgument = string | number | Buffer;

/**
 * Sends a command whose answer's texts come as text (`utf8`) or as octets (`null`). It is made here: one that the library
 * makes, or a script that it defines, costs a promise and several closures more, for each call. Rejects as any does.
 */
export function sendCommand(
  redis: RedisClient,
  name: string,
  args: readonly CommandArgument[],
  replyEncoding: 'utf8' | null,
): Promise<unknown> {
  return redis.sendCommand(new Command(name, [...args], { replyEncoding })) as Promise<unknown>;
}
