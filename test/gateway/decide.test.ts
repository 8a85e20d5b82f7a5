import { describe, expect, it } from 'vitest';
import {
  type CallFacts,
  type Decision,
  decide,
  inBackground,
  LONG_PATHS,
  type Policy,
} from '../../lib/gateway/decide.ts';

const POLICY: Policy = { longRequestMode: 'background', smallBody: 1_000 };
const CHAT: CallFacts = {
  door: 'service',
  method: 'POST',
  path: '/v1/chat/completions',
  size: 100,
  streaming: false,
  streamPreference: null,
  respondAsync: false,
  wait: null,
  idempotent: false,
  supportsStreaming: true,
  replayable: true,
};

const EDGE = { run: 'edge', stream: 'none' } as const;
const BACKGROUND = { run: 'background', stream: 'none' } as const;
const NATIVE = { run: 'edge', stream: 'native' } as const;
const REPLAY = { run: 'edge', stream: 'replay' } as const;
const COLLECT = { run: 'background', stream: 'collect' } as const;
const stream = { streaming: true };
const plain = { replayable: false, path: '/v1/responses' };

const TABLE: readonly [string, Partial<CallFacts>, Decision][] = [
  ['a small call', {}, EDGE],
  ['a small call by the default door', { door: 'default' }, EDGE],
  ['a body of just the small size', { size: 1_000 }, EDGE],
  ['a byte more', { size: 1_001 }, BACKGROUND],
  ['a body of unknown length', { size: Number.POSITIVE_INFINITY }, BACKGROUND],
  ['a preference for a stream that is not asked for', { streamPreference: 'replay' }, EDGE],
  ['a stream to be collected', { streamPreference: 'collect' }, COLLECT],
  ['the same, where long requests are jobs', { streamPreference: 'collect', size: 5_000 }, COLLECT],
  ['the same, of a service that has no streams', { streamPreference: 'collect', supportsStreaming: false }, EDGE],
  ['the same, of a path that has none', { streamPreference: 'collect', ...plain }, EDGE],
  ['the same, with a key', { streamPreference: 'collect', idempotent: true }, { run: 'job', hold: 'limit' }],

  ['a stream of a service', stream, NATIVE],
  ['a stream of the default door', { ...stream, door: 'default' }, REPLAY],
  ['a stream, replay preferred', { ...stream, streamPreference: 'replay' }, REPLAY],
  [
    'a stream of the default door, native preferred',
    { ...stream, door: 'default', streamPreference: 'native' },
    NATIVE,
  ],
  ['a stream of a service that has none', { ...stream, supportsStreaming: false }, REPLAY],
  ['the same, native preferred', { ...stream, supportsStreaming: false, streamPreference: 'native' }, REPLAY],
  ['a stream that cannot be replayed, by the default door', { ...stream, ...plain, door: 'default' }, NATIVE],
  ['the same, replay preferred', { ...stream, ...plain, streamPreference: 'replay' }, NATIVE],
  ['the same, of a service that has none', { ...stream, ...plain, supportsStreaming: false }, NATIVE],
  ['a stream with a long body', { ...stream, size: 5_000 }, NATIVE],
  ['a stream on a long path', { ...stream, ...plain, path: '/v1/audio/speech' }, NATIVE],

  ['respond-async', { respondAsync: true }, { run: 'job', hold: 0 }],
  ['respond-async, wait', { respondAsync: true, wait: 20 }, { run: 'job', hold: 20 }],
  ['respond-async with a key', { respondAsync: true, wait: 5, idempotent: true }, { run: 'job', hold: 5 }],
  ['respond-async, of a stream', { respondAsync: true, ...stream }, { run: 'job', hold: 0 }],
  ['respond-async of GET', { respondAsync: true, method: 'GET' }, { run: 'job', hold: 0 }],
  ['wait alone asks for no job', { wait: 20 }, EDGE],
  ['a key', { idempotent: true }, { run: 'job', hold: 'limit' }],
  ['a key and a wait', { idempotent: true, wait: 3 }, { run: 'job', hold: 'limit' }],
  ['a key, of a stream', { idempotent: true, ...stream }, { run: 'job', hold: 'limit' }],
];

describe('how a call is run', () => {
  it.each(TABLE)('%s', (_name, facts, decision) => {
    expect(decide({ ...CHAT, ...facts }, POLICY)).toEqual(decision);
  });

  it.each(LONG_PATHS)('%s is long, wherever a provider puts it', (path) => {
    expect(decide({ ...CHAT, path: `${path}x` }, POLICY)).toEqual(BACKGROUND);
    expect(decide({ ...CHAT, path: `/openai${path}x` }, POLICY)).toEqual(BACKGROUND);
  });

  it.each(['GET', 'HEAD', 'OPTIONS'])('%s is never long', (method) => {
    expect(decide({ ...CHAT, method, path: '/v1/files/1', size: 5_000 }, POLICY)).toEqual(EDGE);
  });

  it('LONG_REQUEST_MODE=job makes a job of what is long, and of nothing else', () => {
    const policy = { ...POLICY, longRequestMode: 'job' as const };
    expect(decide({ ...CHAT, size: 5_000 }, policy)).toEqual({ run: 'job', hold: 0 });
    expect(decide({ ...CHAT, path: '/v1/images/generations' }, policy)).toEqual({ run: 'job', hold: 0 });
    expect(decide({ ...CHAT, ...stream, size: 5_000 }, policy)).toEqual(NATIVE);
    expect(decide(CHAT, policy)).toEqual(EDGE);
    expect(decide({ ...CHAT, method: 'GET', path: '/v1/files' }, policy)).toEqual(EDGE);
  });
});

describe('in the background function', () => {
  it.each(TABLE)('%s is run with its budget, unless it is a job', (_name, facts, decision) => {
    const decided = inBackground(decide({ ...CHAT, ...facts }, POLICY));
    expect(decided).toEqual(decision.run === 'edge' ? { ...decision, run: 'background' } : decision);
  });
});

describe('whatever the facts', () => {
  const every = [true, false].flatMap((streaming) =>
    (['service', 'default'] as const).flatMap((door) =>
      (['native', 'replay', null] as const).flatMap((streamPreference) =>
        [true, false].flatMap((respondAsync) =>
          [null, 0, 60].flatMap((wait) =>
            [true, false].flatMap((idempotent) =>
              [true, false].flatMap((supportsStreaming) =>
                [true, false].flatMap((replayable) =>
                  ['GET', 'POST', 'DELETE'].flatMap((method) =>
                    [0, 5_000].flatMap((size) =>
                      (['background', 'job'] as const).map((longRequestMode) => {
                        const modes = { respondAsync, wait, idempotent, supportsStreaming, replayable };
                        const facts = { ...CHAT, streaming, door, streamPreference, method, size, ...modes };
                        return { facts, longRequestMode, decision: decide(facts, { ...POLICY, longRequestMode }) };
                      }),
                    ),
                  ),
                ),
              ),
            ),
          ),
        ),
      ),
    ),
  );

  it('nobody who has not asked for a job gets one, unless the operator wants it', () => {
    const unasked = every.filter(({ facts }) => !facts.respondAsync && !facts.idempotent);
    const jobs = unasked.filter(({ decision }) => decision.run === 'job');
    expect(jobs.every(({ longRequestMode }) => longRequestMode === 'job')).toBe(true);
    expect(jobs.length).toBeGreaterThan(0);
  });

  it('whoever has asked for one gets it', () => {
    const asked = every.filter(({ facts }) => facts.respondAsync || facts.idempotent);
    expect(asked.every(({ decision }) => decision.run === 'job')).toBe(true);
  });

  it('only a stream is answered as one, from the edge, and replayed only where that is possible', () => {
    for (const { facts, decision } of every) {
      if (decision.run === 'job') continue;
      expect(decision.stream !== 'none', JSON.stringify(facts)).toBe(facts.streaming);
      if (facts.streaming) expect(decision.run).toBe('edge');
      if (decision.stream === 'replay') expect(facts.replayable).toBe(true);
      if (decision.stream === 'native' && facts.replayable) expect(facts.supportsStreaming).toBe(true);
    }
  });
});
