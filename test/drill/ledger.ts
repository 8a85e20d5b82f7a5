/** What a drill has on record when it ends. Times are milliseconds of one monotonic clock, that of the drill's process. */
export interface Evidence {
  /** Each call that the drill wanted made, once it was accepted. */
  readonly jobs: readonly DrillJob[];
  readonly calls: readonly UpstreamCall[];
  readonly kills: readonly Kill[];
  readonly troubles: readonly Trouble[];
  /** What is there that should not be, by name. */
  readonly leftovers: readonly string[];
  /** What went wrong beside the jobs: answers of a kind that nobody should get. */
  readonly oddities: readonly string[];
  /** How long (ms) an answer may wait to be stored: a later kill explains no second call. */
  readonly storingMs: number;
  /** Codes of the gateway's own with which a job may honestly fail in this drill, whatever its upstream did. */
  readonly reasons: readonly string[];
}

export interface DrillJob {
  readonly marker: string;
  /** SHA-256 of the body that was submitted. */
  readonly asked: string;
  readonly id: string;
  /** `null` where its end was waited for in vain. */
  readonly end: JobEnd | null;
}

export interface JobEnd {
  readonly status: string;
  readonly attempts: number;
  readonly code: string | null;
  readonly upstreamStatus: number | null;
  /** SHA-256 of what `/result` gave; `null` where the provider has said nothing. */
  readonly result: string | null;
}

/** How a call came to its end: answered whole, broken off by the upstream as planned, or left by the gateway. */
export type Fate = 'running' | 'answered' | 'broken' | 'left';

export interface UpstreamCall {
  readonly marker: string;
  readonly begun: number;
  readonly ended: number | null;
  readonly fate: Fate;
  /** What the upstream had planned for it. */
  readonly behaviour: string;
  readonly status: number | null;
  /** SHA-256 of the body that came. */
  readonly asked: string;
  /** SHA-256 of the body that HTTP makes of what was sent; `null` where it was not sent whole. */
  readonly answer: string | null;
}

/** SIGKILL for a gateway's process. */
export interface Kill {
  /** The signal. */
  readonly from: number;
  /** The process was gone, and all that it had sent was on record. */
  readonly to: number;
}

/** A time in which the drill did something after which a live worker may be taken for a lost one. */
export interface Trouble {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}
