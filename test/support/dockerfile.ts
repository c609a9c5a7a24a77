/** One instruction of a Dockerfile, its continuation lines joined. */
export interface Instruction {
  readonly name: string;
  readonly text: string;
}
export interface Stage {
  readonly base: string;
  /** '' for a stage without a name. */
  readonly name: string;
  readonly instructions: readonly Instruction[];
}

const FROM = /^(\S+)(?:\s+AS\s+(\S+))?$/i;

/** The stages of a Dockerfile, in order. Knows no heredocs and no parser directives: the project uses none. */
export function stagesOf(dockerfile: string): readonly Stage[] {
  const lines = dockerfile.replace(/^\s*#.*\n/gm, '').replace(/\\\n\s*/g, ' ');
  const stages: (Stage & { readonly instructions: Instruction[] })[] = [];
  for (const line of lines.split('\n').filter((one) => one.trim() !== '')) {
    const [name = '', ...words] = line.split(' ');
    const text = words.join(' ').trim();
    const from = name === 'FROM' ? FROM.exec(text) : null;
    if (from !== null) stages.push({ base: from[1] ?? '', name: from[2] ?? '', instructions: [] });
    else stages.at(-1)?.instructions.push({ name, text });
  }
  return stages;
}

/** The arguments of every instruction of that name in a stage. */
export const all = (stage: Stage, name: string): readonly string[] =>
  stage.instructions.filter((one) => one.name === name).map(({ text }) => text);

/** Whether a `.dockerignore` keeps a path of the folder out of a build: the last pattern that matches it, or a folder above it, decides. */
export function isIgnored(dockerignore: string, path: string): boolean {
  const parts = path.split('/');
  const selfAndAbove = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
  return dockerignore
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .reduce((ignored, line) => {
      const kept = line.startsWith('!');
      const pattern = patternOf(kept ? line.slice(1) : line);
      return selfAndAbove.some((one) => pattern.test(one)) ? !kept : ignored;
    }, false);
}

/** `*` stops at a slash, `**` and the slash behind it stand for any number of folders. */
function patternOf(glob: string): RegExp {
  const source = glob
    .split(/(\*\*\/|\*)/)
    .map((part) =>
      part === '**/' ? '(?:.*/)?' : part === '*' ? '[^/]*' : part.replace(/[.+^${}()|[\]\\?]/g, '\\$&'),
    );
  return new RegExp(`^${source.join('')}$`);
}
