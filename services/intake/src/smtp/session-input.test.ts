import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import type { MessageBody } from './message-body.ts';
import { type InputOwner, SessionInput } from './session-input.ts';

/** One that takes DATA for the beginning of a message, and writes down what it is told. */
class Listening implements InputOwner {
  readonly heard: string[] = [];
  readonly input: SessionInput = new SessionInput(this);
  /** Answers of commands and messages, where they do not come at once. */
  readonly due: (() => void)[] = [];
  readonly #isSlow: boolean;
  readonly #reads: boolean;
  #body: MessageBody | undefined;
  workedOff = 0;

  constructor({ isSlow = false, reads = true } = {}) {
    this.#isSlow = isSlow;
    this.#reads = reads;
  }

  onCommand(line: string, next: () => void): void {
    this.heard.push(line);
    if (line === 'DATA') void this.#receive(this.input.beginMessage());
    if (this.#isSlow && line !== 'DATA') this.due.push(next);
    else next();
  }

  async #receive(body: MessageBody): Promise<void> {
    this.#body = body;
    let text = '';
    if (this.#reads) for await (const piece of body) text += Buffer.from(piece).toString('latin1');
    this.heard.push(`message ${JSON.stringify(text)}`);
    if (this.#reads) this.input.continue();
  }

  onMessageIn(): void {
    this.heard.push('in');
  }

  onLineTooLong(): void {
    this.heard.push('too long');
    this.input.isClosed = true;
  }

  onWorkedOff(next: () => void): void {
    this.workedOff += 1;
    next();
  }

  readPiece(): Promise<unknown> {
    return this.#body?.next() ?? assert.fail('no message was begun');
  }

  /** Resolves when the packet was taken. */
  take(packet: string): Promise<void> {
    const isTaken = this.input.write(Buffer.from(packet, 'latin1'));
    return isTaken ? Promise.resolve() : new Promise((resolve) => void this.input.once('drain', resolve));
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('what a client sends', () => {
  it('is told command by command, however its lines end, and at the end of its packet is worked off', async () => {
    const owner = new Listening();
    await owner.take('EHLO a\r\nNOOP\n\r\nMAIL FROM:<\u00ff>\r\nRS');
    assert.deepEqual(owner.heard, ['EHLO a', 'NOOP', '', 'MAIL FROM:<\u00ff>']);
    assert.equal(owner.workedOff, 1);
    await owner.take('ET\r');
    await owner.take('\n');
    assert.equal(owner.heard.at(-1), 'RSET');
  });

  for (const commands of [99, 100, 101, 250]) {
    it(`${commands} commands in one packet do not keep the others waiting, and the message behind is not lost`, async () => {
      const owner = new Listening();
      let others = 0;
      setImmediate(() => {
        others = owner.heard.length;
      });
      await owner.take(`${'NOOP\r\n'.repeat(commands - 1)}DATA\r\nx\r\n.\r\nQUIT\r\n`);
      await turn();
      assert.deepEqual(owner.heard.slice(commands - 1), ['DATA', 'in', 'message "x\\r\\n"', 'QUIT']);
      assert.ok(others <= 103, `${others} at once`);
    });
  }

  it('waits while a command is not done, or a message not answered', async () => {
    const owner = new Listening({ isSlow: true });
    let isTaken = false;
    const taken = owner.take('STARTTLS\r\nDATA\r\nx\r\n.\r\nQUIT\r\n').then(() => {
      isTaken = true;
    });
    await turn();
    assert.deepEqual([owner.heard, isTaken], [['STARTTLS'], false]);
    owner.due.shift()?.();
    assert.deepEqual(owner.heard, ['STARTTLS', 'DATA', 'in']);
    await turn();
    assert.deepEqual(owner.heard.slice(3), ['message "x\\r\\n"', 'QUIT']);
    owner.due.shift()?.();
    await taken;
  });

  it('is not taken while a reader is behind', async () => {
    const owner = new Listening({ reads: false });
    await owner.take('DATA\r\n');
    await owner.take('x'.repeat(60_000));
    let taken = false;
    void owner.take('y'.repeat(60_000)).then(() => {
      taken = true;
    });
    await turn();
    assert.equal(taken, false);
    await owner.readPiece();
    await owner.readPiece();
    await turn();
    assert.equal(taken, true);
  });

  it('is heard to its end where it comes at once and the client leaves', async () => {
    const owner = new Listening({ isSlow: true });
    let isFinished = false;
    owner.input.once('finish', () => {
      isFinished = true;
    });
    await owner.take('NO');
    const taken = owner.take('OP\r\nDATA\r\nx\r\n.\r\nQUIT\r\nNO');
    owner.input.end();
    await turn();
    owner.due.shift()?.();
    await waitUntil(() => owner.due.length === 1);
    assert.deepEqual(owner.heard, ['NOOP', 'DATA', 'in', 'message "x\\r\\n"', 'QUIT']);
    assert.equal(isFinished, false);
    owner.due.shift()?.();
    await taken;
    await waitUntil(() => isFinished);
    assert.equal(owner.heard.length, 5, 'a line that is cut off is no command');
  });

  it('is taken in large packets without a pause', async () => {
    const owner = new Listening();
    await owner.take('DATA\r\n');
    for (let n = 0; n < 5; n += 1) {
      assert.equal(owner.input.write(Buffer.alloc(1_000_000, 'x')), true);
      await turn();
    }
  });

  it('is not looked at behind a line that is too long', async () => {
    for (const [packet, isTooLong] of [
      [`${'x'.repeat(16 * 1024)}\r\n`, false],
      [`${'x'.repeat(16 * 1024 + 1)}\r\nNOOP\r\n`, true],
      ['x'.repeat(16 * 1024 + 1), true],
    ] as const) {
      const owner = new Listening();
      await owner.take(packet);
      assert.deepEqual(owner.heard, [isTooLong ? 'too long' : packet.trimEnd()]);
    }
  });

  it('means the same in whatever packets it comes', async () => {
    const command = fc.constantFrom('NOOP', 'RSET', '', 'MAIL FROM:<a@b>', 'x'.repeat(300));
    const line = fc.constantFrom('text', '', '.', '..', 'a\rb', '\r', '.\r', 'a\n.', '\n..', '\n.');
    const message = fc
      .array(line, { maxLength: 5 })
      .map((lines) => lines.map((text) => `${text}\r\n`).join(''));
    const step = fc.oneof(
      command.map((text) => ({ wire: `${text}\r\n`, heard: [text] })),
      message.map((text) => ({
        wire: `DATA\r\n${text.replace(/(^|\r\n)\./g, '$1..')}.\r\n`,
        heard: ['DATA', 'in', `message ${JSON.stringify(text)}`],
      })),
    );
    const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 });
    const property = fc.asyncProperty(fc.array(step), sizes, async (steps, lengths) => {
      const owner = new Listening();
      const wire = steps.map((one) => one.wire).join('');
      for (let at = 0, n = 0; at < wire.length; n += 1) {
        const length = lengths[n % lengths.length] ?? 1;
        await owner.take(wire.slice(at, at + length));
        at += length;
      }
      await turn();
      assert.deepEqual(
        owner.heard,
        steps.flatMap((one) => one.heard),
      );
    });
    await fc.assert(property, { numRuns: 300 });
  });
});
