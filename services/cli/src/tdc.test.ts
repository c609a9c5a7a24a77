import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { VERSION } from '@tdc/platform';
import { COMMANDS, runTdc } from './tdc.ts';

const folder = mkdtempSync(join(tmpdir(), 'tdc-cli-'));
after(() => rmSync(folder, { recursive: true }));

const fileWith = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

/** Words that must not be understood, what is said about them, and the status. */
type Refused = readonly [string, readonly string[], number, RegExp];

describe('tdc', () => {
  it('lists its commands, without words and with --help', async () => {
    const bare = await runTdc([], {});
    assert.equal(bare.exitCode, 0);
    for (const { name, summary } of COMMANDS)
      assert.ok(bare.out.includes(`  ${name.padEnd(18)}${summary}\n`));
    for (const words of [['--help'], ['-h'], ['help']]) assert.deepEqual(await runTdc(words, {}), bare);
  });

  it('tells its version', async () => {
    assert.deepEqual(await runTdc(['--version'], {}), { exitCode: 0, out: `tdc ${VERSION}\n`, err: '' });
  });

  for (const { name, options } of COMMANDS) {
    it(`explains ${name}: every option, an example, and what the exit status means`, async () => {
      const help = await runTdc([...name.split(' '), '--help'], {});
      assert.equal(help.exitCode, 0);
      assert.ok(help.out.startsWith(`Usage: tdc ${name}`));
      for (const option of [...Object.keys(options), 'json'])
        assert.match(help.out, new RegExp(`^  (-., )?--${option}\\b`, 'm'), option);
      assert.match(help.out, /^Exit status: /m);
      assert.match(help.out, new RegExp(`^Examples?:\\n  tdc ${name}`, 'm'));
      for (const line of help.out.split('\n')) assert.ok(line.length <= 100, line);
      assert.deepEqual(await runTdc(['help', ...name.split(' ')], {}), help);
    });
  }

  it('lists the commands of a group', async () => {
    const help = await runTdc(['policy', '--help'], {});
    assert.equal(help.exitCode, 0);
    assert.match(help.out, /^ {2}policy show .*\n {2}policy explain .*\n {2}policy validate .*$/m);
    assert.deepEqual(await runTdc(['policy'], {}), { exitCode: 64, out: '', err: help.out });
  });

  const refused: readonly Refused[] = [
    ['an unknown command', ['frobnicate'], 64, /^tdc: unknown command 'frobnicate'\nTry 'tdc --help'\.\n$/],
    ['a misspelt command', ['tophost'], 64, /did you mean 'tophosts'\?/],
    [
      'a misspelt command of a group',
      ['policy', 'vaildate', 'x'],
      64,
      /'policy vaildate'; did you mean 'policy validate'\?/,
    ],
    [
      'an option before the command',
      ['--json', 'tophosts'],
      64,
      /unknown option --json: options stand behind/,
    ],
    [
      'an unknown option',
      ['tophosts', '--frob'],
      64,
      /^tdc tophosts: unknown option --frob\nTry 'tdc tophosts --help'\.\n$/,
    ],
    [
      'a misspelt option',
      ['tophosts', '--sotr', 'active'],
      64,
      /unknown option --sotr; did you mean --sort\?/,
    ],
    ['an option without its value', ['tophosts', '--sort'], 64, /--sort/],
    ['a value for a flag', ['tophosts', '--json=yes'], 64, /--json/],
    ['a word too many', ['tophosts', 'the.tdc.queue'], 64, /unexpected argument 'the\.tdc\.queue'/],
    ['a second host', ['hoststatus', 'a', 'b'], 64, /unexpected argument 'b'/],
    [
      'an unknown column',
      ['tophosts', '--sort', 'age'],
      64,
      /must be one of active, connections, delivered, soft, hard, host/,
    ],
    ['no host', ['hoststatus'], 64, /which host\?/],
    ['no message', ['track'], 64, /which MID or Message-ID\?/],
    ['no file', ['policy', 'validate'], 64, /which file\?/],
    ['no sender', ['policy', 'explain', '--to', 'a@b.example'], 64, /--from is missing/],
    ['no recipient', ['policy', 'explain', '--from', 'a@b.example'], 64, /--to is missing/],
    [
      'a recipient that is no address',
      ['policy', 'explain', '--from', '<>', '--to', 'joe'],
      64,
      /'joe' is no mail address/,
    ],
    [
      'a client that is no IP address',
      ['policy', 'explain', '--from', '<>', '--to', 'a@b.example', '--client', 'mx'],
      64,
      /--client is 'mx': it must be an IP address/,
    ],
    [
      'a header file that is not there',
      ['policy', 'explain', '--from', '<>', '--to', 'a@b.example', '--header-file', '/nowhere/x.eml'],
      66,
      /^\/nowhere\/x\.eml cannot be read: /,
    ],
    [
      'a policy file that is not there',
      ['policy', 'validate', '/nowhere/x.yaml'],
      66,
      /^\/nowhere\/x\.yaml cannot be read: /,
    ],
    [
      'a message that is not there',
      ['send', '--file', '/nowhere/x.eml'],
      66,
      /^\/nowhere\/x\.eml cannot be read: /,
    ],
    [
      'an address that would be a command',
      ['send', '--to', 'a@b.example>\r\nDATA'],
      64,
      /is no mail address/,
    ],
    ['a time that is none', ['send', '--timeout', 'soon'], 64, /--timeout must be a number/],
    ['a self-test for nobody', ['selftest', '--to', 'joe'], 64, /'joe' is no mail address/],
    ['a self-test without end', ['selftest', '--timeout', 'soon'], 64, /--timeout must be a number/],
    [
      'an address without a port',
      ['tophosts', '--monitor', 'monitor'],
      64,
      /--monitor is 'monitor': it must be host:port/,
    ],
  ];
  for (const [name, words, exitCode, err] of refused) {
    it(`refuses ${name}`, async () => {
      const outcome = await runTdc(words, {});
      assert.match(outcome.err, err);
      assert.equal(outcome.exitCode, exitCode);
      assert.equal(outcome.out, '');
    });
  }
});

describe('a service that does not answer', () => {
  const nobody = '127.0.0.1:1';
  const unreachable: readonly [readonly string[], string, string, string][] = [
    [['tophosts'], 'the monitor', '--monitor', 'TDC_MONITOR_ADDRESS'],
    [['hoststatus', 'x'], 'the monitor', '--monitor', 'TDC_MONITOR_ADDRESS'],
    [['track', '1'], 'the monitor', '--monitor', 'TDC_MONITOR_ADDRESS'],
    [['accounting'], 'the monitor', '--monitor', 'TDC_MONITOR_ADDRESS'],
    [['policy', 'show'], 'the policy service', '--policy', 'TDC_POLICY_ADDRESS'],
    [
      ['policy', 'explain', '--from', '<>', '--to', 'a@b.example'],
      'the policy service',
      '--policy',
      'TDC_POLICY_ADDRESS',
    ],
    [['send'], 'intake', '--server', 'TDC_SMTP_ADDRESS'],
  ];
  for (const [words, what, flag, variable] of unreachable) {
    it(`makes tdc ${words.join(' ')} end with status 69 and one line that names it`, async () => {
      const byFlag = await runTdc([...words, flag, nobody], {});
      assert.equal(byFlag.exitCode, 69);
      assert.equal(byFlag.out, '');
      assert.equal(byFlag.err.trimEnd().split('\n').length, 1);
      assert.ok(
        byFlag.err.startsWith(`${what} does not answer at ${nobody} (${flag}, ${variable})`),
        byFlag.err,
      );
      assert.deepEqual(await runTdc(words, { [variable]: nobody }), byFlag);
    });
  }

  it('is looked for where the flag says, whatever the variable says', async () => {
    const outcome = await runTdc(['tophosts', '--monitor', nobody], { TDC_MONITOR_ADDRESS: '127.0.0.1:2' });
    assert.match(outcome.err, /at 127\.0\.0\.1:1 /);
  });

  it('is named by its variable when that is no address', async () => {
    const outcome = await runTdc(['tophosts'], { TDC_MONITOR_ADDRESS: 'x' });
    assert.match(outcome.err, /^TDC_MONITOR_ADDRESS is 'x'/);
    assert.equal(outcome.exitCode, 64);
  });
});

describe('tdc policy validate', () => {
  const good = fileWith(
    'good.yaml',
    'version: 1\nintakes:\n  primary: { address: a@setd.example }\ndefaultIntake: primary\n',
  );
  const bad = fileWith('bad.yaml', 'version: 1\nintakes:\n  primary:\n    adress: a@setd.example\n');

  it('says that a document is valid', async () => {
    const outcome = await runTdc(['policy', 'validate', good], {});
    assert.deepEqual(outcome, { exitCode: 0, out: `${good}: valid, 0 policies, 1 intakes\n`, err: '' });
    const asJson = await runTdc(['policy', 'validate', good, '--json'], {});
    assert.deepEqual(JSON.parse(asJson.out), { valid: true, problems: [] });
  });

  it('lists every problem with its place, and ends with status 65', async () => {
    const outcome = await runTdc(['policy', 'validate', bad], {});
    assert.equal(outcome.exitCode, 65);
    assert.equal(outcome.out, '');
    const lines = outcome.err.trimEnd().split('\n');
    assert.ok(lines.length >= 2, outcome.err);
    for (const line of lines) assert.match(line, /bad\.yaml:\d+:\d+: [a-z.]+: .+/);
    assert.match(
      outcome.err,
      /bad\.yaml:4:\d+: intakes\.primary\.adress: unknown key; did you mean address\?/,
    );
  });

  it('lists them as JSON, too', async () => {
    const outcome = await runTdc(['policy', 'validate', bad, '--json'], {});
    assert.equal(outcome.exitCode, 65);
    assert.equal(outcome.err, '');
    const { valid, problems } = JSON.parse(outcome.out) as { valid: boolean; problems: object[] };
    assert.equal(valid, false);
    assert.deepEqual(Object.keys(problems[0] ?? {}), ['line', 'column', 'field', 'message']);
  });
});
