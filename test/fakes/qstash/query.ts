/** What a list can be narrowed by, and the field of an item that is compared. */
const FIELDS: Readonly<Record<string, string>> = {
  messageId: 'messageId',
  messageIds: 'messageId',
  dlqIds: 'dlqId',
  url: 'url',
  label: 'labels',
  state: 'state',
  queueName: 'queueName',
  scheduleId: 'scheduleId',
  flowControlKey: 'flowControlKey',
  responseStatus: 'responseStatus',
};

/** Items that have, for every parameter, one of its values (repeated, or with commas between). */
export function narrowed<Item extends object>(items: readonly Item[], query: URLSearchParams): Item[] {
  return items.filter((item) => {
    const fields = new Map<string, unknown>(Object.entries(item));
    return Object.entries(FIELDS).every(([parameter, field]) => {
      if (!query.has(parameter)) return true;
      const wanted = query.getAll(parameter).flatMap((value) => (parameter === 'url' ? [value] : value.split(',')));
      return [fields.get(field)].flat().some((value) => wanted.includes(String(value)));
    });
  });
}

/** `count` items from `cursor` on, and the cursor of what follows, if anything does. */
export function paged<Item>(items: readonly Item[], query: URLSearchParams): { page: Item[]; cursor?: string } {
  const from = Number(query.get('cursor') ?? 0);
  const to = from + Number(query.get('count') ?? 100);
  const page = items.slice(from, to);
  return to < items.length ? { page, cursor: String(to) } : { page };
}
