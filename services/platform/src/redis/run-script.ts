import { hash } from 'node:crypto';
import type { RedisClient } from './connect.ts';
import { type CommandArgument, sendCommand } from './send-command.ts';

type Run = (script: string, args: readonly CommandArgument[]) => Promise<unknown>;

/** Runs a script over one key; the answer as text, or as octets. Rejects as any command does. */
export interface ScriptRunner {
  readonly run: Run;
  /** Every text of the answer comes as a Buffer. */
  readonly runForOctets: Run;
}

/**
 * Runs scripts by their hash, and in full where the server does not know it, as after a failover. `key` is KEYS[1] and
 * `prefix` ARGV[1] of all.
 */
export function createScriptRunner(redis: RedisClient, key: string, prefix: string): ScriptRunner {
  const hashes = new Map<string, string>();
  const hashOf = (script: string): string => {
    const known = hashes.get(script);
    if (known !== undefined) return known;
    const made = hash('sha1', script, 'hex');
    hashes.set(script, made);
    return made;
  };
  const send = (name: 'eval' | 'evalsha', what: string, args: readonly CommandArgument[], octets: boolean) =>
    sendCommand(redis, name, [what, 1, key, prefix, ...args], octets ? null : 'utf8');
  const run = async (script: string, args: readonly CommandArgument[], octets: boolean): Promise<unknown> => {
    try {
      return await send('evalsha', hashOf(script), args, octets);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return send('eval', script, args, octets);
    }
  };
  return {
    run: (script, args) => run(script, args, false),
    runForOctets: (script, args) => run(script, args, true),
  };
}
