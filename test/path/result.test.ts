import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { held, json } from '../harness/answers.ts';
import { bytesIn, type Caller, errorIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { type Stand, startStand } from '../harness/stand.ts';

describe.each(compositions)('the result: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start);
    caller = stand.caller('sk-result-caller');
  });
  afterAll(() => stand.stop());

  it('is the provider answer: status, type and bytes, as often as wanted', async () => {
    const bytes = Uint8Array.from({ length: 1000 }, (_, index) => (index * 7) % 256);
    stand.on('/binary', (_request, response) => {
      response.writeHead(203, { 'content-type': 'audio/mpeg' }).end(bytes);
    });
    const { id } = await caller.submit('/binary');
    const job = await caller.ended(id);
    expect(job.response).toEqual({ status: 203, content_type: 'audio/mpeg', size: 1000 });
    for (let time = 0; time < 3; time++) {
      const result = await caller.get(`/api/jobs/${id}/result`);
      expect(result.status).toBe(203);
      expect(result.headers.get('content-type')).toBe('audio/mpeg');
      expect(result.headers.get('content-length')).toBe('1000');
      expect(result.headers.get('x-job-id')).toBe(id);
      expect(await bytesIn(result)).toEqual(bytes);
    }
  });

  it('is JSON byte by byte, not as the gateway would write it', async () => {
    const text = '{ "a" : 1,\n "b": "\\u00e9" }\n';
    stand.on('/verbatim', (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(text);
    });
    const { id } = await caller.submit('/verbatim');
    await caller.ended(id);
    const result = await caller.get(`/api/jobs/${id}/result`);
    expect(result.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await result.text()).toBe(text);
  });

  it.each([200, 204])('may be empty (%i)', async (status) => {
    stand.on(`/empty-${status}`, (_request, response) => void response.writeHead(status).end());
    const { id } = await caller.submit(`/empty-${status}`);
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', response: { status, size: 0 } });
    const result = await caller.get(`/api/jobs/${id}/result`);
    expect(result.status).toBe(status);
    expect(await bytesIn(result)).toHaveLength(0);
  });

  it('cannot run as a page of the gateway, whose origin it is read from', async () => {
    stand.on('/page', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<script>1</script>');
    });
    const { id } = await caller.submit('/page');
    await caller.ended(id);
    const result = await caller.get(`/api/jobs/${id}/result`);
    expect(result.headers.get('content-security-policy')).toBe('sandbox');
    expect(result.headers.get('x-content-type-options')).toBe('nosniff');
    expect(result.headers.get('cache-control')).toBe('no-store');
  });

  it('is not there before the end: 409, with the time to come again', async () => {
    const answer = held({});
    const { id } = await caller.submit(stand.on('/unfinished', answer.handler));
    await answer.come;
    const early = await caller.get(`/api/jobs/${id}/result`);
    expect(early.status).toBe(409);
    expect(Number(early.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await errorIn(early)).code).toBe('job_not_finished');
    answer.go();
    await caller.ended(id);
    expect((await caller.get(`/api/jobs/${id}/result`)).status).toBe(200);
  });

  it('is gone when the job was cancelled: 410', async () => {
    const { id } = await caller.submit(stand.on('/cancelled', json({})), { delay_s: 600 });
    await caller.post(`/api/jobs/${id}/cancel`);
    const result = await caller.get(`/api/jobs/${id}/result`);
    expect(result.status).toBe(410);
    expect((await errorIn(result)).code).toBe('job_cancelled');
  });

  it('that is compressed all the same stays as it is, under the header that says so', async () => {
    const text = JSON.stringify({ text: 'x'.repeat(1_000) });
    stand.on('/compressed', (_request, response) => {
      const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
      response.writeHead(200, headers).end(gzipSync(text));
    });
    const { id } = await caller.submit('/compressed');
    expect((await caller.ended(id)).response?.size).toBe(gzipSync(text).byteLength);
    const result = await caller.get(`/api/jobs/${id}/result`);
    expect(result.headers.get('content-encoding')).toBe('gzip');
    expect(await result.text()).toBe(text);
  });

  it('takes GET alone', async () => {
    const { id } = await caller.submit(stand.on('/method', json({})));
    const response = await caller.post(`/api/jobs/${id}/result`);
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET');
  });
});
