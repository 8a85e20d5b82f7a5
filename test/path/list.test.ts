import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failing, json } from '../harness/answers.ts';
import { type Caller, errorIn, listIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { type Stand, startStand } from '../harness/stand.ts';

describe.each(compositions)('the list: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  const ids: string[] = [];
  beforeAll(async () => {
    stand = await startStand(start);
    caller = stand.caller('sk-listing-caller');
    stand.on('/fine', json({}));
    stand.on('/bad', failing(400));
    for (const path of ['/fine', '/bad', '/fine', '/bad', '/fine']) {
      const { id } = await caller.submit(path);
      ids.unshift(id);
      await caller.ended(id);
    }
  });
  afterAll(() => stand.stop());

  const list = async (query: string) => listIn(await caller.get(`/api/jobs${query}`));
  const idsOf = (page: { data: readonly { id: string }[] }) => page.data.map((job) => job.id);

  it('has the newest first, each as its own poll shows it', async () => {
    const page = await list('');
    expect(idsOf(page)).toEqual(ids);
    expect(page).toMatchObject({ first_id: ids[0], last_id: ids[4], has_more: false });
    expect(page.data[0]).toEqual(await caller.job(ids[0] ?? ''));
  });

  it('comes in pages', async () => {
    const first = await list('?limit=2');
    expect(idsOf(first)).toEqual(ids.slice(0, 2));
    expect(first).toMatchObject({ first_id: ids[0], last_id: ids[1], has_more: true });
    const second = await list(`?limit=2&after=${first.last_id}`);
    expect(idsOf(second)).toEqual(ids.slice(2, 4));
    expect(second.has_more).toBe(true);
    const third = await list(`?limit=2&after=${second.last_id}`);
    expect(idsOf(third)).toEqual(ids.slice(4));
    expect(third.has_more).toBe(false);
    expect(await list(`?after=${third.last_id}`)).toEqual({
      ...{ object: 'list', data: [], first_id: null, last_id: null, has_more: false },
    });
  });

  it('can be narrowed to a status, in pages as well', async () => {
    const failed = await list('?status=failed&limit=1');
    expect(idsOf(failed)).toEqual([ids[1]]);
    expect(failed.has_more).toBe(true);
    expect(idsOf(await list(`?status=failed&after=${failed.last_id}`))).toEqual([ids[3]]);
    expect(idsOf(await list('?status=completed'))).toEqual([ids[0], ids[2], ids[4]]);
    expect(idsOf(await list('?status=queued'))).toEqual([]);
  });

  it('is empty for a caller who has made none', async () => {
    const page = await listIn(await stand.caller('sk-newcomer').get('/api/jobs'));
    expect(page.data).toEqual([]);
  });

  it.each([
    ['limit', '0'],
    ['limit', '101'],
    ['limit', 'many'],
    ['limit', '1.5'],
    ['limit', ''],
    ['status', 'done'],
    ['status', ''],
    ['after', 'job_000000000000000000000000'],
    ['after', 'nonsense'],
  ])('a bad %s is refused: %j', async (param, value) => {
    const response = await caller.get(`/api/jobs?${param}=${value}`);
    expect(response.status).toBe(400);
    expect(await errorIn(response)).toMatchObject({ code: 'invalid_request', param });
  });

  it("another's job as the place to go on from is as unknown as one that is not there", async () => {
    const foreign = await stand.caller('sk-foreigner').get(`/api/jobs?after=${ids[2]}`);
    const unknown = await stand.caller('sk-foreigner').get('/api/jobs?after=job_000000000000000000000000');
    const comparable = async (response: Response) => {
      const { message, type, code, param } = await errorIn(response);
      return { status: response.status, message, type, code, param };
    };
    expect(await comparable(foreign)).toEqual(await comparable(unknown));
  });
});
