import type { Page } from 'playwright-core';
import type { CuttingProxy } from '../harness/cutting.ts';

/** What an `EventSource` of a page has received. */
export interface Followed {
  readonly events: [name: string, data: string][];
  /** `closed`: it has stopped by itself; `time`: it was given up. */
  readonly end: 'closed' | 'time';
}

/** Chromium opens no more connections to a host over HTTP/1.1 at a time. */
const AT_ONCE = 6;
const PATIENCE_MS = 20_000;

/** Lets the pages of a proxy tell it what they have. */
export async function tellReceived(page: Page, proxy: CuttingProxy): Promise<void> {
  await page.exposeFunction('received', (url: string, events: number) => proxy.received(url, events));
}

/**
 * Opens an `EventSource` of the page for each address, and follows it until it has stopped by itself.
 * @param expected tells the names of events to listen to; without a listener for its name, an event is not received
 */
export async function followAll(
  page: Page,
  urls: readonly string[],
  expected: readonly (readonly [name: string, data: string])[],
): Promise<Followed[]> {
  const names = [...new Set(['message', ...expected.map(([name]) => name)])];
  return page.evaluate(`(async () => {
    const follow = (url) => new Promise((resolve) => {
      const source = new EventSource(url);
      const events = [];
      const done = (end) => {
        clearTimeout(timer);
        source.close();
        resolve({ events, end });
      };
      const timer = setTimeout(done, ${PATIENCE_MS}, 'time');
      for (const name of ${JSON.stringify(names)}) {
        source.addEventListener(name, ({ type, data }) => received(url, events.push([type, data])));
      }
      // It is told of each break; at 204, it does not come again.
      source.onerror = () => source.readyState === EventSource.CLOSED && done('closed');
    });
    const waiting = [...${JSON.stringify(urls)}.entries()];
    const followed = [];
    const takeTurns = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) followed[next[0]] = await follow(next[1]);
    };
    await Promise.all(Array.from({ length: ${AT_ONCE} }, takeTurns));
    return followed;
  })()`);
}
