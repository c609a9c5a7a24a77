import { nearest } from '@tdc/core';
import { type Environment, VERSION } from '@tdc/platform';
import { type Command, runCommand } from './command.ts';
import { accounting } from './commands/accounting.ts';
import { hoststatus } from './commands/hoststatus.ts';
import { policyExplain } from './commands/policy-explain.ts';
import { policyShow } from './commands/policy-show.ts';
import { policyValidate } from './commands/policy-validate.ts';
import { selftest } from './commands/selftest.ts';
import { send } from './commands/send.ts';
import { tophosts } from './commands/tophosts.ts';
import { track } from './commands/track.ts';
import { EXIT, failed, type Outcome, succeeded } from './outcome.ts';

/** In the order of the help. */
export const COMMANDS: readonly Command[] = [
  tophosts,
  hoststatus,
  track,
  accounting,
  policyShow,
  policyExplain,
  policyValidate,
  send,
  selftest,
];

const NAMES = COMMANDS.map(({ name }) => name);

const listOf = (commands: readonly Command[]): string =>
  commands.map(({ name, summary }) => `  ${name.padEnd(18)}${summary}`).join('\n');

const HELP = `Usage: tdc COMMAND [options]

${listOf(COMMANDS)}

  tdc COMMAND --help    what a command takes
  tdc --version         the version

With --json a command prints one JSON value on standard output and nothing else
there. Its keys are in camelCase and stay as they are; times are milliseconds
since 1970.

Exit status: 0 done, 1 the answer is no, 64 wrong usage, 65 invalid document
or certificate, 66 file not readable, 69 service not reachable, 70 a bug of
ours, 75 no outcome in time.
`;

const isHelp = (word: string | undefined): boolean => word === '--help' || word === '-h';

/** The command that the words name, and the words behind it. */
function choose(
  args: readonly string[],
): { readonly command: Command; readonly rest: readonly string[] } | undefined {
  for (const words of [2, 1]) {
    const name = args.slice(0, words).join(' ');
    const command = COMMANDS.find((one) => one.name === name);
    if (command !== undefined) return { command, rest: args.slice(words) };
  }
  return undefined;
}

/** `tdc policy` names several commands and is none itself. */
function groupHelp(first: string, second: string | undefined): Outcome | undefined {
  const group = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
  if (group.length === 0 || !(second === undefined || isHelp(second))) return undefined;
  const help = `Usage: tdc ${first} COMMAND [options]\n\n${listOf(group)}\n`;
  return second === undefined ? failed(EXIT.usage, help) : succeeded(help);
}

function unknown(args: readonly string[]): Outcome {
  const [first = ''] = args;
  if (first.startsWith('-'))
    return failed(
      EXIT.usage,
      `tdc: unknown option ${first}: options stand behind a command\nTry 'tdc --help'.`,
    );
  const isGroup = NAMES.some((name) => name.startsWith(`${first} `));
  const two = args.slice(0, 2).join(' ');
  const meant = nearest(two, NAMES) ?? nearest(first, NAMES);
  const hint = meant === undefined ? '' : `; did you mean '${meant}'?`;
  return failed(EXIT.usage, `tdc: unknown command '${isGroup ? two : first}'${hint}\nTry 'tdc --help'.`);
}

/** Runs the words of a command line. */
export async function runTdc(args: readonly string[], env: Environment): Promise<Outcome> {
  const [first, ...others] = args;
  if (first === undefined || isHelp(first)) return succeeded(HELP);
  if (first === '--version') return succeeded(`tdc ${VERSION}`);
  if (first === 'help') return runTdc([...others, '--help'], env);
  const chosen = choose(args);
  if (chosen !== undefined) return runCommand(chosen.command, chosen.rest, env);
  return groupHelp(first, others[0]) ?? unknown(args);
}
