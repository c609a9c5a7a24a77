import { accessSync, constants, statSync } from 'node:fs';
import { type Network, nearest, parseNetwork, quoteForLog } from '@tdc/core';
import { ConfigError } from './config-error.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

interface IntegerRule {
  readonly default?: number;
  readonly min: number;
  readonly max: number;
}

/** A host and a port, as `host:port` or `[v6]:port` writes them. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port`, the port from 1; undefined when the text is none. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) return undefined;
  return { host: match[1] ?? match[2] ?? '', port };
}

/** Writes it as {@link parseHostPort} reads it: an IPv6 address stands in brackets. */
export const formatHostPort = ({ host, port }: HostPort): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** Variables of our own that every process may be given and none of them reads. */
const COMMON = ['TDC_READY_FD'];

/**
 * Reads a process's environment. Every reader notes its problem and answers a stand-in value, so that
 * {@link EnvReader.throwIfInvalid} lists all problems at once. An empty variable counts as unset.
 */
export class EnvReader {
  readonly #env: Environment;
  readonly #problems: string[] = [];
  readonly #known = new Set<string>(COMMON);

  constructor(env: Environment) {
    this.#env = env;
  }

  #get(name: string): string | undefined {
    this.#known.add(name);
    const value = this.#env[name];
    return value === undefined || value === '' ? undefined : value;
  }

  #problem(name: string, value: string | undefined, wanted: string): void {
    const shown = value === undefined ? 'is not set' : `is '${quoteForLog(value)}'`;
    this.#problems.push(`${name} ${shown}: ${wanted}`);
  }

  /** Text; a problem when it is neither set nor has a default. */
  text(name: string, rule: { readonly default?: string; readonly wanted?: string } = {}): string {
    const value = this.#get(name) ?? rule.default;
    if (value === undefined) this.#problem(name, undefined, rule.wanted ?? 'it must be set');
    return value ?? '';
  }

  optionalText(name: string): string | undefined {
    return this.#get(name);
  }

  integer(name: string, rule: IntegerRule): number {
    const value = this.#get(name);
    if (value === undefined && rule.default !== undefined) return rule.default;
    const number = Number(value);
    if (value !== undefined && /^\d+$/.test(value) && number >= rule.min && number <= rule.max) return number;
    this.#problem(name, value, `it must be a whole number from ${rule.min} to ${rule.max}`);
    return rule.default ?? rule.min;
  }

  /** Undefined when unset. */
  optionalInteger(name: string, rule: { readonly min: number; readonly max: number }): number | undefined {
    return this.#get(name) === undefined ? undefined : this.integer(name, rule);
  }

  boolean(name: string, otherwise: boolean): boolean {
    const value = this.#get(name);
    if (value === undefined) return otherwise;
    if (/^(true|yes|on|1)$/i.test(value)) return true;
    if (/^(false|no|off|0)$/i.test(value)) return false;
    this.#problem(name, value, 'it must be true or false');
    return otherwise;
  }

  oneOf<T extends string>(name: string, words: readonly T[], otherwise: T): T {
    const value = this.#get(name);
    if (value === undefined) return otherwise;
    const found = words.find((word) => word === value);
    if (found === undefined) this.#problem(name, value, `it must be one of ${words.join(', ')}`);
    return found ?? otherwise;
  }

  /** A Redis URL. Its value is never shown, since it may hold a password. */
  redisUrl(name: string, otherwise?: string): string {
    const value = this.#get(name) ?? otherwise;
    if (value !== undefined && /^(rediss?:\/\/\S+|unix:\/\S+|\/\S+)$/.test(value)) return value;
    this.#problem(
      name,
      value === undefined ? undefined : '…',
      'it must be a URL, redis://host:6379 or rediss://…',
    );
    return 'redis://invalid';
  }

  /** A file that this process can read. */
  readableFile(name: string, what: string): string {
    const value = this.#get(name);
    if (value === undefined) {
      this.#problem(name, undefined, `it must name ${what}`);
      return '';
    }
    if (!isUsable(value, constants.R_OK, 'file')) {
      this.#problem(name, value, `it must name ${what}, a file that can be read`);
    }
    return value;
  }

  /** A file that this process can read; undefined when unset. */
  optionalFile(name: string, what: string): string | undefined {
    return this.#get(name) === undefined ? undefined : this.readableFile(name, what);
  }

  /** A folder that this process can write to; undefined when unset. */
  optionalFolder(name: string): string | undefined {
    const value = this.#get(name);
    if (value === undefined) return undefined;
    if (!isUsable(value, constants.W_OK, 'folder')) {
      this.#problem(name, value, 'it must be a folder that can be written to');
    }
    return value;
  }

  hostPort(name: string, otherwise?: string): HostPort {
    const value = this.#get(name) ?? otherwise;
    const parsed = value === undefined ? undefined : parseHostPort(value);
    if (parsed === undefined) this.#problem(name, value, 'it must be host:port');
    return parsed ?? { host: '', port: 0 };
  }

  /** A comma-separated list of host:port; none when unset. */
  hostPorts(name: string): readonly HostPort[] {
    return this.#list(name).flatMap((item) => {
      const parsed = parseHostPort(item);
      if (parsed === undefined) this.#problem(name, item, 'each item must be host:port');
      return parsed ?? [];
    });
  }

  /** A comma-separated list of networks in CIDR form. */
  networks(name: string, otherwise = ''): readonly Network[] {
    return this.#list(name, otherwise).flatMap((item) => {
      const network = parseNetwork(item);
      if (network === undefined)
        this.#problem(name, item, 'each item must be an address or a network, 10.0.0.0/8');
      return network ?? [];
    });
  }

  #list(name: string, otherwise = ''): readonly string[] {
    return (this.#get(name) ?? otherwise)
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  }

  /** Notes a problem that only the caller can see, such as two values that do not go together. */
  refuse(problem: string): void {
    this.#problems.push(problem);
  }

  /** Throws one {@link ConfigError} with every problem; names that look like a misspelt one are problems too. */
  throwIfInvalid(): void {
    const known = [...this.#known];
    for (const name of Object.keys(this.#env)) {
      if (!name.startsWith('TDC_') || this.#known.has(name)) continue;
      const meant = nearest(name, known);
      if (meant !== undefined && isTypingError(name, meant))
        this.#problems.push(`${name} is not known: did you mean ${meant}?`);
    }
    if (this.#problems.length > 0) throw new ConfigError(this.#problems);
  }
}

/** Whether the path is what is wanted and this process has the right of access `mode` to it. */
function isUsable(path: string, mode: number, wanted: 'file' | 'folder'): boolean {
  try {
    accessSync(path, mode);
    return statSync(path).isDirectory() === (wanted === 'folder');
  } catch {
    return false;
  }
}

/** Another process's variable may share most of a long name; a typing error is one or two letters. */
function isTypingError(name: string, meant: string): boolean {
  const letters = (text: string) => [...text].sort().join('');
  return (
    Math.abs(name.length - meant.length) <= 1 &&
    (letters(name) === letters(meant) || differing(name, meant) <= 1)
  );
}

function differing(a: string, b: string): number {
  if (a.length === b.length) return [...a].filter((character, index) => character !== b[index]).length;
  const [long, short] = a.length > b.length ? [a, b] : [b, a];
  const at = [...short].findIndex((character, index) => character !== long[index]);
  const from = at < 0 ? short.length : at;
  return long.slice(from + 1) === short.slice(from) ? 1 : 2;
}
