import { EdgeRuntime, runServer } from 'edge-runtime';
import type { Environment } from '../../lib/config.ts';

export interface RunningEdge {
  readonly url: string;
  /** What the function has logged. */
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

/** The bundled edge door in a sandbox that has what an edge function has, and nothing of Node. */
export async function startEdgeRuntime(code: string, environment: Environment): Promise<RunningEdge> {
  const lines: string[] = [];
  const runtime = new EdgeRuntime({
    initialCode: code,
    extend: (context) =>
      Object.assign(context, {
        process: { env: { ...environment } },
        console: { log: (line: string) => lines.push(line), error: (text: string) => lines.push(text) },
      }),
  });
  const server = await runServer({ runtime, host: '127.0.0.1' });
  return { url: server.url.replace(/\/$/, ''), lines, stop: server.close };
}
