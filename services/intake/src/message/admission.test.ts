import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import fc from 'fast-check';
import { type Admission, createAdmission, FREE_BYTES } from './admission.ts';

const MB = 1_000_000;
const MAX_MESSAGE = 50 * MB;

/** An admission of 64 MB before a store with so much room. */
function world(room = Number.MAX_SAFE_INTEGER) {
  const store = { room, looks: 0 };
  const admission = createAdmission({
    maxBytes: 64 * MB,
    patienceMs: 30_000,
    storeHasRoom: (bytes) => bytes <= store.room,
    lookAgain: async () => {
      store.looks += 1;
    },
  });
  return { store, admission, open: (declared?: number) => admission.open(arriving(declared), MAX_MESSAGE) };
}

/** A message whose client stays. */
const arriving = (declaredBytes?: number) => ({ declaredBytes, whenGone: () => undefined });

/** What a promise has come to by now; undefined while it has come to nothing. */
async function now<T>(promise: Promise<T> | T): Promise<T | undefined> {
  let value: T | undefined;
  void Promise.resolve(promise).then((answer) => {
    value = answer;
  });
  for (let hops = 0; hops < 10; hops += 1) await Promise.resolve();
  return value;
}

describe('the room of a message', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'Date'] }));
  afterEach(() => mock.timers.reset());

  it('is there for every short message, however many others wait', async () => {
    const { open } = world(0);
    assert.equal(await now(open(MB).need(MB)), undefined);
    assert.equal(open().need(FREE_BYTES), true);
  });

  it('is what was announced, or else what a message may have at most', async () => {
    const { open, admission } = world();
    const announced = open(25 * MB);
    assert.equal(await announced.need(300_000), true);
    assert.equal(admission.bytesInFlight(), 25 * MB);
    assert.equal(await now(open().need(300_000)), undefined);
    announced.leave();
    assert.equal(admission.bytesInFlight(), MAX_MESSAGE);
  });

  it('is asked for anew by a message that is longer than it was announced', async () => {
    const { open, admission } = world();
    const liar = open(300_000);
    assert.equal(await liar.need(280_000), true);
    assert.equal(await liar.need(310_000), true);
    assert.equal(admission.bytesInFlight(), MAX_MESSAGE);
    liar.leave();
    liar.leave();
    assert.equal(admission.bytesInFlight(), 0);
  });

  it('is waited for in order, and no more than there may be are in at once', async () => {
    const { open, admission } = world();
    const rooms = Array.from({ length: 5 }, () => open(25 * MB));
    const asked = rooms.map((room) => room.need(MB));
    const states = () => Promise.all(asked.map(now));
    assert.deepEqual(await states(), [true, true, undefined, undefined, undefined]);
    assert.equal(admission.waiting(), 3);
    rooms[1]?.leave();
    assert.deepEqual(await states(), [true, true, true, undefined, undefined]);
    rooms[0]?.leave();
    rooms[2]?.leave();
    assert.deepEqual(await states(), [true, true, true, true, true]);
  });

  it('is there for one that is larger than all that may be in at once, when it is alone', async () => {
    const admission = createAdmission({
      maxBytes: MB,
      patienceMs: 30_000,
      storeHasRoom: () => true,
      lookAgain: async () => undefined,
    });
    const open = () => admission.open(arriving(5 * MB), MAX_MESSAGE);
    const [first, second] = [open(), open()];
    assert.equal(await first.need(2 * MB), true);
    const waiting = second.need(2 * MB);
    assert.equal(await now(waiting), undefined);
    first.leave();
    assert.equal(await waiting, true);
  });

  it('comes with the room of the store, which is looked at while somebody waits', async () => {
    const { open, store } = world(10 * MB);
    const asked = open(25 * MB).need(MB);
    assert.equal(await now(asked), undefined);
    mock.timers.tick(100);
    assert.equal(await now(asked), undefined);
    store.room = 25 * MB;
    mock.timers.tick(100);
    assert.equal(await asked, true);
    assert.equal(store.looks, 2);
    mock.timers.tick(10_000);
    assert.equal(store.looks, 2);
  });

  it('is not waited for without end, and who has waited in vain is in nobody’s way', async () => {
    const { open, admission } = world(10 * MB);
    const vain = open(25 * MB).need(MB);
    const behind = open(5 * MB).need(MB);
    assert.equal(await now(behind), undefined);
    mock.timers.tick(30_000);
    assert.equal(await vain, false);
    assert.equal(await behind, true);
    assert.equal(admission.waiting(), 0);
  });

  it('is not kept for a client that has gone: its place is the next one’s at once', async () => {
    const { open, admission } = world();
    const gone: (() => void)[] = [];
    const leaving = { declaredBytes: 50 * MB, whenGone: (tell: () => void) => void gone.push(tell) };
    const first = open(25 * MB);
    assert.equal(await first.need(MB), true);
    const left = admission.open(leaving, MAX_MESSAGE);
    const asked = left.need(MB);
    const behind = open(25 * MB).need(MB);
    assert.equal(await now(behind), undefined);
    gone[0]?.();
    assert.equal(admission.waiting(), 0);
    assert.deepEqual([await now(asked), await now(behind)], [false, true]);
    // Told again, or of a message that has its room, it takes nobody's place.
    gone[0]?.();
    left.leave();
    assert.equal(admission.bytesInFlight(), 50 * MB);
    const present = admission.open({ ...leaving, declaredBytes: 10 * MB }, MAX_MESSAGE);
    assert.equal(await present.need(MB), true);
    const last = open(25 * MB).need(MB);
    gone[1]?.();
    assert.deepEqual(
      [await now(last), admission.waiting(), admission.bytesInFlight()],
      [undefined, 1, 60 * MB],
    );
  });

  it('is not waited for when the client has gone before', async () => {
    const { open, admission } = world();
    assert.equal(await open(50 * MB).need(MB), true);
    const late = admission.open({ declaredBytes: 50 * MB, whenGone: (tell) => tell() }, MAX_MESSAGE);
    assert.equal(await now(late.need(MB)), false);
    assert.deepEqual([admission.waiting(), admission.bytesInFlight()], [0, 50 * MB]);
  });

  it('is given back whatever is done, and never more than there is', async () => {
    const sizes = fc.array(fc.tuple(fc.integer({ min: 0, max: 80 * MB }), fc.boolean()), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(sizes, async (messages) => {
        const { open, admission } = world();
        const rooms = messages.map(([bytes, isAnnounced]) => {
          const room = open(isAnnounced ? bytes : undefined);
          return { room, asked: room.need(bytes) };
        });
        for (const { room, asked } of rooms) {
          assert.ok(isWithin(admission));
          assert.equal(await asked, true);
          room.leave();
        }
        assert.deepEqual([admission.bytesInFlight(), admission.waiting()], [0, 0]);
      }),
    );
  });
});

/** One alone may have more. */
const isWithin = (admission: Admission): boolean => admission.bytesInFlight() <= 80 * MB;
