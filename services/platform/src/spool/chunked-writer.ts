import { createHash, type Hash, hash } from 'node:crypto';
import type { RedisClient } from '../redis/connect.ts';
import { inOneWrite } from '../redis/one-write.ts';
import type { ScriptRunner } from '../redis/run-script.ts';
import { sendCommand } from '../redis/send-command.ts';
import type { Chunk, Chunks } from './chunk.ts';
import type { FinishedBody, SpoolOptions, SpoolWriter } from './spool.ts';

/** What writers have in common. */
interface Common {
  readonly redis: RedisClient;
  readonly run: ScriptRunner['run'];
  readonly chunks: Chunks;
  readonly options: SpoolOptions;
}

/** The field of a body that is there from its beginning on; each chunk has the field of its number, from 0 on. */
const BEGUN = 'begun';

/**
 * Begins a body, with its time to live from its first moment on: nothing that is cut off between two commands stays for
 * ever. ARGV: prefix, key, time to live in milliseconds. Answers 0 where the key has the body of another message: a Redis
 * that lost its numbers gives them out again.
 */
const BEGIN_BODY = `
local key = ARGV[2]
if redis.call('EXISTS', key) == 1 then return 0 end
redis.call('HSET', key, '${BEGUN}', '')
return redis.call('PEXPIRE', key, ARGV[3])
`;

/** Takes one message as it is received, and stores one that is not short in chunks. */
export class ChunkedWriter implements SpoolWriter {
  readonly #key: string;
  readonly #redis: RedisClient;
  readonly #run: ScriptRunner['run'];
  readonly #chunks: Chunks;
  readonly #ttlMs: number;
  readonly #shortBytes: number;
  /** The octets, as long as the message is a short one. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  /** The octets of a longer one that are not stored yet. */
  #chunk: Chunk | undefined;
  #hash: Hash | undefined;
  #storedChunks = 0;
  #storedBytes = 0;
  #begun = false;

  constructor(key: string, { redis, run, chunks, options }: Common) {
    this.#key = key;
    this.#redis = redis;
    this.#run = run;
    this.#chunks = chunks;
    this.#ttlMs = options.ttlSeconds * 1000;
    this.#shortBytes = options.shortBytes ?? -1;
  }

  async write(octets: Uint8Array): Promise<void> {
    if (this.#isShort) {
      this.#pending.push(octets);
      this.#pendingBytes += octets.length;
      if (this.#pendingBytes > this.#shortBytes) await this.#fillWithPending();
    } else await this.#fill(octets);
  }

  async finish(): Promise<FinishedBody> {
    if (this.#isShort && this.#pendingBytes <= this.#shortBytes) {
      const unstored = this.#takePending();
      return { sizeBytes: unstored.length, sha256: hash('sha256', unstored, 'hex'), unstored };
    }
    if (this.#chunk !== undefined && this.#chunk.length > 0) await this.#store(this.#chunk);
    else if (!this.#begun) await this.#begin();
    // The last chunk may have come long before the end of the message: the life begins here.
    else if ((await this.#redis.pexpire(this.#key, this.#ttlMs)) !== 1) throw lostBeginning();
    this.#release();
    this.#hash ??= createHash('sha256');
    return { sizeBytes: this.#storedBytes, sha256: this.#hash.digest('hex'), unstored: undefined };
  }

  async abandon(): Promise<void> {
    this.#takePending();
    this.#release();
    if (this.#begun) await this.#redis.unlink(this.#key).catch(() => 0);
  }

  get #isShort(): boolean {
    return this.#chunk === undefined && !this.#begun;
  }

  #takePending(): Buffer {
    const [only] = this.#pending;
    const octets =
      only instanceof Buffer && this.#pending.length === 1
        ? only
        : Buffer.concat(this.#pending, this.#pendingBytes);
    this.#pending = [];
    this.#pendingBytes = 0;
    return octets;
  }

  /** The message turns out to be a longer one. */
  async #fillWithPending(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    for (const octets of pending) await this.#fill(octets);
  }

  async #fill(octets: Uint8Array): Promise<void> {
    for (let at = 0; at < octets.length; ) {
      this.#chunk ??= this.#chunks.take();
      at += this.#chunk.add(at === 0 ? octets : octets.subarray(at));
      if (this.#chunk.isFull) await this.#store(this.#chunk);
    }
  }

  async #begin(): Promise<void> {
    this.#begun = true;
    if ((await this.#run(BEGIN_BODY, [this.#key, this.#ttlMs])) === 1) return;
    this.#begun = false;
    throw new Error('the spool holds another message under this MID');
  }

  /**
   * The chunk is in nobody's hands while it is stored: one whose fate is not known is not used again. Every chunk renews the
   * life: a slow sender's message must not expire while it is coming in.
   */
  async #store(chunk: Chunk): Promise<void> {
    if (!this.#begun) await this.#begin();
    this.#chunk = undefined;
    const number = this.#storedChunks;
    const answers = inOneWrite(this.#redis, () =>
      Promise.all([
        this.#redis.sendCommand(chunk.command('hset', [this.#key, String(number)], [BEGUN, ''])),
        sendCommand(this.#redis, 'pexpire', [this.#key, this.#ttlMs], 'utf8'),
      ]),
    );
    this.#hash ??= createHash('sha256');
    this.#hash.update(chunk.octets);
    const [added] = await answers;
    // A key that expired in between begins anew with this chunk: then the field of its beginning is new, too.
    if (added !== 1) throw lostBeginning();
    this.#storedChunks += 1;
    this.#storedBytes += chunk.length;
    chunk.clear();
    this.#chunk = chunk;
  }

  #release(): void {
    if (this.#chunk !== undefined) this.#chunks.giveBack(this.#chunk);
    this.#chunk = undefined;
  }
}

const lostBeginning = (): Error => new Error('the spooled message lost its beginning');
