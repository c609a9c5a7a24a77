import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly rounds: number;
  /** Loads and systems whose `load: system` matches. */
  readonly only: RegExp;
  /** Times the messages of each load. */
  readonly scale: number;
  readonly tries: number;
  readonly intakes: number;
  readonly deliveries: number;
  readonly json: string | undefined;
  readonly profiles: string | undefined;
}

export const USAGE = `usage: npm run bench -- [options]
  --rounds N       each load so often against each system, in turn (3)
  --only REGEX     loads and systems whose "load: system" matches, such as '4 KB.*: tdc'; 'wire' is one, too
  --scale X        times the messages of each load (1)
  --tries N        a run that other programs disturbed is made anew, up to so often in all (3)
  --intakes N      processes that take mail (1)
  --deliveries N   processes that deliver (1)
  --json FILE      all figures of all runs
  --prof DIR       CPU profiles of tdc's processes, and where their time went
`;

export type ParsedOptions =
  | { readonly kind: 'options'; readonly options: BenchOptions }
  | { readonly kind: 'wrong'; readonly problem: string };

const wrong = (problem: string): ParsedOptions => ({ kind: 'wrong', problem });

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const STRING = { type: 'string' } as const;

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      rounds: { ...STRING, default: '3' },
      only: { ...STRING, default: '' },
      scale: { ...STRING, default: '1' },
      tries: { ...STRING, default: '3' },
      intakes: { ...STRING, default: '1' },
      deliveries: { ...STRING, default: '1' },
      json: STRING,
      prof: STRING,
    },
  }).values;
}

/** The command line; the first thing wrong with it when it cannot be used. */
export function readOptions(args: readonly string[]): ParsedOptions {
  try {
    const values = parse(args);
    const counts = { rounds: 0, tries: 0, intakes: 0, deliveries: 0 };
    for (const name of ['rounds', 'tries', 'intakes', 'deliveries'] as const) {
      counts[name] = Number(values[name]);
      if (!Number.isInteger(counts[name]) || counts[name] < 1)
        return wrong(`--${name} is '${values[name]}': it must be a whole number above 0`);
    }
    const scale = Number(values.scale);
    if (!(scale > 0)) return wrong(`--scale is '${values.scale}': it must be a number above 0`);
    const only = new RegExp(values.only, 'i');
    return { kind: 'options', options: { ...counts, only, scale, json: values.json, profiles: values.prof } };
  } catch (error) {
    return wrong(messageOf(error));
  }
}
