import type { JsonObject } from '../../json.ts';
import { filled } from '../shape.ts';
import type { Item } from './items.ts';

/** What the tools that OpenAI runs itself tell of their work, by the type of their item. */
interface Work {
  /** As soon as the item is there. */
  readonly begun: readonly string[];
  /** Once its text has come. */
  readonly working?: string;
  readonly canFail?: boolean;
}

const WORKS: ReadonlyMap<string, Work> = new Map([
  ['web_search_call', { begun: ['in_progress', 'searching'] }],
  ['file_search_call', { begun: ['in_progress', 'searching'] }],
  ['image_generation_call', { begun: ['in_progress', 'generating'] }],
  ['code_interpreter_call', { begun: ['in_progress'], working: 'interpreting' }],
  ['mcp_call', { begun: ['in_progress'], canFail: true }],
  ['mcp_list_tools', { begun: ['in_progress'], canFail: true }],
]);

/**
 * The item's other events with those of its progress around them. Readers show them, and LangChain keeps them. How such a
 * tool ended is told only where the format has a word for it.
 */
export function withProgress(item: Item, place: JsonObject, events: JsonObject[]): JsonObject[] {
  const work = WORKS.get(item.type);
  if (work === undefined) return events;
  const told = (states: readonly string[]) =>
    states.map((state) => ({ type: `response.${item.type}.${state}`, ...place }));
  return [...told(work.begun), ...events, ...told(endOf(item, work))];
}

function endOf({ status = 'completed', error }: Item, { working, canFail = false }: Work): string[] {
  const hasFailed = status === 'failed' || filled(error) !== undefined;
  if (hasFailed) return canFail ? ['failed'] : [];
  if (status !== 'completed') return [];
  return working === undefined ? ['completed'] : [working, 'completed'];
}

/** The item's state that an event of its progress tells; `null` for any other event. */
export function progressIn(type: string): { readonly type: string; readonly state: string } | null {
  const [, item = '', state = ''] = /^response\.(\w+)\.(\w+)$/.exec(type) ?? [];
  const work = WORKS.get(item);
  const states = [...(work?.begun ?? []), work?.working, 'completed', 'failed'];
  return work !== undefined && states.includes(state) ? { type: item, state } : null;
}
