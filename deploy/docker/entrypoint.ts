/** What the image runs: the process that its first argument names. */
const PROCESSES: Readonly<Record<string, string>> = {
  intake: '../../services/intake/src/main.ts',
  delivery: '../../services/delivery/src/main.ts',
  policy: '../../services/policy/src/main.ts',
  monitor: '../../services/monitor/src/main.ts',
  'stand-in': '../../services/stand-in/src/main.ts',
  tdc: '../../services/cli/src/main.ts',
};
const EXIT_USAGE = 64;

const name = process.argv[2] ?? '';
const main = PROCESSES[name];
if (main === undefined) {
  process.stderr.write(
    `'${name}' is no process of this image: there are ${Object.keys(PROCESSES).join(', ')}\n`,
  );
  process.exit(EXIT_USAGE);
}
// The command line reads its words from behind the program's name.
process.argv.splice(2, 1);
await import(main);
