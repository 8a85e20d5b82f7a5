import type { JsonObject } from '../json.ts';

/** One server-sent event, without its id: what a provider would send. */
export interface ReplayEvent {
  readonly event?: string;
  readonly data: string;
}

export interface ReplayOptions {
  /** Characters a piece of text aims at (`CHUNK_TARGET_LENGTH`). */
  readonly pieceLength: number;
  /** Whether the caller wants the usage chunk (`stream_options.include_usage`). */
  readonly includeUsage: boolean;
}

/** A failure told inside a stream whose status has already been sent. */
export interface StreamError {
  readonly message: string;
  readonly type: string;
  readonly code: string | null;
  readonly param?: string | null;
  /** The HTTP status that the caller would have seen without the stream. */
  readonly status: number;
}

/** One provider's stream format. Every member is pure: the same input gives the same events, so a cursor stays valid. */
export interface StreamFormat {
  readonly name: string;
  /**
   * A stored completion as events, the closing one included; `null` when the completion has not this format's shape.
   * @throws RangeError where it is nested too deeply to be written
   */
  replay(completion: JsonObject, options: ReplayOptions): ReplayEvent[] | null;
  /** The reverse: the events of a whole stream gathered into the completion that they spell; `null` when they spell none. */
  collect(events: readonly ReplayEvent[]): JsonObject | null;
  /** What `stream_options` has to say beside `stream: true` for the usage to be told; `null` where it is told anyway. */
  readonly streamOptions: string | null;
  /** Whether a stream that spells `completion` came to its end, rather than being broken off. */
  isWhole(completion: JsonObject, events: readonly ReplayEvent[]): boolean;
  /** The format's own mid-stream error frame. */
  error(error: StreamError): ReplayEvent;
  /** Bytes that keep the line open and that every client of the format survives; `null` where none is safe. */
  readonly heartbeat: string | null;
  /** Whether its clients survive `id:` and `retry:` lines, where they have asked for them. */
  readonly takesIds: boolean;
  /** A completion of this format that says this text and nothing else. */
  ofText(text: string): JsonObject;
}
