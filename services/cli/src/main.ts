#!/usr/bin/env node
import { nearest } from '@tdc/core';
import { VERSION } from '@tdc/platform';
import { type Command, runCommand } from './command.ts';
import { accounting } from './commands/accounting.ts';
import { hoststatus } from './commands/hoststatus.ts';
import { policyExplain } from './commands/policy-explain.ts';
import { policyShow } from './commands/policy-show.ts';
import { policyValidate } from './commands/policy-validate.ts';
import { send } from './commands/send.ts';
import { tophosts } from './commands/tophosts.ts';
import { track } from './commands/track.ts';
import { EXIT, failed, type Outcome, succeeded } from './outcome.ts';

const COMMANDS: readonly Command[] = [
  tophosts,
  hoststatus,
  track,
  accounting,
  policyShow,
  policyExplain,
  policyValidate,
  send,
];

const HELP = `Usage: tdc COMMAND [options]

${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(18)}${summary}`).join('\n')}

  tdc COMMAND --help    what a command takes
  tdc --version         the version

Exit status: 0 done, 1 the answer is no, 64 wrong usage, 65 invalid document,
66 file not readable, 69 service not reachable, 75 no outcome in time.
`;

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

async function run(args: readonly string[]): Promise<Outcome> {
  const [first] = args;
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') return succeeded(HELP);
  if (first === '--version') return succeeded(`tdc ${VERSION}`);
  const chosen = choose(args);
  if (chosen !== undefined) return runCommand(chosen.command, chosen.rest, process.env);
  const words = args
    .slice(0, 2)
    .filter((word) => !word.startsWith('-'))
    .join(' ');
  const names = COMMANDS.map(({ name }) => name);
  const meant = nearest(words, names) ?? nearest(first, names);
  return failed(
    EXIT.usage,
    `tdc: unknown command '${words}'${meant === undefined ? '' : `; did you mean '${meant}'?`}\nTry 'tdc --help'.`,
  );
}

const outcome = await run(process.argv.slice(2));
process.stdout.write(outcome.out);
process.stderr.write(outcome.err);
process.exitCode = outcome.exitCode;
