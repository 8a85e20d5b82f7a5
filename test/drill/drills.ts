import type { Drill } from './drill.ts';
import { clock } from './drills/clock.ts';
import { disk } from './drills/disk.ts';
import { keys } from './drills/keys.ts';
import { kill } from './drills/kill.ts';
import { queue } from './drills/queue.ts';
import { readers } from './drills/readers.ts';
import { redis } from './drills/redis.ts';
import { upstream } from './drills/upstream.ts';

export const drills: readonly Drill[] = [kill, queue, redis, upstream, readers, disk, clock, keys];
