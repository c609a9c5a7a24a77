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

class AccompaniedCommand extends Command {
  override setTimeout(): void {}
}

/**
 * The same for a command with another behind it in the same write, whose time is that of both: answers come in order, and a
 * timer costs more than most commands. Whoever waits for this one waits for the other, too.
 */
export function sendAccompanied(
  redis: RedisClient,
  name: string,
  args: readonly CommandArgument[],
): Promise<unknown> {
  return redis.sendCommand(
    new AccompaniedCommand(name, [...args], { replyEncoding: 'utf8' }),
  ) as Promise<unknown>;
}
