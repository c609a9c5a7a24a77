/** What is wrong with a text in the Prometheus exposition format, as its own checker would find it; empty when nothing. */
export function expositionProblems(text: string): readonly string[] {
  const problems: string[] = [];
  const types = new Map<string, string>();
  const helped = new Set<string>();
  const series = new Set<string>();
  if (!text.endsWith('\n')) problems.push('the last line has no end');
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    const [, kind, named = '', rest = ''] = comment ?? [];
    if (kind === 'HELP') helped.add(named);
    else if (kind === 'TYPE') types.set(named, rest);
    else problems.push(...sampleProblems(line, { types, helped, series }));
  }
  for (const [name, type] of types) {
    if (!name.startsWith('tdc_')) continue;
    if ((type === 'counter') !== name.endsWith('_total')) problems.push(`${name} is a ${type}`);
  }
  return problems;
}

interface Known {
  readonly types: ReadonlyMap<string, string>;
  readonly helped: ReadonlySet<string>;
  readonly series: Set<string>;
}

const LABELS = /^\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\}$/;

function sampleProblems(line: string, { types, helped, series }: Known): string[] {
  const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)$/.exec(line);
  if (sample === null) return [`no sample: ${line}`];
  const [, name = '', labels = '{}', value = ''] = sample;
  const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
  const problems: string[] = [];
  if (!types.has(family) || !helped.has(family)) problems.push(`${name} has no TYPE or no HELP`);
  if (!LABELS.test(labels)) problems.push(`broken labels: ${line}`);
  // Go reads these words in any case.
  if (Number.isNaN(Number(value)) && !/^(nan|[+-]?inf)$/i.test(value)) problems.push(`no number: ${line}`);
  if (series.has(`${name}${labels}`)) problems.push(`twice: ${name}${labels}`);
  series.add(`${name}${labels}`);
  return problems;
}
