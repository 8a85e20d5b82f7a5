import { type Asked, type JsonAnswer, refusal } from '../http.ts';
import { flat } from './call.ts';
import type { Dispatcher } from './dispatcher.ts';
import { type DeadLetter, type DeadLetters, describeLetter } from './dlq.ts';
import type { EventLog } from './events.ts';
import { describeMessage, Invalid, type Source } from './message.ts';
import { type ItemFault, type Publisher, sourceOf, sourcesOf } from './publisher.ts';
import { narrowed, paged } from './query.ts';
import type { Schedules } from './schedules.ts';
import type { SigningKeys } from './sign.ts';

export interface ApiOptions {
  readonly publisher: Publisher;
  readonly refused: (source: Source) => ItemFault | null;
  readonly dispatcher: Dispatcher;
  readonly dlq: DeadLetters;
  readonly log: EventLog;
  readonly schedules: Schedules;
  readonly keys: () => SigningKeys;
  readonly rotateKeys: () => SigningKeys;
}

type Handler = (asked: Asked, ...parts: readonly string[]) => JsonAnswer;

/** The requests that the vendor's API takes, as far as the gateway or a test of it has a use for them. */
export function createApi(options: ApiOptions): (asked: Asked) => JsonAnswer {
  const { publisher, refused, dispatcher, dlq, log, schedules } = options;
  const ok = (body: unknown): JsonAnswer => ({ status: 200, body });
  const found = (body: unknown): JsonAnswer => (body === undefined ? refusal(404, 'not found') : ok(body));

  const publish: Handler = (asked, destination = '', queue) => {
    const [published] = publisher.publish([sourceOf(asked, destination, queue)]);
    return { status: published?.deduplicated ? 202 : 201, body: published };
  };
  const retried = (asked: Asked, letters: readonly DeadLetter[]): JsonAnswer => {
    const responses = publisher.publish(letters.map(({ message }) => again(message.source, asked)));
    for (const { dlqId } of letters) dlq.remove(dlqId);
    return { status: 201, body: { responses } };
  };
  const chosen = (query: URLSearchParams): DeadLetter[] => {
    const views = narrowed(dlq.list().map(describeLetter), query);
    return views.flatMap(({ dlqId }) => dlq.get(dlqId) ?? []);
  };
  const events = (name: string): Handler => {
    return ({ query }) => {
      const { page, cursor } = paged(narrowed(log.events.toReversed(), query), query);
      return ok({ [name]: page, cursor });
    };
  };

  const routes: readonly (readonly [method: string, target: RegExp, Handler])[] = [
    ['POST', /^\/v2\/publish\/(.+)$/s, publish],
    [
      'POST',
      /^\/v2\/enqueue\/([^/]+)\/(.+)$/s,
      (asked, queue, destination) => publish(asked, destination ?? '', queue ?? ''),
    ],
    ['POST', /^\/v2\/batch$/, (asked) => ok(publisher.publishBatch(sourcesOf(asked), refused))],

    [
      'GET',
      /^\/v2\/messages\/([^/?]+)$/,
      (_asked, id) =>
        found(
          dispatcher
            .pending()
            .map(describeMessage)
            .find(({ messageId }) => messageId === id),
        ),
    ],
    [
      'DELETE',
      /^\/v2\/messages\/([^/?]+)$/,
      (_asked, id = '') => (dispatcher.cancel(id) ? ok({ cancelled: 1 }) : refusal(404, `message ${id} not found`)),
    ],
    [
      'DELETE',
      /^\/v2\/messages(\?|$)/,
      ({ query }) => {
        const matching = narrowed(dispatcher.pending().map(describeMessage), query);
        return ok({ cancelled: matching.filter(({ messageId }) => dispatcher.cancel(messageId)).length });
      },
    ],

    ['GET', /^\/v2\/events(\?|$)/, events('events')],
    ['GET', /^\/v2\/logs(\?|$)/, events('logs')],

    [
      'GET',
      /^\/v2\/dlq(\?|$)/,
      ({ query }) => {
        const { page, cursor } = paged(chosen(query).map(describeLetter), query);
        return ok({ messages: page, cursor });
      },
    ],
    [
      'POST',
      /^\/v2\/dlq\/retry(\?|$)/,
      (asked) => {
        const letters = chosen(asked.query);
        const wanted = asked.query.getAll('dlqIds').flatMap((ids) => ids.split(','));
        return letters.length < wanted.length
          ? refusal(404, 'some messages are not in the DLQ')
          : retried(asked, letters);
      },
    ],
    [
      'POST',
      /^\/v2\/dlq\/retry\/([^/?]+)$/,
      (asked, id = '') => {
        const letter = dlq.get(id);
        return letter === undefined ? refusal(404, `${id} not found in the DLQ`) : retried(asked, [letter]);
      },
    ],
    [
      'GET',
      /^\/v2\/dlq\/([^/?]+)$/,
      (_asked, id = '') => found(chosen(new URLSearchParams({ dlqIds: id })).map(describeLetter)[0]),
    ],
    ['DELETE', /^\/v2\/dlq\/([^/?]+)$/, (_asked, id = '') => found(dlq.remove(id) ? {} : undefined)],
    [
      'DELETE',
      /^\/v2\/dlq(\?|$)/,
      ({ query }) => ok({ deleted: chosen(query).filter(({ dlqId }) => dlq.remove(dlqId)).length }),
    ],

    ['GET', /^\/v2\/keys$/, () => ok(options.keys())],
    ['POST', /^\/v2\/keys\/rotate$/, () => ok(options.rotateKeys())],

    ['GET', /^\/v2\/schedules$/, () => ok(schedules.list())],
    ['POST', /^\/v2\/schedules\/(.+)$/s, (asked, url = '') => ok({ scheduleId: schedules.put(sourceOf(asked, url)) })],
    ['GET', /^\/v2\/schedules\/([^/?]+)$/, (_asked, id = '') => found(schedules.get(id))],
    ['DELETE', /^\/v2\/schedules\/([^/?]+)$/, (_asked, id = '') => found(schedules.remove(id) ? {} : undefined)],
    [
      'PATCH',
      /^\/v2\/schedules\/([^/?]+)\/(pause|resume)$/,
      (_asked, id = '', what) => found(schedules.pause(id, what === 'pause') ? {} : undefined),
    ],
  ];

  return (asked) => {
    for (const [method, target, handle] of routes) {
      const match = method === asked.method ? target.exec(asked.target) : null;
      if (match === null) continue;
      try {
        return handle(asked, ...match.slice(1));
      } catch (error) {
        if (error instanceof Invalid) return refusal(400, error.message);
        throw error;
      }
    }
    return refusal(404, `no such endpoint: ${asked.method} ${asked.path}`);
  };
}

/** The same message once more, under a new id and at once; settings in the headers of the retry come before its own. */
function again(source: Source, asked: Asked): Source {
  const spent = [
    'upstash-delay',
    'upstash-not-before',
    'upstash-deduplication-id',
    'upstash-content-based-deduplication',
  ];
  const kept = Object.entries(source.headers).filter(([name]) => !spent.includes(name));
  const settings = Object.entries(flat(asked.headers)).filter(([name]) => name.startsWith('upstash-'));
  return { ...source, headers: Object.fromEntries([...kept, ...settings]) };
}
