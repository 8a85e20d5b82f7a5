import { isObject, type JsonObject, numberOf } from '../../json.ts';
import { parseExact } from '../../json-exact.ts';
import { type Fields, keep } from '../fields.ts';
import type { ReplayEvent } from '../format.ts';
import { objectsIn } from '../shape.ts';
import { Candidate } from './collect-candidate.ts';
import { isResponse } from './shape.ts';

/** A stream's frames gathered into the response that they spell; `null` when there are none or when it failed on the way. */
export function collectGemini(events: readonly ReplayEvent[]): JsonObject | null {
  const answer = new Answer();
  for (const { data } of events) {
    const frame = parseExact(data);
    if (!isObject(frame)) continue;
    if (isObject(frame['error'])) return null;
    answer.add(frame);
  }
  return answer.build();
}

class Answer {
  readonly #fields: Fields = new Map();
  readonly #candidates = new Map<number, Candidate>();
  #hasCandidates = false;
  #isSeen = false;

  add(frame: JsonObject): void {
    this.#isSeen ||= isResponse(frame);
    const { candidates, ...fields } = frame;
    if (Array.isArray(candidates)) this.#hasCandidates = true;
    else keep(this.#fields, 'candidates', candidates);
    // Usage is a running total and metadata whole in each frame that has it: the latest counts.
    for (const [name, value] of Object.entries(fields)) keep(this.#fields, name, value);
    for (const [position, candidate] of objectsIn(candidates).entries()) this.#at(candidate, position).add(candidate);
  }

  build(): JsonObject | null {
    if (!this.#isSeen) return null;
    const inOrder = [...this.#candidates].sort(([one], [other]) => one - other);
    return {
      ...Object.fromEntries(this.#fields),
      ...(this.#hasCandidates && { candidates: inOrder.map(([, candidate]) => candidate.build()) }),
    };
  }

  #at({ index }: JsonObject, position: number): Candidate {
    const place = numberOf(index) ?? position;
    const candidate = this.#candidates.get(place) ?? new Candidate();
    this.#candidates.set(place, candidate);
    return candidate;
  }
}
