import type { JsonObject } from '../json.ts';
import { argumentFiller } from './arguments.ts';
import type { Ask, Tool } from './ask.ts';
import { Refusal } from './fail.ts';

interface Call {
  readonly name: string;
  readonly input: JsonObject;
  /** `input` as JSON text, for the formats that send it so. */
  readonly json: string;
}

/** What the demo service has to say, before it takes a provider's shape: text, or else tool calls. */
export interface Answer {
  readonly text: string;
  readonly calls: readonly Call[];
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** The models that the demo service lists; any other name is answered as `demo-echo`. */
export const models = ['demo-echo', 'demo-tools'] as const;

const filler = ' The demo service keeps on talking, because it was asked for a longer answer.';
const maxPieces = 2_000;

function tokens(characters: number): number {
  return Math.ceil(characters / 4);
}

/** What the answer echoes: a tool's result when one has just come in, else the last thing the user wrote. */
function subject(ask: Ask): { text: string; fromTool: boolean } {
  const last = ask.turns.at(-1);
  if (last?.role === 'tool') return { text: last.text, fromTool: true };
  const said = ask.turns.findLast((turn) => turn.role === 'user' && turn.text !== '');
  return { text: said?.text ?? '', fromTool: false };
}

function sentence({ text, fromTool }: { text: string; fromTool: boolean }): string {
  const end = 'This is the demo service, answering without a key and without a network.';
  if (text === '') return `${fromTool ? 'The tool answered nothing' : 'You sent no text'}. ${end}`;
  return `${fromTool ? 'The tool answered' : 'You said'}: “${text}”. ${end}`;
}

function ofLength(text: string, length: number | undefined): string {
  if (length === undefined) return text;
  const cut = text.padEnd(length, filler).slice(0, length);
  // A cut through a surrogate pair would leave a character that UTF-8 cannot carry.
  return /[\uD800-\uDBFF]$/.test(cut) ? `${cut.slice(0, -1)}.` : cut;
}

function toolsToCall(ask: Ask): readonly Tool[] {
  const allowed = ask.tools.filter((tool) => ask.only?.includes(tool.name) ?? true);
  if (ask.mode === 'force' && allowed.length === 0) {
    throw new Refusal(400, 'The request insists on a tool call, but offers no such function.', 'tools');
  }
  // `demo-tools` calls by itself, but not on a tool's result: an agent's loop would never end.
  const volunteers = ask.mode === 'auto' && ask.model === 'demo-tools' && ask.turns.at(-1)?.role !== 'tool';
  if (ask.mode !== 'force' && !volunteers) return [];
  return ask.parallel ? allowed : allowed.slice(0, 1);
}

/** Answers with each wanted tool called once, or else with an echo, `length` characters long when that is given. */
export function answer(ask: Ask, length: number | undefined): Answer {
  const about = subject(ask);
  const fill = argumentFiller(about.text);
  const calls = toolsToCall(ask).map(({ name, schema }) => {
    const input = fill(schema);
    return { name, input, json: JSON.stringify(input) };
  });
  const text = calls.length > 0 ? '' : ofLength(sentence(about), length);
  const asked = ask.turns.reduce((sum, turn) => sum + turn.text.length, 0);
  const answered = calls.reduce((sum, call) => sum + call.name.length + call.json.length, text.length);
  return { text, calls, inputTokens: tokens(asked), outputTokens: tokens(answered) };
}

/**
 * The text as a model's tokens might cut it: a word each, with the space before it. Long texts go in larger pieces, so
 * that no stream has more than about two thousand and the longest one still ends within a minute at the usual pace.
 */
export function pieces(text: string): string[] {
  const size = Math.ceil(text.length / maxPieces);
  const result: string[] = [];
  let piece = '';
  // By code points: a piece never ends within a surrogate pair.
  for (const [word] of text.matchAll(/\s*\S{1,24}|\s+/gu)) {
    piece += word;
    if (piece.length < size) continue;
    result.push(piece);
    piece = '';
  }
  if (piece !== '') result.push(piece);
  return result;
}
