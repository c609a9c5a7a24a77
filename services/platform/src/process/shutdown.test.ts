import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Logger } from './logger.ts';
import { createShutdown, type Shutdown } from './shutdown.ts';

function setUp(graceSeconds = 10): { shutdown: Shutdown; notices: string[] } {
  const notices: string[] = [];
  const log: Logger = {
    log: () => undefined,
    flush: () => undefined,
    notice: (_level, name) => void notices.push(name),
  };
  return { shutdown: createShutdown({ log, graceSeconds, now: Date.now }), notices };
}

const never = (): Promise<void> => new Promise(() => undefined);

describe('going down', () => {
  afterEach(() => {
    process.removeAllListeners('SIGTERM');
    process.removeAllListeners('SIGINT');
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`on ${signal} runs the steps one after another, the last added first`, async () => {
      const { shutdown, notices } = setUp();
      const ran: string[] = [];
      for (const name of ['redis', 'grpc', 'smtp']) {
        shutdown.add(name, async () => {
          ran.push(`${name} begins`);
          await Promise.resolve();
          ran.push(`${name} ends`);
        });
      }
      assert.equal(shutdown.isDraining(), false);
      process.emit(signal, signal);
      assert.equal(shutdown.isDraining(), true);
      await shutdown.finished;
      assert.deepEqual(
        ran,
        ['smtp', 'grpc', 'redis'].flatMap((name) => [`${name} begins`, `${name} ends`]),
      );
      assert.deepEqual(notices, ['draining', 'stopped']);
    });
  }

  it('gives every step the same deadline', async () => {
    const { shutdown } = setUp(5);
    const deadlines: number[] = [];
    for (const name of ['a', 'b']) shutdown.add(name, async (deadline) => void deadlines.push(deadline));
    const before = Date.now();
    shutdown.begin('test');
    await shutdown.finished;
    assert.equal(deadlines[0], deadlines[1]);
    assert.ok((deadlines[0] ?? 0) >= before + 5000);
  });

  it('goes on after a step that fails', async () => {
    const { shutdown, notices } = setUp();
    let ran = false;
    shutdown.add('first', async () => {
      ran = true;
    });
    shutdown.add('rejects', () => Promise.reject(new Error('no')));
    shutdown.add('throws', () => {
      throw new Error('no');
    });
    shutdown.begin('test');
    await shutdown.finished;
    assert.ok(ran);
    assert.deepEqual(notices, ['draining', 'drain-failed', 'drain-failed', 'stopped']);
  });

  it('does not wait for a step that never ends', async () => {
    const { shutdown, notices } = setUp(0);
    shutdown.add('hangs', never);
    shutdown.begin('test');
    await shutdown.finished;
    assert.deepEqual(notices, ['draining', 'drain-failed', 'stopped']);
  });

  it('ends at once on a second signal', async () => {
    const { shutdown, notices } = setUp(3600);
    shutdown.add('hangs', never);
    process.emit('SIGTERM', 'SIGTERM');
    process.emit('SIGTERM', 'SIGTERM');
    await shutdown.finished;
    assert.deepEqual(notices, ['draining', 'cut-short']);
  });

  it('begins once, however often it is told to', async () => {
    const { shutdown, notices } = setUp();
    shutdown.begin('test');
    shutdown.begin('again');
    await shutdown.finished;
    assert.deepEqual(notices, ['draining', 'stopped']);
  });
});
