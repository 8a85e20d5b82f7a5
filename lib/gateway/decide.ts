/** What the decision looks at, and nothing else. */
export interface CallFacts {
  readonly door: 'service' | 'default';
  readonly method: string;
  readonly path: string;
  /** Bytes of the body; `Infinity` for one that is longer than it was read. */
  readonly size: number;
  readonly streaming: boolean;
  readonly streamPreference: 'native' | 'replay' | 'collect' | null;
  readonly respondAsync: boolean;
  /** Seconds that the caller will wait before the 202. */
  readonly wait: number | null;
  readonly idempotent: boolean;
  readonly supportsStreaming: boolean;
  /** Whether the path's format can be replayed. */
  readonly replayable: boolean;
}

export interface Policy {
  readonly longRequestMode: 'background' | 'job';
  /** Bytes from which a call is long, whatever its path. */
  readonly smallBody: number;
}

export type Decision =
  | { readonly run: 'edge' | 'background'; readonly stream: 'native' | 'replay' | 'collect' | 'none' }
  /** `hold`: seconds that the answer is held open for the result, `'limit'`: as long as the function may run. */
  | { readonly run: 'job'; readonly hold: number | 'limit' };

/** Work that takes minutes rather than seconds, wherever the provider puts it. */
export const LONG_PATHS: readonly string[] = [
  '/v1/audio/',
  '/v1/images/',
  '/v1/embeddings',
  '/v1/files',
  '/v1/batches',
  '/v1/fine_tuning/',
  '/v1/fine-tunes',
];

/** How a call is run. Pure: the whole table is in test/gateway/decide.test.ts. */
export function decide(call: CallFacts, policy: Policy): Decision {
  if (call.respondAsync) return { run: 'job', hold: call.wait ?? 0 };
  if (call.idempotent) return { run: 'job', hold: 'limit' };
  if (call.streaming) return { run: 'edge', stream: streamOf(call) };
  // Nothing leaves before its stream has ended, which takes as long as the streams do that people like to see begin.
  if (isCollected(call)) return { run: 'background', stream: 'collect' };
  if (['GET', 'HEAD', 'OPTIONS'].includes(call.method) || !isLong(call, policy)) return { run: 'edge', stream: 'none' };
  return policy.longRequestMode === 'job' ? { run: 'job', hold: 0 } : { run: 'background', stream: 'none' };
}

/** The same decision, of a call that the platform has brought to the background function: it is run there, with its budget. */
export function inBackground(decision: Decision): Decision {
  return decision.run === 'edge' ? { ...decision, run: 'background' } : decision;
}

function streamOf(call: CallFacts): 'native' | 'replay' {
  if (!call.replayable) return 'native';
  if (!call.supportsStreaming) return 'replay';
  if (call.streamPreference === 'native' || call.streamPreference === 'replay') return call.streamPreference;
  return call.door === 'default' ? 'replay' : 'native';
}

function isCollected({ streamPreference, replayable, supportsStreaming }: CallFacts): boolean {
  return streamPreference === 'collect' && replayable && supportsStreaming;
}

function isLong(call: CallFacts, policy: Policy): boolean {
  return call.size > policy.smallBody || LONG_PATHS.some((path) => call.path.includes(path));
}
