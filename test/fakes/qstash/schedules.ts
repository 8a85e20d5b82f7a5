import { randomUUID } from 'node:crypto';
import { describeMessage, Invalid, readMessage, type Source } from './message.ts';

interface Schedule {
  readonly scheduleId: string;
  readonly cron: string;
  readonly createdAt: number;
  readonly source: Source;
  isPaused: boolean;
  lastScheduleTime?: number;
}

/** Schedules: kept and shown, but fired by the test alone, whatever their time. */
export class Schedules {
  readonly #schedules = new Map<string, Schedule>();

  /**
   * Creates one, or changes the one of the same id.
   * @throws Invalid
   */
  put({ headers, ...rest }: Source): string {
    const cron = headers['upstash-cron'] ?? '';
    if (!/^(CRON_TZ=\S+ )?\S+( \S+){4}$/.test(cron)) throw new Invalid(`invalid cron: ${cron}`);
    const scheduleId = headers['upstash-schedule-id'] ?? `scd_${randomUUID().replaceAll('-', '')}`;
    if (!/^[\w.-]+$/.test(scheduleId)) throw new Invalid(`invalid schedule id: ${scheduleId}`);
    const queue = headers['upstash-queue-name'];
    const source = { ...rest, headers, scheduleId, ...(queue === undefined ? {} : { queue }) };
    // What could not be published later is refused now.
    readMessage(source);
    this.#schedules.set(scheduleId, { scheduleId, cron, createdAt: Date.now(), source, isPaused: false });
    return scheduleId;
  }

  get(scheduleId: string) {
    const schedule = this.#schedules.get(scheduleId);
    return schedule === undefined ? undefined : describe(schedule);
  }

  list() {
    return Array.from(this.#schedules.values(), describe);
  }

  remove(scheduleId: string): boolean {
    return this.#schedules.delete(scheduleId);
  }

  pause(scheduleId: string, isPaused: boolean): boolean {
    const schedule = this.#schedules.get(scheduleId);
    if (schedule !== undefined) schedule.isPaused = isPaused;
    return schedule !== undefined;
  }

  /** What is to be published when its time has come; `null` while it is paused. */
  due(scheduleId: string): Source | null {
    const schedule = this.#schedules.get(scheduleId);
    if (schedule === undefined) throw new Error(`no schedule ${scheduleId}`);
    if (schedule.isPaused) return null;
    schedule.lastScheduleTime = Date.now();
    return schedule.source;
  }
}

function describe({ source, ...schedule }: Schedule) {
  const {
    messageId: _id,
    url: destination,
    maxRetries: retries,
    notBefore,
    ...message
  } = describeMessage(readMessage(source));
  const delay = Math.round((notBefore - message.createdAt) / 1000);
  return { ...message, destination, retries, delay, ...schedule };
}
