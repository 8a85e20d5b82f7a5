import { isRetryable } from '../../lib/upstream/retry.ts';
import type { DrillJob, Evidence, JobEnd, UpstreamCall } from './ledger.ts';

export interface Figures {
  readonly jobs: number;
  readonly completed: number;
  /** By reason. */
  readonly failed: Readonly<Record<string, number>>;
  readonly calls: number;
  /** Calls beyond the first of each job, by what explains them. */
  readonly surplus: Readonly<Record<string, number>>;
  /** Most calls that any one job had. */
  readonly mostCalls: number;
  /** Calls that began while another one of the same job ran. */
  readonly overlaps: number;
  readonly leftovers: number;
}

export interface Verdict {
  readonly violations: readonly string[];
  readonly figures: Figures;
}

/** What the evidence shows, and everything in it that breaks the promise. */
export function judge(evidence: Evidence): Verdict {
  const calls = Map.groupBy(evidence.calls, ({ marker }) => marker);
  for (const list of calls.values()) list.sort((one, other) => one.begun - other.begun);
  const pairs = Array.from(calls.values(), (list) => list.slice(1).map((next, at) => pairOf(list[at] ?? next, next)));
  const explained = pairs.flat().map((pair) => ({ ...pair, why: explanation(pair, evidence) }));
  const overlaps = pairs
    .flat()
    .filter(({ previous, next }) => (previous.ended ?? Number.POSITIVE_INFINITY) > next.begun);
  const { jobs } = evidence;
  const ends = jobs.flatMap(({ end }) => (end === null ? [] : [end]));
  return {
    violations: [
      ...jobs.filter(({ end }) => end === null).map(({ marker, id }) => `${marker} (${id}) came to no end`),
      ...twice(jobs),
      ...jobs.flatMap((job) => ofJob(job, calls.get(job.marker) ?? [], evidence)),
      ...strangers(jobs, evidence.calls),
      ...explained.filter(({ why }) => why === null).map(({ next }) => `${next.marker}: a call that nothing explains`),
      ...overlaps.map(({ next }) => `${next.marker}: run by two at once`),
      ...evidence.calls.filter(({ ended }) => ended === null).map(({ marker }) => `${marker}: a call is still open`),
      ...evidence.leftovers.map((name) => `left over: ${name}`),
      ...evidence.oddities,
    ],
    figures: {
      jobs: jobs.length,
      completed: ends.filter(({ status }) => status === 'completed').length,
      failed: counted(ends.filter(({ status }) => status === 'failed').map(reasonOf)),
      calls: evidence.calls.length,
      surplus: counted(explained.map(({ why }) => why ?? 'nothing')),
      mostCalls: Math.max(0, ...Array.from(calls.values(), ({ length }) => length)),
      overlaps: overlaps.length,
      leftovers: evidence.leftovers.length,
    },
  };
}

interface Pair {
  readonly previous: UpstreamCall;
  readonly next: UpstreamCall;
}

function pairOf(previous: UpstreamCall, next: UpstreamCall): Pair {
  return { previous, next };
}

/** Why the second call of two was made; `null` where nothing on record asks for it. */
function explanation({ previous, next }: Pair, { kills, troubles, storingMs }: Evidence): string | null {
  if (previous.fate === 'broken') return 'retry after a broken answer';
  if (previous.fate === 'answered' && mayTryAgain(previous)) return `retry after ${previous.status}`;
  const between = kills.filter(({ from, to }) => to >= previous.begun && from <= next.begun);
  if (previous.fate === 'left' && between.length > 0) return 'killed during the call';
  const ended = previous.ended ?? next.begun;
  if (between.some(({ from }) => from - ended < storingMs)) return 'killed before the answer was stored';
  return troubles.find(({ from, to }) => from <= next.begun && to >= previous.begun)?.name ?? null;
}

function mayTryAgain({ status }: UpstreamCall): boolean {
  return status !== null && isRetryable({ status, headers: new Headers() });
}

/** Each job has one marker, and each marker one job. */
function twice(jobs: readonly DrillJob[]): string[] {
  const again = (names: readonly string[]) => names.filter((name, at) => names.indexOf(name) !== at);
  const markers = again(jobs.map(({ marker }) => marker)).map((marker) => `${marker} has two jobs`);
  return [...markers, ...again(jobs.map(({ id }) => id)).map((id) => `${id} was given to two callers`)];
}

function strangers(jobs: readonly DrillJob[], calls: readonly UpstreamCall[]): string[] {
  const known = new Set(jobs.map(({ marker }) => marker));
  const unknown = new Set(calls.map(({ marker }) => marker).filter((marker) => !known.has(marker)));
  return Array.from(unknown, (marker) => `${marker} was run, and nobody had it accepted`);
}

function ofJob(job: DrillJob, calls: readonly UpstreamCall[], { reasons }: Evidence): string[] {
  const { marker, end } = job;
  const changed = calls.some(({ asked }) => asked !== job.asked) ? [`${marker}: a call with another body`] : [];
  if (end === null) return changed;
  const more = calls.length > end.attempts ? [`${marker}: ${calls.length} calls in ${end.attempts} attempts`] : [];
  return [...changed, ...more, ...ofEnd(marker, end, calls, reasons)];
}

function ofEnd(marker: string, end: JobEnd, calls: readonly UpstreamCall[], reasons: readonly string[]): string[] {
  const last = calls.at(-1);
  if (end.status !== 'completed' && end.status !== 'failed') return [`${marker} ended as ${end.status}`];
  if (end.status === 'completed' && last === undefined) return [`${marker} was completed without a call`];
  if (end.status === 'failed' && !isHonest(end, last, reasons)) {
    return [`${marker} failed with ${reasonOf(end)}, and its last call was: ${last?.behaviour ?? 'none'}`];
  }
  if (end.status === 'failed' && end.result === null) return [];
  const answered = calls.findLast(({ answer }) => answer !== null);
  return answered !== undefined && answered.answer === end.result
    ? []
    : [`${marker}: the result is not what the upstream has sent`];
}

/** A reason is honest that says what the upstream did last, or what the drill itself has done to the gateway. */
function isHonest(
  { code, upstreamStatus }: JobEnd,
  last: UpstreamCall | undefined,
  reasons: readonly string[],
): boolean {
  if (code === null) return false;
  if (reasons.includes(code)) return true;
  if (last === undefined) return false;
  switch (code) {
    case 'upstream_status':
      return last.fate === 'answered' && last.status === upstreamStatus && (last.status ?? 0) >= 300;
    case 'upstream_timeout':
    case 'upstream_idle':
    case 'upstream_total_timeout':
      return last.fate === 'left' && last.behaviour === 'hang';
    case 'upstream_reset':
      return last.fate === 'broken';
    case 'upstream_malformed':
      return last.behaviour.endsWith('content-length');
    default:
      return false;
  }
}

function reasonOf({ code, upstreamStatus }: JobEnd): string {
  return upstreamStatus === null ? String(code) : `${code} ${upstreamStatus}`;
}

function counted(names: readonly string[]): Record<string, number> {
  const groups = Map.groupBy(names, (name) => name);
  const sorted = Array.from(groups, ([name, { length }]) => [name, length] as const).toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  );
  return Object.fromEntries(sorted);
}
