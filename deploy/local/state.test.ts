import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { lockFolder } from './folder-lock.ts';
import { prepareState } from './state.ts';

const EXAMPLE = resolve(import.meta.dirname, 'policy.example.yaml');

describe('the folder of npm start', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tdc-state-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('holds certificates that are kept, with keys that nobody else reads', async () => {
    const first = await prepareState(folder, EXAMPLE);
    const certificate = readFileSync(join(first.standInCertificates, 'default.pem'), 'utf8');
    const parsed = new X509Certificate(certificate);
    assert.equal(parsed.checkHost('setd.localhost'), 'setd.localhost');
    assert.equal(parsed.checkIssued(new X509Certificate(readFileSync(first.caFile))), true);
    assert.equal(statSync(join(first.standInCertificates, 'default.key')).mode & 0o077, 0);
    assert.equal(statSync(first.intake.key).mode & 0o077, 0);
    const second = await prepareState(folder, EXAMPLE);
    assert.equal(readFileSync(join(second.standInCertificates, 'default.pem'), 'utf8'), certificate);
  });

  it('holds a policy that follows the stand-in until somebody edits it', async () => {
    const state = await prepareState(folder, EXAMPLE);
    const text = () => readFileSync(state.policyFile, 'utf8');
    state.writePolicy('2526');
    assert.match(text(), /^ {4}port: 2526$/m);
    assert.match(text(), new RegExp(`caFile: "${state.caFile}"`));
    assert.doesNotMatch(text(), /\$\{/);
    state.writePolicy('12526');
    assert.match(text(), /^ {4}port: 12526$/m);
    appendFileSync(state.policyFile, '# mine\n');
    state.writePolicy('2526');
    assert.match(text(), /^ {4}port: 12526$/m);
    assert.match(text(), /^# mine$/m);
  });

  it('belongs to one start at a time', { skip: process.platform !== 'linux' }, async () => {
    assert.equal(await lockFolder(folder), true);
    assert.equal(await lockFolder(join(folder, '.')), false);
  });
});
