import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RunningGateway, startGateway } from '../harness/gateway.ts';
import { hasChromium, keepScreenshot, launch, type OpenPage, openPage } from './browser.ts';
import { panels, reads } from './panels.ts';

const leftOut = !hasChromium && process.env['CI'] !== 'true';
if (leftOut) console.warn('left out: the page in Chromium, as /usr/bin/chromium is not there');

describe.skipIf(leftOut)('the page in Chromium', () => {
  let gateway: RunningGateway;
  let browser: Browser;
  let opened: OpenPage;
  let page: Page;
  let ui: ReturnType<typeof panels>;

  beforeAll(async () => {
    [gateway, browser] = await Promise.all([startGateway({ env: { HEARTBEAT_INTERVAL_MS: '250' } }), launch()]);
  });

  afterAll(async () => {
    await browser?.close();
    await gateway?.stop();
  });

  beforeEach(async () => {
    opened = await openPage(browser, gateway.url);
    page = opened.page;
    ui = panels(page);
  });

  afterEach(async () => {
    await opened.context.close();
    expect(opened.faults, 'console errors, uncaught errors or breaches of the policy').toEqual([]);
  });

  /** Chromium itself reports every answer of 400 and above, and every broken line, as an error on the console. */
  function expectReported(pattern: RegExp) {
    expect(opened.faults.length).toBeGreaterThan(0);
    for (const fault of opened.faults.splice(0)) expect(fault).toMatch(pattern);
  }

  async function submitJob(fields: Parameters<typeof ui.fill>[0]) {
    await ui.fill(fields);
    await ui.choose('Job');
    await ui.run();
    await ui.answer.state('Accepted');
    return reads(ui.job.id, /^job_/);
  }

  test('offers the services, the demo service first, with its models', async () => {
    expect(await page.getByRole('combobox', { name: 'Service' }).inputValue()).toBe('demo');
    expect(await page.getByRole('combobox', { name: 'Model' }).inputValue()).toBe('demo-echo');
    await page.locator('#models option[value="demo-tools"]').waitFor({ state: 'attached' });
    await page.getByRole('combobox', { name: 'Service' }).selectOption('openai');
    await page.getByText('Your openai key. It stays in this tab.').waitFor();
    expect(await page.getByRole('spinbutton', { name: 'Delay, ms' }).isVisible()).toBe(false);
  });

  test('the key is called optional where the call can do without', async () => {
    expect(await page.locator('#key-optional').isVisible()).toBe(true);
    await page.getByRole('combobox', { name: 'Service' }).selectOption('openai');
    expect(await page.locator('#key-optional').isVisible()).toBe(false);
  });

  test('a key that cannot stand in a header is named as the fault', async () => {
    await ui.fill({ key: 'sk-clé–世界' });
    await ui.run();
    await ui.answer.state('Failed');
    await reads(ui.answer.problem, /The key has characters that cannot stand in a header\./);
    await ui.jobs.root.getByText('The key has characters that cannot stand in a header.').waitFor();
    expect(await page.locator('#down').isVisible()).toBe(false);
  });

  test('sync: the whole answer with its facts', async () => {
    await ui.fill({ prompt: 'Hello, <b>queue</b>!' });
    await ui.run();
    await ui.answer.state('Done');
    await reads(ui.answer.text, /^You said: “Hello, <b>queue<\/b>!”\. This is the demo service/);
    expect(await ui.answer.fact('Status')).toBe('200');
    expect(await ui.answer.fact('Mode')).toBe('edge');
    expect(await ui.answer.fact('First byte')).toMatch(/^[\d.]+ m?s$/);
    expect(await ui.answer.fact('Total')).toMatch(/^[\d.]+ m?s$/);
    expect(await ui.answer.fact('Usage')).toMatch(/^\d+ in, \d+ out$/);
    expect(await ui.answer.fact('Request')).toMatch(/^req_/);
  });

  test('stream: the text arrives in pieces, and Stop ends it', async () => {
    await ui.fill({ length: 2_000 });
    await ui.choose('Stream');
    await page.getByRole('textbox', { name: 'Prompt' }).press('Control+Enter');
    await reads(ui.answer.text, /^You said/);
    await ui.answer.state('Running');
    await ui.stop();
    await ui.answer.state('Stopped');
    expect((await ui.answer.text.textContent())?.length).toBeLessThan(2_000);

    await ui.fill({ length: 300 });
    await ui.run();
    await ui.answer.state('Done');
    expect((await ui.answer.text.textContent())?.length).toBe(300);
    expect(await ui.answer.fact('Usage')).toMatch(/, 75 out$/);
  });

  test('fake stream: the first byte comes long before the answer', async () => {
    await ui.fill({ delay: 1_500, prompt: 'Patience' });
    await ui.choose('Fake stream');
    await ui.run();
    expect(await ui.answer.fact('Status')).toBe('200');
    await ui.answer.state('Running');
    expect(await ui.answer.text.textContent()).toBe('');
    await ui.answer.state('Done');
    await reads(ui.answer.text, /^You said: “Patience”.*without a network\.$/);
    expect(await ui.answer.fact('First byte')).toMatch(/ ms$/);
    expect(await ui.answer.fact('First text')).toMatch(/ s$/);
  });

  test('job: watched to its end, replayed, its result read, and found again after a reload', async () => {
    const id = await submitJob({ delay: 2_500, prompt: 'Work for me' });
    await ui.job.state('In progress');
    expect(await ui.job.fact('Attempts')).toBe('1');
    const elapsed = await ui.job.fact('Elapsed');
    await ui.job.fact('Elapsed', new RegExp(`^(?!${elapsed}$)\\d+ s$`));
    expect(await ui.job.button('Result').isDisabled()).toBe(true);
    await keepScreenshot(page, 'page-job-running');
    await ui.job.state('Completed');
    expect(await ui.job.fact('Expires')).toMatch(/^in 2[34] h/);
    expect(await ui.job.fact('Answer')).toMatch(/^200 · /);
    await ui.jobs.rows.filter({ hasText: id }).filter({ hasText: 'Completed' }).waitFor();

    await ui.job.button('Replay').click();
    await ui.job.button('Stop').waitFor();
    await ui.job.button('Replay').waitFor();
    await reads(ui.job.text, /^You said: “Work for me”.*without a network\.$/);
    await ui.job.button('Result').click();
    await reads(ui.job.text, /"object": "chat\.completion"/);

    await page.reload();
    await ui.job.state('Completed');
    expect(await ui.job.id.textContent()).toBe(id);
  });

  test('job: a slow one is cancelled, run again, cancelled again and deleted', async () => {
    const id = await submitJob({ delay: 120_000 });
    await ui.job.state('In progress');
    await ui.job.button('Cancel').click();
    await ui.job.state('Cancelled');
    await ui.job.button('Retry').click();
    await ui.job.state('In progress');
    await ui.job.button('Cancel').click();
    await ui.job.state('Cancelled');
    const row = ui.jobs.rows.filter({ hasText: id });
    await row.filter({ hasText: 'Cancelled' }).waitFor();
    await ui.job.button('Delete').click();
    await ui.job.root.waitFor({ state: 'hidden' });
    await row.waitFor({ state: 'detached' });
  });

  test('job: there is no replay of what has not begun or was cancelled', async () => {
    const id = await page.evaluate(`(async () => {
      const body = JSON.stringify({ service: 'demo', path: '/v1/chat/completions', body: {}, delay_s: 600 });
      return (await (await fetch('/api/jobs', { method: 'POST', body })).json()).id;
    })()`);
    await page.goto(`${gateway.url}/#${id}`);
    await page.reload();
    await ui.job.state('Queued');
    expect(await ui.job.button('Replay').isDisabled()).toBe(true);
    expect(await ui.job.fact('Next attempt')).toMatch(/^in \d+ min/);
    await ui.job.button('Cancel').click();
    await ui.job.state('Cancelled');
    expect(await ui.job.button('Replay').isDisabled()).toBe(true);
  });

  test('job: a replay that waits can be stopped, and ends with the job', async () => {
    await submitJob({ delay: 120_000 });
    await ui.job.state('In progress');
    await ui.job.button('Replay').click();
    await ui.job.button('Stop').click();
    await ui.job.button('Replay').click();
    await ui.job.button('Stop').waitFor();
    await ui.job.button('Cancel').click();
    await ui.job.state('Cancelled');
    await ui.job.button('Replay').waitFor();
    expect(await ui.job.button('Replay').isDisabled()).toBe(true);
  });

  test('what is less than a second away is now', async () => {
    const words = await page.evaluate(`import('/format.js').then(({ until }) => [-5, 0, 0.9, 1, 65].map(until))`);
    expect(words).toEqual(['now', 'now', 'now', 'in 1 s', 'in 1 min 05 s']);
  });

  test('job: attempts are seen to move while it fails', async () => {
    await submitJob({ failure: '500' });
    await ui.job.fact('Attempts', /^1$/);
    await ui.job.fact('Next attempt');
    await ui.job.fact('Attempts', /^2$/);
    await ui.job.button('Cancel').click();
    await ui.job.state('Cancelled');
  });

  test('a list of jobs, any of which can be opened', async () => {
    const first = await submitJob({ prompt: 'first' });
    await ui.job.state('Completed');
    const second = await submitJob({ prompt: 'second' });
    await reads(ui.job.id, new RegExp(second));
    await ui.jobs.rows.filter({ hasText: first }).getByRole('button').click();
    await reads(ui.job.id, new RegExp(first));
    await ui.job.button('Replay').click();
    await reads(ui.job.text, /“first”.*network\.$/);
  });

  test('the key goes in a header, stays in this tab and opens only its own jobs', async () => {
    const id = await submitJob({});
    await ui.jobs.rows.filter({ hasText: id }).waitFor();
    await ui.fill({ key: 'sk-page-test' });
    const [asked] = await Promise.all([
      page.waitForRequest((request) => request.url().includes('/api/jobs?')),
      page.getByRole('textbox', { name: 'Key' }).press('Tab'),
    ]);
    expect(asked.headers()['authorization']).toBe('Bearer sk-page-test');
    await ui.jobs.root.getByText('None yet').waitFor();
    // What was opened with the other key stays readable.
    await ui.job.button('Replay').click();
    await reads(ui.job.text, /network\.$/);
    await page.getByRole('combobox', { name: 'Service' }).selectOption('groq');
    expect(await page.getByRole('textbox', { name: 'Key' }).inputValue()).toBe('');
    expect(await page.evaluate('localStorage.length')).toBe(0);
    expect(await opened.context.cookies()).toEqual([]);
  });

  test('a call that fails says why', async () => {
    await ui.fill({ failure: '500' });
    await ui.run();
    await ui.answer.state('Failed');
    await reads(ui.answer.problem, /^500 · server_error.*The demo service failed.*request req_/);
    expect(await ui.answer.fact('Status')).toBe('500');
    await keepScreenshot(page, 'page-error');
    expectReported(/Failed to load resource.*status of 500/);
  });

  test('a fake stream that fails says that its status was no promise', async () => {
    await ui.fill({ failure: '500' });
    await ui.choose('Fake stream');
    await ui.run();
    await ui.answer.state('Failed');
    await reads(ui.answer.problem, /The demo service failed.*Failed in mid-stream \(the status had been sent: 200\)\./);
    expect(await ui.answer.fact('Status')).toBe('200');
  });

  test('a stream that breaks off keeps its text and says so', async () => {
    await ui.fill({ failure: 'mid-stream' });
    await ui.choose('Stream');
    await ui.run();
    await ui.answer.state('Failed');
    await reads(ui.answer.problem, /\w/);
    await reads(ui.answer.text, /^You said/);
    expectReported(/ERR_INCOMPLETE_CHUNKED_ENCODING/);
  });

  test('says when the gateway is down, and goes on when it is back', async () => {
    await opened.context.setOffline(true);
    await ui.run();
    await ui.answer.state('Failed');
    await page.getByText('The gateway does not answer.', { exact: true }).waitFor();
    await keepScreenshot(page, 'page-down');
    await opened.context.setOffline(false);
    await page.locator('#down').waitFor({ state: 'hidden' });
    await ui.run();
    await ui.answer.state('Done');
    expectReported(/ERR_INTERNET_DISCONNECTED/);
  });

  test('reads event streams by the standard, however their bytes come', async () => {
    const text = ': beat\r\n\r\nid: 7\r\ndata: “a”\r\ndata:b\r\n\r\n\rdata: c\r\revent: x\n\ndata\n\ndata: cut';
    const read = async (size: number) =>
      page.evaluate(`(async () => {
        const { readEvents } = await import('/sse.js');
        const bytes = new TextEncoder().encode(${JSON.stringify(text)});
        const body = new ReadableStream({
          start(controller) {
            for (let at = 0; at < bytes.length; at += ${size}) controller.enqueue(bytes.slice(at, at + ${size}));
            controller.close();
          },
        });
        const events = [];
        for await (const event of readEvents(body)) events.push(event);
        return events;
      })()`);
    const events = [
      { data: '“a”\nb', id: '7' },
      { data: 'c', id: '7' },
      { data: '', id: '7' },
    ];
    for (const size of [1, 2, 3, 1_000]) expect(await read(size)).toEqual(events);
  });

  test.for([
    { name: 'light', options: { colorScheme: 'light' } },
    { name: 'dark', options: { colorScheme: 'dark' } },
    { name: 'tablet', options: { viewport: { width: 1024, height: 768 } } },
    { name: 'phone', options: { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true } },
    { name: 'phone-dark', options: { viewport: { width: 360, height: 740 }, colorScheme: 'dark' } },
  ] as const)('fits its window: $name', async ({ name, options }) => {
    await opened.context.close();
    opened = await openPage(browser, gateway.url, options);
    page = opened.page;
    ui = panels(page);
    await keepScreenshot(page, `page-${name}-empty`);
    await submitJob({ prompt: 'A word that is ratherlongandhasnoplacetobreakinanywhereatallsothatitmustbecut.' });
    await ui.job.state('Completed');
    await ui.job.button('Result').click();
    await reads(ui.job.text, /chat\.completion/);
    await ui.fill({ length: 600 });
    await ui.choose('Stream');
    await ui.run();
    await ui.answer.state('Done');
    await keepScreenshot(page, `page-${name}`);
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
  });
});
