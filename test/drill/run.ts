import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { type Outcome, runWatched } from './drill.ts';
import { drills } from './drills.ts';
import { readOptions, USAGE } from './options.ts';
import { document, type Report } from './report.ts';

const DOCUMENT = join(import.meta.dirname, '../../docs/RELIABILITY.md');
/** How much of a broken drill is told. */
const TOLD = 20;

/** `npm run drill` */
async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), Date.now() % 1_000_000);
  const { jobs, kills, seed } = options;
  const startedAt = performance.now();
  const outcomes: Outcome[] = [];
  const leftOut: Report['leftOut'][number][] = [];
  console.log(`seed ${seed}`);
  for (const drill of drills.filter(({ name }) => options.only?.includes(name) ?? true)) {
    for (const composition of options.compositions) {
      const why = await drill.leftOut(composition);
      if (why !== null) {
        leftOut.push({ drill: drill.name, composition, why });
        console.log(`left out: ${drill.name} on ${composition}: ${why}`);
        continue;
      }
      const outcome = await runWatched(drill, composition, { jobs, kills, seed, brief: false });
      outcomes.push(outcome);
      tell(outcome);
    }
  }
  const broken = outcomes.filter(({ violations }) => violations.length > 0);
  for (const { drill, composition } of broken) console.error(`broken: ${drill} on ${composition}, seed ${seed}`);
  if (broken.length > 0) process.exitCode = 1;
  else if (options.whole) {
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    writeFileSync(DOCUMENT, document({ ...machine(), seed, seconds, outcomes, leftOut }));
  }
}

function tell({ drill, composition, figures, notes, seconds, violations }: Outcome): void {
  const { jobs, completed, failed, calls, surplus, overlaps } = figures;
  const told = { completed, failed, calls, surplus, overlaps };
  console.log(`${drill} on ${composition}: ${jobs} jobs in ${seconds} s: ${JSON.stringify(told)}; ${notes.join('; ')}`);
  for (const violation of violations.slice(0, TOLD)) console.error(`  ${violation}`);
  if (violations.length > TOLD) console.error(`  and ${violations.length - TOLD} more`);
}

function machine(): Pick<Report, 'machine' | 'node' | 'redis'> {
  const [cpu] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const [, redis = 'of an unknown version'] =
    /v=(\S+)/.exec(execFileSync('redis-server', ['--version']).toString()) ?? [];
  return {
    machine: `${type()}, ${cpus().length} × ${cpu?.model ?? 'CPU'}, ${memory}`,
    node: process.versions.node,
    redis,
  };
}

// What has been started and mounted goes at the exit: that has to be one.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

main().catch((error: unknown) => {
  console.error(error, `\n${USAGE}`);
  process.exitCode = 1;
});
