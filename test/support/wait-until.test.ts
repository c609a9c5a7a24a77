import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { waitUntil } from './wait-until.ts';

describe('waiting for a condition', () => {
  it('answers what the probe answers in the end, 0 and the empty text too', async () => {
    const answers = [undefined, false, 7];
    assert.equal(await waitUntil(() => answers.shift()), 7);
    assert.equal(await waitUntil(() => 0), 0);
    assert.equal(await waitUntil(async () => ''), '');
  });

  it('asks a probe that throws again', async () => {
    let asked = 0;
    const probe = () => {
      asked += 1;
      if (asked < 3) throw new Error('not yet');
      return 'there';
    };
    assert.equal(await waitUntil(probe), 'there');
  });

  it('fails past its deadline, with what was waited for and the last error', async () => {
    const cause = new Error('still not');
    const probe = (): boolean => {
      throw cause;
    };
    await assert.rejects(waitUntil(probe, { withinSeconds: 0.05, what: 'the end of the world' }), {
      message: 'the end of the world did not come about within 0.05 s',
      cause,
    });
  });
});
