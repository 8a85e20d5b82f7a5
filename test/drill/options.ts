import { parseArgs } from 'node:util';
import type { Composition } from './ground.ts';

export interface Options {
  readonly jobs: number;
  readonly kills: number;
  readonly seed: number;
  /** Names of drills; `null`: all. */
  readonly only: readonly string[] | null;
  readonly compositions: readonly Composition[];
  /** Everything, as the document wants it. */
  readonly whole: boolean;
}

export const USAGE = `npm run drill -- [--jobs 1000] [--kills 30] [--seed n] [--only kill,queue] [--composition local|cloud]

Writes docs/RELIABILITY.md where all drills have run with 1,000 jobs or more each and nothing was broken.`;

const COMPOSITIONS: readonly Composition[] = ['local', 'cloud'];
const LEAST = { jobs: 1_000, kills: 30 };

/** @throws Error where an argument is none */
export function readOptions(args: readonly string[], seed: number): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      jobs: { type: 'string' },
      kills: { type: 'string' },
      seed: { type: 'string' },
      only: { type: 'string' },
      composition: { type: 'string' },
    },
  });
  const jobs = whole('jobs', values.jobs, LEAST.jobs);
  const kills = whole('kills', values.kills, LEAST.kills);
  const compositions = COMPOSITIONS.filter((name) => values.composition === undefined || values.composition === name);
  if (compositions.length === 0) throw new Error(`--composition must be ${COMPOSITIONS.join(' or ')}`);
  const only = values.only === undefined ? null : values.only.split(',');
  const isWhole = only === null && compositions.length === COMPOSITIONS.length;
  return {
    jobs,
    kills,
    seed: whole('seed', values.seed, seed),
    only,
    compositions,
    whole: isWhole && jobs >= LEAST.jobs && kills >= LEAST.kills,
  };
}

function whole(name: string, value: string | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (!/^\d{1,9}$/.test(value)) throw new Error(`--${name} must be a whole number`);
  return Number(value);
}
