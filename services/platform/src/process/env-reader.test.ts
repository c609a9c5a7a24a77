import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { ConfigError } from './config-error.ts';
import { type Environment, EnvReader, formatHostPort, parseHostPort } from './env-reader.ts';

const folder = mkdtempSync(join(tmpdir(), 'tdc-env-'));
const file = join(folder, 'a-file');
writeFileSync(file, '');
after(() => rmSync(folder, { recursive: true }));

/** The problems that reading leads to, each as the operator sees it. */
function problemsOf(env: Environment, read: (reader: EnvReader) => unknown): readonly string[] {
  const reader = new EnvReader(env);
  read(reader);
  try {
    reader.throwIfInvalid();
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
}

function readX<T>(value: string | undefined, read: (reader: EnvReader) => T): T {
  const reader = new EnvReader({ TDC_X: value });
  const result = read(reader);
  reader.throwIfInvalid();
  return result;
}

describe('a variable that can be used gives its value', () => {
  const cases: readonly [string, string | undefined, (read: EnvReader) => unknown, unknown][] = [
    ['text', 'a b', (read) => read.text('TDC_X'), 'a b'],
    ['text left out', undefined, (read) => read.text('TDC_X', { default: 'd' }), 'd'],
    ['an empty variable counts as unset', '', (read) => read.text('TDC_X', { default: 'd' }), 'd'],
    ['optional text left out', undefined, (read) => read.optionalText('TDC_X'), undefined],
    ['the least whole number', '1', (read) => read.integer('TDC_X', { min: 1, max: 9 }), 1],
    ['the greatest whole number', '9', (read) => read.integer('TDC_X', { min: 1, max: 9 }), 9],
    ['a number left out', undefined, (read) => read.integer('TDC_X', { default: 5, min: 1, max: 9 }), 5],
    ['a zero is no default', '0', (read) => read.integer('TDC_X', { default: 5, min: 0, max: 9 }), 0],
    ['no number', undefined, (read) => read.optionalInteger('TDC_X', { min: 1, max: 9 }), undefined],
    ['true', 'true', (read) => read.boolean('TDC_X', false), true],
    ['no', 'No', (read) => read.boolean('TDC_X', true), false],
    ['a switch left out', undefined, (read) => read.boolean('TDC_X', true), true],
    ['a word of a list', 'json', (read) => read.oneOf('TDC_X', ['text', 'json'], 'text'), 'json'],
    ['a Redis URL', 'redis://h:6379/1', (read) => read.redisUrl('TDC_X'), 'redis://h:6379/1'],
    ['a Redis socket', '/run/redis.sock', (read) => read.redisUrl('TDC_X'), '/run/redis.sock'],
    ['a file', file, (read) => read.readableFile('TDC_X', 'a thing'), file],
    ['a file that may be left out', file, (read) => read.optionalFile('TDC_X', 'a thing'), file],
    ['a file left out', undefined, (read) => read.optionalFile('TDC_X', 'a thing'), undefined],
    ['a folder', folder, (read) => read.optionalFolder('TDC_X'), folder],
    ['host and port', 'policy:50051', (read) => read.hostPort('TDC_X'), { host: 'policy', port: 50_051 }],
    ['IPv6 and port', '[::1]:53', (read) => read.hostPort('TDC_X'), { host: '::1', port: 53 }],
    [
      'several, with blanks',
      ' 192.0.2.1:53 , [::1]:54,',
      (read) => read.hostPorts('TDC_X'),
      [
        { host: '192.0.2.1', port: 53 },
        { host: '::1', port: 54 },
      ],
    ],
    ['none of several', undefined, (read) => read.hostPorts('TDC_X'), []],
    [
      'networks',
      '10.0.0.0/8, ::1',
      (read) => read.networks('TDC_X', '127.0.0.0/8').map(({ prefixLength }) => prefixLength),
      [8, 128],
    ],
    [
      'networks left out',
      undefined,
      (read) => read.networks('TDC_X', '127.0.0.0/8,::1/128').map(({ prefixLength }) => prefixLength),
      [8, 128],
    ],
  ];
  for (const [name, value, read, expected] of cases) {
    it(name, () => assert.deepEqual(readX(value, read), expected));
  }
});

describe('a variable that cannot be used says its name, its value and what is allowed', () => {
  const cases: readonly [string, string | undefined, (read: EnvReader) => unknown, string][] = [
    ['text that is missing', undefined, (read) => read.text('TDC_X'), 'TDC_X is not set: it must be set'],
    [
      'a number that is missing',
      undefined,
      (read) => read.integer('TDC_X', { min: 1, max: 9 }),
      'TDC_X is not set: it must be a whole number from 1 to 9',
    ],
    ...['0', '10', '-1', '1.5', '1e3', '0x9', ' 5', 'abc'].map(
      (value): [string, string, (read: EnvReader) => unknown, string] => [
        `the number '${value}'`,
        value,
        (read) => read.integer('TDC_X', { default: 5, min: 1, max: 9 }),
        `TDC_X is '${value}': it must be a whole number from 1 to 9`,
      ],
    ),
    [
      'a switch',
      'maybe',
      (read) => read.boolean('TDC_X', true),
      "TDC_X is 'maybe': it must be true or false",
    ],
    [
      'a word',
      'JSON',
      (read) => read.oneOf('TDC_X', ['text', 'json'], 'text'),
      "TDC_X is 'JSON': it must be one of text, json",
    ],
    [
      'a file that is missing',
      join(folder, 'none'),
      (read) => read.readableFile('TDC_X', 'the certificate'),
      `TDC_X is '${join(folder, 'none')}': it must name the certificate, a file that can be read`,
    ],
    [
      'a folder in the place of a file',
      folder,
      (read) => read.readableFile('TDC_X', 'the certificate'),
      `TDC_X is '${folder}': it must name the certificate, a file that can be read`,
    ],
    [
      'a file that is not named',
      undefined,
      (read) => read.readableFile('TDC_X', 'the certificate'),
      'TDC_X is not set: it must name the certificate',
    ],
    [
      'a file in the place of a folder',
      file,
      (read) => read.optionalFolder('TDC_X'),
      `TDC_X is '${file}': it must be a folder that can be written to`,
    ],
    ['a host without port', 'h', (read) => read.hostPort('TDC_X'), "TDC_X is 'h': it must be host:port"],
    ['a port of nothing', 'h:0', (read) => read.hostPort('TDC_X'), "TDC_X is 'h:0': it must be host:port"],
    [
      'one of several',
      'h:1,h',
      (read) => read.hostPorts('TDC_X'),
      "TDC_X is 'h': each item must be host:port",
    ],
    [
      'a network',
      '10.0.0.0/33',
      (read) => read.networks('TDC_X', '127.0.0.0/8'),
      "TDC_X is '10.0.0.0/33': each item must be an address or a network, 10.0.0.0/8",
    ],
    [
      'a value with a line break stays on one line',
      'a\nb',
      (read) => read.boolean('TDC_X', true),
      "TDC_X is 'a\\x0ab': it must be true or false",
    ],
  ];
  for (const [name, value, read, expected] of cases) {
    it(name, () => assert.deepEqual(problemsOf({ TDC_X: value }, read), [expected]));
  }

  it('a Redis URL is never shown, since it may hold a password', () => {
    const [problem] = problemsOf({ TDC_X: 'http://u:secret@h' }, (read) => read.redisUrl('TDC_X'));
    assert.match(problem ?? '', /^TDC_X is '…'/);
  });

  it('a folder that may not be written to', { skip: process.getuid?.() === 0 }, () => {
    chmodSync(folder, 0o500);
    try {
      assert.equal(problemsOf({ TDC_X: folder }, (read) => read.optionalFolder('TDC_X')).length, 1);
    } finally {
      chmodSync(folder, 0o700);
    }
  });
});

describe('throwIfInvalid', () => {
  const readThree = (read: EnvReader): void => {
    read.integer('TDC_HTTP_PORT', { default: 9090, min: 0, max: 65_535 });
    read.text('TDC_POLICY_FILE', { default: '' });
    read.oneOf('TDC_LOG_FORMAT', ['text', 'json'], 'text');
  };

  it('lists every problem in one error', () => {
    const env = { TDC_HTTP_PORT: 'x', TDC_LOG_FORMAT: 'y' };
    assert.equal(problemsOf(env, readThree).length, 2);
  });

  it('lists a problem that only the caller can see', () => {
    assert.deepEqual(
      problemsOf({}, (read) => read.refuse('A and B do not go together')),
      ['A and B do not go together'],
    );
  });

  const misspelt: readonly [string, string][] = [
    ['TDC_HTTP_PROT', 'TDC_HTTP_PORT'],
    ['TDC_HTPP_PORT', 'TDC_HTTP_PORT'],
    ['TDC_HTTPPORT', 'TDC_HTTP_PORT'],
    ['TDC_POLICY_FILES', 'TDC_POLICY_FILE'],
    ['TDC_LOG_FORMATT', 'TDC_LOG_FORMAT'],
  ];
  for (const [name, meant] of misspelt) {
    it(`${name} is taken for a misspelt ${meant}; its value is not shown`, () => {
      assert.deepEqual(problemsOf({ [name]: 'secret' }, readThree), [
        `${name} is not known: did you mean ${meant}?`,
      ]);
    });
  }

  it('variables of other processes and of other programs are nobody’s typing error', () => {
    const others = [
      'TDC_SMTP_PORT',
      'TDC_LMTP_PORT',
      'TDC_POLICY_ADDRESS',
      'TDC_READY_FD',
      'HTTP_PORT',
      'PATH',
    ];
    assert.deepEqual(problemsOf(Object.fromEntries(others.map((name) => [name, 'x'])), readThree), []);
  });
});

describe('host and port', () => {
  for (const text of ['policy:50051', '192.0.2.1:53', '[2001:db8::1]:53']) {
    it(`${text} is written as it is read`, () => {
      const read = parseHostPort(text);
      assert.equal(read === undefined ? undefined : formatHostPort(read), text);
    });
  }
  for (const text of ['', ':1', 'h:', 'h:65536', 'h:1:2', '::1:53', '[::1]', '[h:1', 'h:1x', 'a b:1']) {
    it(`'${text}' is none`, () => assert.equal(parseHostPort(text), undefined));
  }
});
