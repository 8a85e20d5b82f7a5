import type { Outcome } from './drill.ts';
import type { Composition } from './ground.ts';

export interface Report {
  readonly machine: string;
  readonly node: string;
  readonly redis: string;
  readonly seed: number;
  readonly seconds: number;
  readonly outcomes: readonly Outcome[];
  readonly leftOut: readonly { readonly drill: string; readonly composition: Composition; readonly why: string }[];
}

const NAMES: Readonly<Record<Composition, string>> = { local: 'one machine (SQLite)', cloud: 'Redis + QStash' };

/** docs/RELIABILITY.md. */
export function document(report: Report): string {
  const { outcomes, leftOut, machine, node, redis, seed, seconds } = report;
  const drills = Array.from(Map.groupBy(outcomes, ({ drill }) => drill).values());
  return `# Reliability

Written by \`npm run drill\` from its own measurements; it exits with 1, and leaves this page as it is, where one of the promises below is broken.
On ${machine}, Node ${node}, redis-server ${redis}; seed ${seed}; ${minutes(seconds)} in all.

Every call goes through a real HTTP upstream that counts and fingerprints it, and whose answer is a function of the marker in the call's body. Redis is a
real redis-server behind Upstash's protocol; QStash is this project's stand-in for it, not the service. A lost worker's lease lasts 5 s (15 s in \`redis\`;
on a real deployment 45 s). Everything is on loopback.

After each drill it is checked that

- every accepted job is found, and is completed or failed; a failure's reason is what the upstream did last, or what the drill did to the queue;
- every stored result is, byte for byte, the last whole answer of the upstream to that job, and every call carried the submitted body;
- no call of a job began while another one of it was running;
- no job has more calls than attempts, and each call beyond a job's first is explained by what is on record between the two: a broken or retryable
  answer, or a SIGKILL during the call or within 5 s after its answer (30 s in \`disk\`, as no answer can be stored on a full disk);
- nobody's call was made that nobody had accepted; no job has two markers and no marker two jobs;
- nothing is left: no unfinished job or lease, message, credential, body of a completed job, chunk without a job or of an earlier attempt, temporary file,
  key without an end, unsound page of SQLite, open call; no server, socket, timer or process in the drill's own process.

| drill | on | jobs | completed | failed, as it should be | upstream calls | beyond each job's first | two at once | left over | s |
|---|---|---|---|---|---|---|---|---|---|
${outcomes.map(row).join('\n')}

${drills.map(section).join('\n\n')}

## Left out

${leftOut.map(({ drill, composition, why }) => `- \`${drill}\` on ${NAMES[composition]}: ${why}.`).join('\n')}
`;
}

function row({ drill, composition, figures, seconds }: Outcome): string {
  const { jobs, completed, failed, calls, surplus, overlaps, leftovers } = figures;
  const cells = [
    drill,
    NAMES[composition],
    jobs,
    completed,
    listed(failed),
    calls,
    listed(surplus),
    overlaps,
    leftovers,
    seconds,
  ];
  return `| ${cells.join(' | ')} |`;
}

function section(outcomes: readonly Outcome[]): string {
  const lines = outcomes.map(({ composition, notes, figures }) => {
    const most = `at most ${figures.mostCalls} call${figures.mostCalls === 1 ? '' : 's'} of one job`;
    return `- ${NAMES[composition]}: ${[...notes, most].join('; ')}.`;
  });
  return `## \`${outcomes[0]?.drill}\`\n\n${outcomes[0]?.what}\n\n${lines.join('\n')}`;
}

function listed(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts);
  return entries.length === 0 ? '0' : entries.map(([name, count]) => `${count} ${name}`).join(', ');
}

function minutes(seconds: number): string {
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
