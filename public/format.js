/** Milliseconds, as exact as a reader cares for: `840 ms`, `2.1 s`, `3 min 05 s`. */
export function milliseconds(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : seconds(ms / 1000);
}

/** Whole seconds: `7 s`, `3 min 05 s`, `23 h 59 min`. */
export function seconds(value) {
  const whole = Math.max(0, Math.floor(value));
  const two = (number) => String(number).padStart(2, '0');
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)} min`;
}

/** How long it is until then, by the same words: `in 7 s`, or `now` within the last second. */
export function until(value) {
  return value < 1 ? 'now' : `in ${seconds(value)}`;
}

export function bytes(size) {
  if (size < 1024) return `${size} B`;
  return size < 1_048_576 ? `${(size / 1024).toFixed(1)} KB` : `${(size / 1_048_576).toFixed(1)} MB`;
}

/** Token counts, by OpenAI's names and by Anthropic's. */
export function usage(counts) {
  const given = counts?.prompt_tokens ?? counts?.input_tokens;
  const made = counts?.completion_tokens ?? counts?.output_tokens;
  return given === undefined && made === undefined ? null : `${given ?? '?'} in, ${made ?? '?'} out`;
}
