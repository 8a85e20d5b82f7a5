import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReplayEvent } from '../../lib/replay/format.ts';
import { json, pushed, streaming } from '../harness/answers.ts';
import type { Caller, JobView } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { type CuttingProxy, startCuttingProxy } from '../harness/cutting.ts';
import { eventsIn } from '../harness/events.ts';
import { CALLS, formatAt } from '../harness/format-calls.ts';
import { type Stand, startStand } from '../harness/stand.ts';
import { hasChromium, launch } from './browser.ts';
import { followAll, tellReceived } from './event-sources.ts';

const leftOut = !hasChromium && process.env['CI'] !== 'true';
if (leftOut) console.warn('left out: resuming in Chromium, as /usr/bin/chromium is not there');

// Gemini's clients fail at an `id:` line, so its streams have none, and an `EventSource` could not tell where it was:
// they are resumed by `?starting_after=n` alone, at every n (test/path/formats.test.ts). Its JSON array is given only to
// native calls, which name no event to go on after.
const formats = Object.entries(CALLS).filter(([, { path }]) => formatAt(path).takesIds);

const pairs = (events: readonly { event?: string | null; data: string }[]) =>
  events.map(({ event, data }): [string, string] => [event ?? 'message', data]);

/** As a provider may write it: other line ends, comments between the events. */
function spelled({ event, data }: ReplayEvent, index: number): string {
  const name = event === undefined ? '' : `event: ${event}\r\n`;
  return `${index % 3 === 1 ? ': comment\r\n\r\n' : ''}${name}data: ${data}\r\n\r\n`;
}

describe.skipIf(leftOut).each(compositions)('an EventSource whose line breaks: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  let proxy: CuttingProxy;
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    const env = { CHUNK_DELAY_MS: '0', CHUNK_TARGET_LENGTH: '8', HEARTBEAT_INTERVAL_MS: '50' };
    [stand, browser] = await Promise.all([startStand(start, { env }), launch()]);
    caller = stand.caller('sk-event-source');
    proxy = await startCuttingProxy(stand.gateway.url);
    page = await browser.newPage();
    await tellReceived(page, proxy);
    // A page of another origin than the proxy's: most pages are of another than the gateway's.
    await page.goto(`${stand.gateway.url}/health`);
  });
  afterAll(async () => {
    await browser?.close();
    await proxy?.stop();
    await stand?.stop();
  });

  const streamOf = ({ id, read_token }: JobView) => `/api/jobs/${id}/stream?token=${read_token}&event_ids=true`;

  /**
   * Cuts the line after each event, and within the one after it: the page has all events once, comes again with the last
   * one that it had, and stops when there is no more.
   */
  async function expectWhole(job: JobView, uncut: readonly [string, string][]) {
    expect(uncut.length).toBeGreaterThan(5);
    const ids = (await eventsIn(await stand.caller().get(streamOf(job)))).map(({ id }) => id);
    const cuts = [
      ...uncut.map((_, n) => ({ after: n + 1, which: 'first' as const })),
      ...uncut.slice(1).map((_, n) => ({ after: n + 1, which: 'first' as const, torn: true })),
      { after: 1, which: 'each' as const },
    ];
    const lines = cuts.map((cut) => ({ cut, url: proxy.cut(streamOf(job), cut) }));
    const urls = lines.map(({ url }) => url);
    const followed = await followAll(page, urls, uncut);
    for (const [position, { cut, url }] of lines.entries()) {
      const context = JSON.stringify(cut);
      expect(followed[position], context).toEqual({ events: uncut, end: 'closed' });
      expect(proxy.broken(url), context).toBe(cut.which === 'each' ? uncut.length : 1);
      const cutAt = ids[cut.after - 1];
      const came = cut.which === 'each' ? ids : cutAt === ids.at(-1) ? [cutAt] : [cutAt, ids.at(-1)];
      expect(proxy.asked(url), context).toEqual([null, ...came]);
    }
  }

  describe.each(formats)('%s', (name, { path, ask, answer }) => {
    it('has each event once, wherever the line breaks, of a whole answer that is replayed', async () => {
      const job = await caller.submit(stand.on(`/whole${path}`, json(answer)));
      await caller.ended(job.id);
      const whole = await eventsIn(await caller.get(`/api/jobs/${job.id}/stream`));
      await expectWhole(job, pairs(whole));
    });

    it('has each event once, wherever the line breaks, of a stream that is stored', async () => {
      const events = formatAt(path).replay(answer, { pieceLength: 8, includeUsage: true }) ?? [];
      const provider = streaming(...events.map(spelled));
      const job = await caller.submit(stand.on(`/stored${path}`, provider), { body: ask });
      await caller.ended(job.id);
      await expectWhole(job, pairs(events));
    });

    it('has each event once, as often as the line breaks, while the job runs', async () => {
      const events = formatAt(path).replay(answer, { pieceLength: 8, includeUsage: true }) ?? [];
      const provider = pushed();
      const job = await caller.submit(stand.on(`/live${path}`, provider.handler), { body: ask });
      await provider.come;
      const cuts = [1, 2, 3].flatMap((after) => [
        { after, which: 'each' as const },
        { after, which: 'each' as const, torn: true },
      ]);
      const urls = cuts.map((cut) => proxy.cut(streamOf(job), cut));
      const following = followAll(page, urls, pairs(events));
      for (const [index, event] of events.entries()) {
        provider.push(spelled(event, index));
        // Not all in one write to the store: its readers wait for the next one.
        if (index % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 100));
      }
      provider.end();
      for (const [position, followed] of (await following).entries()) {
        const { [position]: cut } = cuts;
        const context = JSON.stringify(cut);
        expect(followed, context).toEqual({ events: pairs(events), end: 'closed' });
        const least = Math.floor((events.length - 1) / (cut?.after ?? 1));
        expect(proxy.broken(urls[position] ?? ''), context).toBeGreaterThanOrEqual(least);
      }
      expect(await caller.ended(job.id), name).toMatchObject({ status: 'completed', attempts: 1 });
    });
  });
});
