import { isDomain, toAsciiDomain } from '../address.ts';
import { BUILT_IN_RULE_SETS } from '../header-verdict.ts';
import type { ConnectorSetting, Intake } from '../intake-setting.ts';
import {
  DEFAULT_POLICY_NAME,
  DEFAULT_SENDER_SOURCES,
  type MailPolicy,
  SENDER_SOURCES,
  type SenderSource,
} from '../mail-policy.ts';
import { parseNetwork } from '../network.ts';
import { DEFAULT_JOURNALED_VERDICTS, VERDICTS } from '../verdict.ts';
import { nearest, Place } from './checker.ts';
import { readIntakes } from './intakes.ts';
import { patternProblem } from './pattern.ts';
import type { DirectionRules, DocumentProblem, HeaderRule, PolicyDocument, VerdictRules } from './types.ts';
import { type Groups, readGroups, readUserRows } from './users.ts';

export type ParsedDocument =
  | { readonly kind: 'valid'; readonly document: PolicyDocument }
  | { readonly kind: 'invalid'; readonly problems: readonly DocumentProblem[] };

type Intakes = Readonly<Record<string, Intake>>;

function checkAlias(place: Place, alias: string, intakes: Intakes): void {
  if (Object.hasOwn(intakes, alias)) return;
  const meant = nearest(alias, Object.keys(intakes));
  place.problem(`there is no intake ${alias}${meant === undefined ? '' : `; did you mean ${meant}?`}`);
}

function readConnector(place: Place, intakes: Intakes): ConnectorSetting | undefined {
  if (place.value === 'no-scan') return { kind: 'no-scan' };
  if (place.value === 'default') return { kind: 'default' };
  if (typeof place.value !== 'object') return place.problem('must be no-scan, default or { custom: alias }');
  const { custom } = place.members(['custom']);
  const alias = custom.isAbsent ? custom.problem('must name an intake') : custom.text();
  if (alias === undefined) return undefined;
  checkAlias(custom, alias, intakes);
  return { kind: 'custom', intake: alias };
}

function readPolicies(place: Place, groups: Groups, intakes: Intakes): readonly MailPolicy[] {
  const names = new Set<string>([DEFAULT_POLICY_NAME.toLowerCase()]);
  return place.items().map((child) => {
    const members = child.members(['name', 'users', 'connector']);
    const name = members.name.isAbsent
      ? (members.name.problem('is missing') ?? '')
      : (members.name.text() ?? '');
    if (name !== '' && !/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(name)) {
      members.name.problem('a policy name is letters, digits, _ . and -, at most 63');
    }
    if (names.has(name.toLowerCase())) members.name.problem(`the name ${name} is taken`);
    if (name !== '') names.add(name.toLowerCase());
    const connector = members.connector.isAbsent ? undefined : readConnector(members.connector, intakes);
    return { name, users: readUserRows(members.users, groups), connector: connector ?? { kind: 'inherit' } };
  });
}

function readSources(place: Place): readonly SenderSource[] {
  if (place.isAbsent) return DEFAULT_SENDER_SOURCES;
  const sources = place
    .someItems('must name at least one source')
    .flatMap((item) => item.oneOf(SENDER_SOURCES) ?? []);
  if (new Set(sources).size !== sources.length) place.problem('names a source twice');
  return sources;
}

function readDirection(place: Place): DirectionRules {
  if (place.isAbsent) return { localDomains: [], relayNetworks: [] };
  const members = place.members(['localDomains', 'relayNetworks']);
  const localDomains = members.localDomains.items().flatMap((item) => {
    const text = item.text();
    if (text === undefined) return [];
    const dot = text.startsWith('.') ? '.' : '';
    const domain = toAsciiDomain(text.slice(dot.length));
    return isDomain(domain)
      ? `${dot}${domain}`
      : (item.problem('must be a domain, or a dot and a domain') ?? []);
  });
  const relayNetworks = members.relayNetworks.items().flatMap((item) => {
    const text = item.text();
    if (text === undefined) return [];
    return parseNetwork(text) === undefined ? (item.problem('must be a network, 10.0.0.0/8') ?? []) : text;
  });
  return { localDomains, relayNetworks };
}

function readHeaderRule(place: Place): HeaderRule | undefined {
  const members = place.members(['header', 'pattern', 'verdict']);
  const header = members.header.text();
  const pattern = members.pattern.text();
  const verdict = members.verdict.oneOf(VERDICTS);
  if (header !== undefined && !/^[!-9;-~]{1,60}$/.test(header))
    members.header.problem('must be the name of a header field');
  if (header === undefined || pattern === undefined || verdict === undefined) return undefined;
  const problem = patternProblem(pattern);
  if (problem !== undefined) return members.pattern.problem(problem);
  return { header, pattern, verdict };
}

function readVerdicts(place: Place): VerdictRules {
  const standard = { journaled: DEFAULT_JOURNALED_VERDICTS, headers: [], builtIn: BUILT_IN_RULE_SETS };
  if (place.isAbsent) return standard;
  const members = place.members(['journaled', 'builtIn', 'headers']);
  const listOr = <T extends string>(
    list: Place,
    words: readonly T[],
    otherwise: readonly T[],
  ): readonly T[] => (list.isAbsent ? otherwise : list.items().flatMap((item) => item.oneOf(words) ?? []));
  return {
    journaled: listOr(members.journaled, VERDICTS, standard.journaled),
    builtIn: listOr(members.builtIn, BUILT_IN_RULE_SETS, standard.builtIn),
    headers: members.headers.items().flatMap((item) => readHeaderRule(item) ?? []),
  };
}

/**
 * Checks a policy document as a whole and fills in every default (spec §10). All problems are found in one pass, each
 * with its place. The one reader of documents: the policy service, its watchers and the command line use it alike.
 */
export function parsePolicyDocument(value: unknown): ParsedDocument {
  const root = new Place(value);
  const members = root.members([
    'version',
    'connector',
    'intakes',
    'defaultIntake',
    'senderSources',
    'direction',
    'verdicts',
    'groups',
    'policies',
    'default',
  ]);
  if (members.version.value !== 1) members.version.problem('must be 1');
  const intakes = readIntakes(members.intakes);
  const groups = readGroups(members.groups);
  const defaultIntake = members.defaultIntake.isAbsent ? undefined : members.defaultIntake.text();
  if (defaultIntake !== undefined) checkAlias(members.defaultIntake, defaultIntake, intakes);
  const fallback = members.default.isAbsent ? undefined : members.default.members(['connector']).connector;
  const document: PolicyDocument = {
    enabled: members.connector.oneOfOr(['enabled', 'disabled'], 'enabled') === 'enabled',
    intakes,
    ...(defaultIntake === undefined ? {} : { defaultIntake }),
    senderSources: readSources(members.senderSources),
    direction: readDirection(members.direction),
    verdicts: readVerdicts(members.verdicts),
    policies: readPolicies(members.policies, groups, intakes),
    defaultConnector: (fallback === undefined || fallback.isAbsent
      ? undefined
      : readConnector(fallback, intakes)) ?? {
      kind: 'default',
    },
  };
  return root.problems.length === 0
    ? { kind: 'valid', document }
    : { kind: 'invalid', problems: root.problems };
}
