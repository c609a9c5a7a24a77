import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { nearest } from '@tdc/core';
import { type Environment, errorText } from '@tdc/platform';
import { EXIT, failed, type Outcome } from './outcome.ts';

/** What a command is given. */
export interface CommandInput {
  readonly values: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];
  readonly env: Environment;
}

/** One command of `tdc`. */
export interface Command {
  /** `policy explain`. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The whole help text. */
  readonly help: string;
  readonly options: ParseArgsOptionsConfig;
  /** How many words it takes beside its options; none unless it says so. */
  readonly operands?: number;
  readonly run: (input: CommandInput) => Promise<Outcome>;
}

/** The option's text; undefined when it was not given. */
export const textOption = (input: CommandInput, name: string): string | undefined => {
  const value = input.values[name];
  return typeof value === 'string' ? value : undefined;
};

/** Whether the flag was given. */
export const flagOption = (input: CommandInput, name: string): boolean => input.values[name] === true;

/** All values of an option that may be given several times. */
export const listOption = (input: CommandInput, name: string): readonly string[] => {
  const value = input.values[name];
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
};

const COMMON: ParseArgsOptionsConfig = {
  help: { type: 'boolean', short: 'h' },
  json: { type: 'boolean' },
};

/** What a command answers to words that it does not understand. */
export const usage = (command: Command, problem: string): Outcome =>
  failed(EXIT.usage, `tdc ${command.name}: ${problem}\nTry 'tdc ${command.name} --help'.`);

/** What is wrong with the words, in our words; an unknown option with the one that was probably meant. */
function problemOf(error: unknown, command: Command): string {
  const message = errorText(error).split('\n')[0] ?? '';
  const option = /Unknown option '(-[^' ]*)'?/.exec(message)?.[1];
  if (option === undefined) return message;
  const known = Object.keys({ ...COMMON, ...command.options }).map((name) => `--${name}`);
  const meant = nearest(option, known);
  return `unknown option ${option}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}

/** Reads a command's arguments and runs it. */
export async function runCommand(
  command: Command,
  args: readonly string[],
  env: Environment,
): Promise<Outcome> {
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({
      args: [...args],
      options: { ...COMMON, ...command.options },
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    return usage(command, problemOf(error, command));
  }
  if (parsed.values['help'] === true) return { exitCode: EXIT.ok, out: command.help, err: '' };
  const [extra] = parsed.positionals.slice(command.operands ?? 0);
  if (extra !== undefined) return usage(command, `unexpected argument '${extra}'`);
  return command.run({ values: parsed.values, positionals: parsed.positionals, env });
}
