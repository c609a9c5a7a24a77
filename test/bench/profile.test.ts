import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CpuProfile, packageOf, summarizeProfile } from './profile.ts';

const frame = (id: number, functionName: string, url: string, lineNumber = 0) => ({
  id,
  callFrame: { functionName, url, lineNumber },
});

const profile: CpuProfile = {
  nodes: [
    frame(1, '(idle)', ''),
    frame(2, 'parse', 'file:///srv/services/intake/src/message/read.ts', 9),
    frame(3, '', 'file:///srv/node_modules/ioredis/built/Redis.js'),
    frame(4, 'parse', 'file:///srv/services/intake/src/message/read.ts', 9),
    frame(5, '(garbage collector)', ''),
  ],
  samples: [1, 2, 3, 4, 5],
  timeDeltas: [1_000_000, 30_000, 20_000, 40_000, 10_000],
};

describe('a CPU profile', () => {
  const { busyMs, functions, packages } = summarizeProfile(profile, 10);

  it('does not count idle time', () => assert.equal(busyMs, 100));
  it('adds up a function that was called from several places', () => {
    assert.deepEqual(functions[0], { name: 'parse message/read.ts:10', milliseconds: 70, share: 0.7 });
  });
  it('names what has no name', () => assert.equal(functions[1]?.name, '(anonymous) built/Redis.js:1'));
  it('adds up packages', () => {
    assert.deepEqual(
      packages.map(({ name, milliseconds }) => [name, milliseconds]),
      [
        ['intake/message', 70],
        ['ioredis', 20],
        ['(garbage collector)', 10],
      ],
    );
  });
  it('shows the most alone', () => assert.equal(summarizeProfile(profile, 1).functions.length, 1));
});

describe('whose code a frame is', () => {
  const cases: readonly [string, string, string][] = [
    ['write', 'node:net', 'node'],
    ['(program)', '', '(program)'],
    ['writev', '', 'native'],
    ['add', 'file:///srv/node_modules/bullmq/dist/esm/queue.js', 'bullmq'],
    ['call', 'file:///srv/node_modules/@grpc/grpc-js/build/src/client.js', '@grpc/grpc-js'],
    ['x', 'file:///srv/node_modules/a/node_modules/b/index.js', 'b'],
    ['main', 'file:///srv/services/delivery/src/main.ts', 'delivery'],
    ['encode', 'file:///srv/proto/gen/tdc/policy/v1/policy.ts', 'proto'],
  ];
  for (const [functionName, url, expected] of cases)
    it(`${functionName} ${url} is ${expected}`, () => assert.equal(packageOf(functionName, url), expected));
});
