import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Command } from 'ioredis';
import { CHUNK_BYTES, Chunk, createChunks } from './chunk.ts';

function filled(octets: Uint8Array): Chunk {
  const chunk = new Chunk();
  assert.equal(chunk.add(octets), octets.length);
  return chunk;
}

/** What the library itself would write. */
function byTheLibrary(name: string, args: (string | Buffer)[]): Buffer {
  const command = new Command(name, args);
  return Buffer.from(command.toWritable({}));
}

describe('a command with the octets of a chunk', () => {
  it('is what the library would write, whatever the octets and the key', () => {
    const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }), { maxLength: 3 });
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.string({ minLength: 1 }),
        texts,
        (octets, key, behind) => {
          const command = filled(octets).command('set', [key], behind);
          assert.deepEqual(
            Buffer.from(command.toWritable({})),
            byTheLibrary('set', [key, Buffer.from(octets), ...behind]),
          );
          assert.deepEqual(command.getKeys(), [key], 'a Cluster asks for it');
        },
      ),
    );
  });

  it('is so of a full chunk, and where the key is too long for the room in front', () => {
    const octets = Buffer.alloc(CHUNK_BYTES, 'octets\r\n');
    for (const key of ['{tdc}:spool:1', `{tdc}:${'k'.repeat(600)}`]) {
      for (const behind of [[], ['PX', '150000', 'NX']]) {
        const command = filled(octets).command('set', [key], behind);
        assert.ok(Buffer.from(command.toWritable({})).equals(byTheLibrary('set', [key, octets, ...behind])));
      }
    }
  });
});

describe('a chunk', () => {
  it('takes what there is room for, and what it held is gone when it is used again', () => {
    const chunk = new Chunk();
    assert.equal(chunk.add(Buffer.alloc(CHUNK_BYTES - 2, 'a')), CHUNK_BYTES - 2);
    assert.equal(chunk.isFull, false);
    assert.equal(chunk.add(Buffer.from('bcd')), 2);
    assert.equal(chunk.isFull, true);
    assert.equal(chunk.add(Buffer.from('e')), 0);
    assert.equal(chunk.octets.subarray(-3).toString(), 'abc');
    chunk.clear();
    assert.equal(chunk.length, 0);
    chunk.add(Buffer.from('new'));
    assert.equal(chunk.octets.toString(), 'new');
  });

  it('that was given back is the next one, empty', () => {
    const chunks = createChunks();
    const first = chunks.take();
    first.add(Buffer.from('x'));
    chunks.giveBack(first);
    const second = chunks.take();
    assert.equal(second, first);
    assert.equal(second.length, 0);
    assert.notEqual(chunks.take(), first);
  });
});
