import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json } from '../harness/answers.ts';
import { type Caller, errorIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { type Stand, startStand } from '../harness/stand.ts';

describe.each(compositions)('methods and paths of the jobs API: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  let id: string;
  beforeAll(async () => {
    stand = await startStand(start);
    caller = stand.caller('sk-method-caller');
    id = (await caller.submit(stand.on('/done', json({})))).id;
    await caller.ended(id);
  });
  afterAll(() => stand.stop());

  it.each([
    ['PUT', '', 'GET, DELETE'],
    ['POST', '', 'GET, DELETE'],
    ['OPTIONS', '', 'GET, DELETE'],
    ['POST', '/result', 'GET'],
    ['DELETE', '/stream', 'GET'],
    ['GET', '/cancel', 'POST'],
    ['GET', '/retry', 'POST'],
  ])('%s …%s is refused with 405, which says what goes', async (method, path, allow) => {
    const response = await caller.send(method, `/api/jobs/${id}${path}`);
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe(allow);
    expect((await errorIn(response)).code).toBe('method_not_allowed');
  });

  it('the collection takes GET and POST', async () => {
    const response = await caller.send('DELETE', '/api/jobs');
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, POST');
  });

  it.each(['/nothing', '/result/more', '/', '/constructor', '/__proto__', '/toString'])(
    '…%s is not there',
    async (path) => {
      const response = await caller.get(`/api/jobs/${id}${path}`);
      expect(response.status).toBe(404);
      expect((await errorIn(response)).code).toBe('not_found');
    },
  );

  it('HEAD is GET without the body', async () => {
    const response = await caller.send('HEAD', `/api/jobs/${id}/result`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe('2');
    expect(await response.text()).toBe('');
  });

  it('every answer says its request, its time and that it is about a job', async () => {
    for (const path of ['', `/${id}`, `/${id}/result`, '/job_unknown']) {
      const response = await caller.get(`/api/jobs${path}`, { 'x-request-id': 'mine-1' });
      expect(response.headers.get('x-request-id')).toBe('mine-1');
      expect(response.headers.get('x-processing-time')).toMatch(/^\d+$/);
      expect(response.headers.get('x-processing-mode')).toBe('job');
      await response.body?.cancel();
    }
  });
});
