import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseSync } from 'oxc-parser';

export interface Import {
  /** A path from the project's root, or a package's name as it is written. */
  readonly target: string;
  /** Gone when the types are: it ties no code to it. */
  readonly typeOnly: boolean;
}

export interface SourceFile {
  readonly path: string;
  readonly code: string;
  readonly imports: readonly Import[];
}

const ROOT = join(import.meta.dirname, '../..');

/** Every module of the product with what it imports. */
export function readSources(): Map<string, SourceFile> {
  const paths = globSync(['lib/**/*.ts', 'api/**/*.ts'], { cwd: ROOT });
  return new Map(paths.map((path) => [path, readSource(path)]));
}

function readSource(path: string): SourceFile {
  const code = readFileSync(join(ROOT, path), 'utf8');
  const { module, errors } = parseSync(path, code);
  if (errors.length > 0) throw new Error(`${path} cannot be parsed`);
  const resolve = (specifier: string) => (specifier.startsWith('.') ? join(dirname(path), specifier) : specifier);
  const statics = module.staticImports.map(({ moduleRequest, entries }) => ({
    target: resolve(moduleRequest.value),
    typeOnly: entries.length > 0 && entries.every(({ isType }) => isType),
  }));
  const reexports = module.staticExports.flatMap(({ entries }) =>
    entries.flatMap(({ moduleRequest, isType }) =>
      moduleRequest === null ? [] : [{ target: resolve(moduleRequest.value), typeOnly: isType }],
    ),
  );
  const dynamics = module.dynamicImports.map(({ moduleRequest }) => ({
    target: resolve(code.slice(moduleRequest.start, moduleRequest.end).replaceAll(/['"`]/g, '')),
    typeOnly: false,
  }));
  return { path, code, imports: [...statics, ...reexports, ...dynamics] };
}

/** The modules that running `root` loads. */
export function reachable(root: string, sources: ReadonlyMap<string, SourceFile>): Set<string> {
  const seen = new Set<string>();
  const visit = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { target, typeOnly } of sources.get(path)?.imports ?? []) {
      if (!typeOnly) visit(target);
    }
  };
  visit(root);
  return seen;
}
