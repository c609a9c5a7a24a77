import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DASHBOARD_FILES, DEFAULT_SETTINGS, DEFERRALS, ruleFile, ruleGroups } from '@tdc/observability';
import { connectRedis } from '@tdc/platform';
import { createAuthority } from '@tdc/stand-in';
import { filesBelow, textOf } from '../architecture/source-tree.ts';
import { type DashboardModel, metricsIn, shown, substituted } from '../chart/dashboard.ts';
import { whyNoDebian } from '../support/debian.ts';
import { mistrustedPolicy } from '../support/mistrusted-intake.ts';
import { type PrometheusServer, startPrometheus } from '../support/prometheus-server.ts';
import { bringPrometheus, promtool } from '../support/promtool.ts';
import { sendMail } from '../support/smtp-sender.ts';
import { type ServiceName, type Stack, startStack } from '../support/stack.ts';
import { waitUntil } from '../support/wait-until.ts';

const SERVICES: readonly ServiceName[] = ['intake', 'delivery', 'policy', 'monitor'];
const boards = Object.values(DASHBOARD_FILES).map((text) => JSON.parse(text) as DashboardModel);
const rules = ruleGroups(DEFAULT_SETTINGS).flatMap((group) => group.rules);

/** Panels without an answer in a system as it should be, and why. */
const MAY_BE_EMPTY: Readonly<Record<string, string>> = {
  'Firing alerts': 'nothing need be firing',
};
/** Queries without an answer: what they ask of does not exist outside Kubernetes. */
const OF_KUBERNETES = /kube_/;

/** Metrics that no dashboard and no alert uses, and why. */
const UNUSED: Readonly<Record<string, string>> = {};

describe('dashboards and rules over the whole system', { skip: whyNoDebian() ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tdc-live-'));
  let stack: Stack;
  let prometheus: PrometheusServer;
  const expositions = new Map<ServiceName, string>();

  const send = (to: string): Promise<string> =>
    sendMail(
      stack.smtp,
      { from: 'a@example.org', to: [`${to}@example.com`] },
      `From: a@example.org\r\nSubject: ${to}\r\n\r\nText\r\n`,
    );

  before(async () => {
    bringPrometheus();
    const wrongCa = join(folder, 'wrong-ca.pem');
    writeFileSync(wrongCa, (await createAuthority()).cert);
    stack = await startStack({ policy: mistrustedPolicy(wrongCa), deliveries: 2 });
    const redis = connectRedis(stack.redis.url, { role: 'command' });
    await waitUntil(async () => (await redis.config('SET', 'maxmemory', '512mb')) === 'OK');
    redis.disconnect();
    const http = (name: string): string =>
      stack.service(name as ServiceName).addresses['http'] ?? assert.fail(name);
    prometheus = await startPrometheus({
      targets: {
        'tdc-intake': [http('intake')],
        'tdc-delivery': [http('delivery'), http('delivery-2')],
        'tdc-policy': [http('policy')],
        'tdc-monitor': [http('monitor')],
      },
      labels: { namespace: 'mail' },
      rules: ruleFile(DEFAULT_SETTINGS),
    });
    stack.standIn.script({
      steps: { 'final-dot': [{ reply: '451 4.3.0 Later' }, { reply: '554 5.6.0 No' }] },
    });
    for (const to of ['jim', 'joe', 'mistrusted', 'nobody', 'ann']) assert.match(await send(to), /^250/);
    // More of each, once the first are seen, so that every rate has two samples that differ.
    await waitUntil(async () => (await prometheus.query('tdc_delivered_recipients_total > 0')).length > 0, {
      withinSeconds: 30,
    });
    for (const to of ['jim', 'mistrusted', 'nobody', 'ann']) assert.match(await send(to), /^250/);
    await waitUntil(() => stack.settled(), { withinSeconds: 60 });
    await waitUntil(
      async () => (await prometheus.query('intake:tdc_copies_bad:ratio_rate30d > 0')).length === 2,
      {
        withinSeconds: 30,
        what: 'the share of bad copies of both intakes',
      },
    );
    for (const name of SERVICES)
      expositions.set(name, await (await fetch(`http://${http(name)}/metrics`)).text());
  });
  after(async () => {
    await prometheus?.stop();
    await stack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Names that the processes export. */
  const exported = (): ReadonlySet<string> =>
    new Set(
      [...expositions.values()].flatMap((text) =>
        [...text.matchAll(/^([a-z_0-9]+)[{ ]/gm)].map((m) => m[1] ?? ''),
      ),
    );
  const unknownIn = (expr: string): readonly string[] => {
    const recorded = rules.flatMap((rule) => ('record' in rule ? [rule.record] : []));
    const known = exported();
    return metricsIn(expr).filter(
      (name) => !known.has(name) && !recorded.includes(name) && !OF_KUBERNETES.test(name),
    );
  };

  for (const name of SERVICES) {
    it(`what ${name} exports passes promtool check metrics`, () => {
      // The client library's own names are not ours to mend.
      const ours = (expositions.get(name) ?? '').split('\n').filter((line) => /^(# \w+ )?tdc_/.test(line));
      assert.equal(promtool(['check', 'metrics'], `${ours.join('\n')}\n`), '');
    });
  }

  for (const board of boards) {
    for (const { title, targets = [] } of shown(board)) {
      it(`${board.title}, ${title}: every query has an answer`, async () => {
        for (const { expr } of targets) {
          const samples = await prometheus.query(substituted(expr));
          if (title in MAY_BE_EMPTY || OF_KUBERNETES.test(expr)) continue;
          assert.ok(samples.length > 0, `nothing: ${substituted(expr)}`);
          assert.deepEqual(unknownIn(expr), []);
        }
      });
    }

    it(`${board.title}: variables have values, annotations can be asked for`, async () => {
      for (const { query } of board.templating.list.slice(1)) {
        const [, selector = ''] =
          /^label_values\((.*), \w+\)$/.exec((query as { query: string }).query) ?? [];
        assert.ok((await prometheus.query(substituted(selector))).length > 0, selector);
      }
      for (const { expr } of board.annotations.list) await prometheus.query(substituted(expr));
    });
  }

  for (const rule of rules) {
    const name = 'record' in rule ? rule.record : `${rule.alert} (${rule.labels.severity})`;
    it(`${name} can be evaluated, and asks of what there is`, async () => {
      const samples = await prometheus.query(rule.expr);
      if ('record' in rule) assert.ok(samples.length > 0, 'nothing is recorded');
      assert.deepEqual(unknownIn(rule.expr), []);
    });
  }

  for (const path of [...filesBelow('docs/runbooks', '.md'), 'docs/metrics.md', 'docs/dashboards.md']) {
    it(`the queries of ${path} can be asked`, async () => {
      for (const [, block = ''] of textOf(path).matchAll(/^```promql\n(.*?)^```/gms)) {
        for (const expr of block.split('\n').filter((line) => line.trim() !== '')) {
          await prometheus.query(expr);
          assert.deepEqual(unknownIn(expr), [], expr);
        }
      }
    });
  }

  it('the alert on deferrals looks at every reason for which the gateway keeps a message', () => {
    const refused = /^tdc_intake_messages_refused_total\{reason="([^"]+)"\}/gm;
    const reasons = [...(expositions.get('intake') ?? '').matchAll(refused)].map((match) => match[1] ?? '');
    /** For good; and given up by the gateway itself. */
    const others = ['too-large', 'bare-newlines', 'tls-required', 'aborted'];
    assert.deepEqual(
      reasons.filter((reason) => !others.includes(reason)).sort(),
      DEFERRALS.split('|').sort(),
    );
  });

  it('every metric is looked at by a panel or an alert, or left out on purpose', () => {
    const used = new Set(
      [...boards.flatMap((board) => shown(board).flatMap(({ targets = [] }) => targets)), ...rules]
        .flatMap(({ expr }) => metricsIn(expr))
        .map((name) => name.replace(/_(bucket|sum|count)$/, '')),
    );
    const families = [...exported()]
      .filter((name) => name.startsWith('tdc_'))
      .map((name) => name.replace(/_(bucket|sum|count)$/, ''));
    const unused = [...new Set(families)].filter((name) => !used.has(name)).sort();
    assert.deepEqual(unused, Object.keys(UNUSED));
  });
});
