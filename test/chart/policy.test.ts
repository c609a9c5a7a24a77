import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide, type PolicyDocument, parsePolicyDocument } from '@tdc/core';
import { parse } from 'yaml';
import { find, render } from '../support/chart.ts';
import { environmentOf, MODES, ofKind, podOf, renderMode } from './manifests.ts';

type Values = Readonly<Record<string, unknown>>;

/** The document that the policy service gets of these values; authorities are files in its folder. */
function documentOf(values: Values): PolicyDocument {
  const text = find(render(4, values), 'ConfigMap', '-policy').data?.['policy.yaml'] ?? '';
  const parsed = parsePolicyDocument(
    JSON.parse(JSON.stringify(parse(text)).replace(/"caFile":"[^"]*"/, '"verify":true')),
  );
  assert.deepEqual(parsed.kind === 'invalid' ? parsed.problems : [], []);
  assert.ok(parsed.kind === 'valid');
  return parsed.document;
}

/** Where the copy of a message to that recipient goes, and by which policy. */
function fate(document: PolicyDocument, recipient: string): readonly [policy: string, fate: string] {
  const decision = decide(document, {
    sender: 'selftest@tdc.invalid',
    recipients: [recipient],
    clientAddress: '10.244.0.9',
    authenticated: false,
    fields: [],
    trusted: false,
    loop: false,
    bounceOfCopy: false,
  });
  const [splinter] = decision.splinters;
  assert.ok(splinter !== undefined);
  const { policy, action } = splinter;
  return [policy, action.kind === 'enqueue' ? action.intake.alias : action.reason];
}

const OWN = {
  version: 1,
  intakes: { primary: { address: 'journal@setd.example.com' }, lab: { address: 'lab@setd.example.com' } },
  defaultIntake: 'primary',
  policies: [{ name: 'nothing', users: [{ recipient: 'any' }], connector: 'no-scan' }],
};
const CANARY = 'canary@tdc.invalid';

describe('the document of the values', () => {
  it('is one, before anything is set', () => assert.deepEqual(documentOf({}).policies, []));

  it('stays as it is without a canary', () => {
    assert.deepEqual(fate(documentOf({ policy: { document: OWN } }), CANARY)[0], 'nothing');
  });

  it('sends the canary’s copies to the stand-in, over every policy, and nobody else’s', () => {
    const document = documentOf({ standIn: { enabled: true }, policy: { document: OWN } });
    assert.deepEqual(fate(document, CANARY), ['canary', 'stand-in']);
    assert.equal(fate(document, 'joe@example.com')[0], 'nothing');
  });

  it('sends them to the intake that is named', () => {
    const tests = { canaryIntake: 'lab', canaryRecipient: 'probe@monitoring.example' };
    const document = documentOf({ tests, policy: { document: OWN } });
    assert.deepEqual(fate(document, 'probe@monitoring.example'), ['canary', 'lab']);
  });

  it('takes the canary’s domain for local where domains are listed, or its mail would not count as incoming', () => {
    const direction = { localDomains: ['example.com'] };
    const document = documentOf({ standIn: { enabled: true }, policy: { document: { ...OWN, direction } } });
    assert.deepEqual(fate(document, CANARY), ['canary', 'stand-in']);
  });

  it('keeps a policy named canary, and an intake named stand-in, of its own', () => {
    const document = {
      ...OWN,
      intakes: { ...OWN.intakes, 'stand-in': { address: 'own@setd.example.com' } },
      policies: [
        { name: 'Canary', users: [{ recipient: { listed: [CANARY] } }], connector: { custom: 'lab' } },
      ],
    };
    const made = documentOf({ standIn: { enabled: true }, policy: { document } });
    assert.deepEqual(fate(made, CANARY), ['Canary', 'lab']);
    assert.equal(made.intakes['stand-in']?.address, 'own@setd.example.com');
  });
});

describe('helm test', () => {
  it('is there where there is a canary, with our own image and nothing else', () => {
    for (const mode of MODES) {
      const values = mode.values as { standIn?: object; tests?: object };
      const [pod, ...more] = ofKind(renderMode(4, mode), 'Pod');
      assert.equal(pod !== undefined, values.standIn !== undefined || values.tests !== undefined, mode.name);
      assert.deepEqual(more, []);
      if (pod === undefined) continue;
      const [container, ...others] = podOf(pod).containers;
      assert.deepEqual(others, []);
      assert.match(container?.image ?? '', /^tdc:/);
      assert.deepEqual(container?.args?.slice(0, 2), ['tdc', 'selftest']);
    }
  });

  it('shows a certificate where the processes ask for one', () => {
    const tls = { grpc: { mode: 'existingSecret', existingSecret: 'tdc-tls' } };
    const [pod] = ofKind(render(4, { standIn: { enabled: true }, tls }), 'Pod');
    assert.ok(pod !== undefined);
    const [container] = podOf(pod).containers;
    const folders = container?.volumeMounts?.map(({ mountPath }) => mountPath);
    const { TDC_GRPC_TLS_CA_FILE: authority } = environmentOf(container);
    assert.deepEqual([folders, authority], [['/grpc-tls'], '/grpc-tls/ca.crt']);
  });
});
