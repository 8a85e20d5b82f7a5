import { chatFormat } from './chat.ts';
import type { StreamFormat } from './format.ts';

/** The stream format that the callers of a provider's path read; `null` where a whole answer cannot be given as a stream. */
export function formatOf(path: string): StreamFormat | null {
  return /\/chat\/completions$/.test(path) ? chatFormat : null;
}
