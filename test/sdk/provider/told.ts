import type { JsonObject } from '../../../lib/json.ts';

/**
 * One completion as a provider tells it: whole, and as that provider's own stream. The streams are written by hand after the
 * vendors' documentation and cut where a tokenizer would cut; nothing of lib/replay is in them, as they are what replays
 * are held against.
 */
export interface Told {
  readonly whole: JsonObject;
  /** The frames as on the wire, for a request with this body. */
  frames(ask: JsonObject): readonly string[];
}

/** An unnamed event with LF, as OpenAI writes it. */
export function data(value: JsonObject | string): string {
  return `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`;
}

/** An event that is named as its data's `type`. */
export function named(value: JsonObject & { readonly type: string }): string {
  return `event: ${value.type}\n${data(value)}`;
}

/** Padding of uneven length in each delta, which hides from who listens how long the tokens are. */
export function obfuscation(position: number): string {
  return 'kX9bQ2vLm4TzR7'.slice(0, 3 + ((position * 5) % 11));
}

/** A long text as a tokenizer may give it: so many code points at a time, also in the midst of what reads as one character. */
export function tokens(text: string, length: number): string[] {
  const points = Array.from(text);
  return Array.from({ length: Math.ceil(points.length / length) }, (_, at) =>
    points.slice(at * length, (at + 1) * length).join(''),
  );
}
