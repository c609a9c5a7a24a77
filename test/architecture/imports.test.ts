import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { filesBelow, type Import, importsOf, isTest, resolveRelative } from './source-tree.ts';

const SERVICES = ['intake', 'delivery', 'policy', 'monitor', 'cli', 'stand-in'] as const;

interface Violation {
  readonly file: string;
  readonly rule: string;
}

const isRelative = (specifier: string): boolean => specifier.startsWith('.');

function violations(
  files: readonly string[],
  judge: (imported: Import, file: string) => string | undefined,
): Violation[] {
  return files.flatMap((file) =>
    importsOf(file).flatMap((imported) => {
      const rule = judge(imported, file);
      return rule === undefined ? [] : [{ file, rule: `${rule} (imports ${imported.specifier})` }];
    }),
  );
}

const none = (found: readonly Violation[]): void => assert.deepEqual(found, []);

const sources = filesBelow('services', '.ts').filter((file) => !isTest(file));

describe('imports go one way', () => {
  it('core imports nothing but itself', () => {
    const core = sources.filter((file) => file.startsWith('services/core/'));
    none(violations(core, ({ specifier }) => (isRelative(specifier) ? undefined : 'core imports nothing')));
  });

  it('proto imports nothing of ours', () => {
    const ours = ({ specifier }: Import) =>
      specifier.startsWith('@tdc/') ? 'proto imports nothing of ours' : undefined;
    none(violations(filesBelow('proto', '.ts'), ours));
  });

  it('platform imports core and proto alone', () => {
    const platform = sources.filter((file) => file.startsWith('services/platform/'));
    none(
      violations(platform, ({ specifier }) =>
        specifier.startsWith('@tdc/') && !['@tdc/core', '@tdc/proto'].includes(specifier)
          ? 'platform imports core and proto alone'
          : undefined,
      ),
    );
  });

  it('a service never imports another service', () => {
    const allowed = ['@tdc/core', '@tdc/platform', '@tdc/proto'];
    for (const service of SERVICES) {
      const files = sources.filter((file) => file.startsWith(`services/${service}/`));
      none(
        violations(files, ({ specifier }) =>
          specifier.startsWith('@tdc/') && !allowed.includes(specifier)
            ? `${service} may import ${allowed.join(', ')} alone`
            : undefined,
        ),
      );
    }
  });

  it('a relative import stays inside its package', () => {
    const all = [...filesBelow('services', '.ts'), ...filesBelow('proto', '.ts')];
    const packageOf = (file: string) =>
      file
        .split('/')
        .slice(0, file.startsWith('proto/') ? 1 : 2)
        .join('/');
    none(
      violations(all, ({ specifier }, file) =>
        isRelative(specifier) &&
        !isTest(file) &&
        packageOf(resolveRelative(file, specifier)) !== packageOf(file)
          ? 'packages meet at their index'
          : undefined,
      ),
    );
  });

  it('nobody reaches past the index of a package', () => {
    const all = [...filesBelow('services', '.ts'), ...filesBelow('test', '.ts')];
    none(
      violations(all, ({ specifier }) =>
        /^@tdc\/[^/]+\//.test(specifier) ? 'packages meet at their index' : undefined,
      ),
    );
  });
});

describe('a foreign library is known in one room', () => {
  const rooms: readonly (readonly [library: RegExp, room: RegExp])[] = [
    [/^bullmq$/, /^services\/platform\/src\/queue\//],
    [/^ioredis$/, /^services\/platform\/src\//],
    [/^smtp-server$/, /^services\/intake\/src\/[a-z/-]*smtp-listener\.ts$/],
    [/^nodemailer/, /^services\/delivery\/src\/[a-z/-]*smtp-connection\.ts$/],
    [/^prom-client$/, /^services\/platform\/src\/process\/metrics\.ts$/],
    [/^yaml$/, /^services\/platform\/src\/policy\//],
  ];
  for (const [library, room] of rooms) {
    it(`${library.source} stays in ${room.source}`, () => {
      none(
        violations(sources, ({ specifier, typeOnly }, file) =>
          library.test(specifier) && !typeOnly && !room.test(file) ? `${specifier} has one room` : undefined,
        ),
      );
    });
  }
});

describe('no import cycles', () => {
  for (const folder of ['services', 'test', 'deploy']) {
    it(`below ${folder}`, () => {
      const files = new Set(filesBelow(folder, '.ts'));
      const edges = new Map(
        [...files].map((file) => [
          file,
          importsOf(file)
            .filter(({ specifier, typeOnly }) => isRelative(specifier) && !typeOnly)
            .map(({ specifier }) => resolveRelative(file, specifier))
            .filter((target) => files.has(target)),
        ]),
      );
      assert.equal(findCycle(edges)?.join(' → '), undefined);
    });
  }
});

/** The first cycle met, as the files on it; undefined when there is none. */
function findCycle(edges: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] | undefined => {
    const start = path.indexOf(file);
    if (start >= 0) return [...path.slice(start), file];
    if (done.has(file)) return undefined;
    path.push(file);
    for (const target of edges.get(file) ?? []) {
      const cycle = visit(target);
      if (cycle) return cycle;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of edges.keys()) {
    const cycle = visit(file);
    if (cycle) return cycle;
  }
  return undefined;
}
