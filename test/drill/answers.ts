import { createHash } from 'node:crypto';
import { Chance } from '../fakes/chance.ts';

/** What the upstream answers is a function of the marker alone: so it is known what each stored result has to be. */

const WORDS = [
  'queue',
  'lease',
  'Überlauf',
  'naïve',
  '队列',
  '🙂',
  'result',
  'worker',
  'stream',
  'ключ',
  'once',
  'never',
];

export function fingerprint(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Chance that depends on the drill's seed and a marker. */
export function chanceOf(seed: number, marker: string): Chance {
  return new Chance(createHash('sha256').update(`${seed} ${marker}`).digest().readInt32LE());
}

/** The body of the call for a marker. */
export function bodyOf(marker: string, stream: boolean): Buffer {
  const messages = [{ role: 'user', content: `Say ${marker}.` }];
  return Buffer.from(JSON.stringify({ model: 'drill', messages, user: marker, ...(stream ? { stream } : {}) }));
}

function wordsOf(marker: string): string[] {
  const chance = chanceOf(0, marker);
  const words = Array.from({ length: chance.whole(3, 60) }, () => WORDS[chance.whole(0, WORDS.length - 1)] ?? '');
  return [marker, ...words];
}

export function answerOf(marker: string): Buffer {
  const message = { role: 'assistant', content: `${wordsOf(marker).join(' ')}.` };
  const choices = [{ index: 0, message, finish_reason: 'stop' }];
  const usage = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 };
  return Buffer.from(
    JSON.stringify({ id: marker, object: 'chat.completion', created: 1, model: 'drill', choices, usage }),
  );
}

/** The same words as an event stream, event by event. */
export function eventsOf(marker: string): Buffer[] {
  const words = wordsOf(marker).slice(0, 8);
  const pieces = words.map((word, at) => ({ delta: { content: `${word} ` }, at, finish_reason: null }));
  const events = [...pieces, { delta: {}, finish_reason: 'stop' }].map((choice, index) => {
    const chunk = { id: marker, object: 'chat.completion.chunk', index, choices: [{ index: 0, ...choice }] };
    return `data: ${JSON.stringify(chunk)}\n\n`;
  });
  return [...events, 'data: [DONE]\n\n'].map((event) => Buffer.from(event));
}
