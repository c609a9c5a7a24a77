import { hash } from 'node:crypto';
import type { RedisClient } from './connect.ts';

export type ScriptArgument = string | number | Buffer;

/** Runs a script over one key; the answer as text, or as octets. Rejects as any command does. */
export interface ScriptRunner {
  run(script: string, ...args: readonly ScriptArgument[]): Promise<unknown>;
  /** Every text of the answer comes as a Buffer. */
  runForOctets(script: string, ...args: readonly ScriptArgument[]): Promise<unknown>;
}

type Command = (...args: readonly ScriptArgument[]) => Promise<unknown>;

/** Runs scripts by their hash, which ioredis sends in full where the server does not know it. `key` is KEYS[1] of all. */
export function createScriptRunner(redis: RedisClient, key: string): ScriptRunner {
  const names = new Map<string, string>();
  const nameOf = (script: string): string => {
    const known = names.get(script);
    if (known !== undefined) return known;
    const name = `tdc${hash('sha256', script, 'hex').slice(0, 12)}`;
    redis.defineCommand(name, { numberOfKeys: 1, lua: script });
    names.set(script, name);
    return name;
  };
  const call = async (name: string, args: readonly ScriptArgument[]): Promise<unknown> =>
    (redis as unknown as Record<string, Command>)[name]?.call(redis, key, ...args);
  return {
    run: (script, ...args) => call(nameOf(script), args),
    runForOctets: (script, ...args) => call(`${nameOf(script)}Buffer`, args),
  };
}
