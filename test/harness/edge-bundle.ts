import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';

const ROOT = join(import.meta.dirname, '../..');

export interface EdgeBundle {
  readonly code: string;
  /** Bytes as a platform stores them. */
  readonly gzipped: number;
  /** Every module in it, by path from the project's root. */
  readonly inputs: readonly string[];
}

/** The edge door as one script, as a platform makes it: what it needs from elsewhere would make this fail. */
export function bundleEdge(): EdgeBundle {
  const { outputFiles, metafile } = buildSync({
    stdin: {
      contents: `import door from './api/gateway/index.ts';
        addEventListener('fetch', (event) => event.respondWith(door(event.request)));`,
      resolveDir: ROOT,
      sourcefile: 'edge.ts',
    },
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    minify: true,
    metafile: true,
    format: 'iife',
    target: 'es2022',
    platform: 'browser',
    // As Vercel's builder resolves the packages of an edge function.
    conditions: ['edge-light', 'browser', 'module', 'import', 'require'],
    logLevel: 'silent',
  });
  const code = outputFiles[0]?.text ?? '';
  return { code, gzipped: gzipSync(code, { level: 9 }).byteLength, inputs: Object.keys(metafile.inputs) };
}
