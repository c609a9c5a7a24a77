import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { logRefusedPeers } from './refused-peers.ts';

describe('connections refused behind a proxy', () => {
  it('are written once a minute for each reason, with how many were not', () => {
    let at = 0;
    const lines: string[] = [];
    const refused = logRefusedPeers(
      { notice: (level, name, text) => void lines.push(`${level} ${name} ${text}`) },
      () => at,
    );
    refused('late', '10.0.0.1', 'first');
    refused('late', '10.0.0.2', 'second');
    at = 59_999;
    refused('late', '10.0.0.3', 'third');
    refused('untrusted', '192.0.2.1', 'another');
    at = 60_000;
    refused('late', '10.0.0.4', 'fourth');
    at = 120_000;
    refused('late', '10.0.0.5', 'fifth');
    assert.deepEqual(lines, [
      'warning proxy-header-refused connection from 10.0.0.1 refused: first',
      'warning proxy-header-refused connection from 192.0.2.1 refused: another',
      'warning proxy-header-refused connection from 10.0.0.4 refused: fourth (and 2 more since)',
      'warning proxy-header-refused connection from 10.0.0.5 refused: fifth',
    ]);
  });
});
