import { isDeepStrictEqual } from 'node:util';
import { bare, type Client } from './client.ts';
import type { Note } from './notes.ts';
import type { Compared, Way } from './ways.ts';

interface Cell {
  begun: number;
  passed: number;
  readonly notes: Set<Note>;
}

/** What has come of every client and way, over all scenarios and compositions. */
export class Outcomes {
  readonly #cells = new Map<string, Cell>();

  begin(client: Client, way: Way): void {
    this.cell(client, way).begun++;
  }

  pass(client: Client, way: Way, notes: readonly Note[]): void {
    const cell = this.cell(client, way);
    cell.passed++;
    for (const note of notes) cell.notes.add(note);
  }

  cell(client: Client, way: Way): Cell {
    const key = `${client.package} ${client.format} ${client.calls} ${way.name}`;
    const cell = this.#cells.get(key) ?? { begun: 0, passed: 0, notes: new Set() };
    this.#cells.set(key, cell);
    return cell;
  }
}

/** Both results without what the notes say of replays. */
export function levelled({ through, direct, isReplay }: Compared, notes: readonly Note[]) {
  const level = (result: unknown) => (isReplay ? notes : []).reduce((known, note) => note.level(known), bare(result));
  return { through: level(through), direct: level(direct) };
}

/** The notes without which the results would differ. */
export function needed(compared: readonly Compared[], notes: readonly Note[]): Note[] {
  return notes.filter((note) =>
    compared.some((one) => {
      const { through, direct } = levelled(
        one,
        notes.filter((other) => other !== note),
      );
      return !isDeepStrictEqual(through, direct);
    }),
  );
}
