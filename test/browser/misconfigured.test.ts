import { Hono } from 'hono';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../../lib/config.ts';
import { createLog } from '../../lib/log.ts';
import { createMisconfigured } from '../../lib/misconfigured.ts';
import { servePage } from '../../lib/page.ts';
import { serveDoor } from '../harness/door.ts';
import { startGateway } from '../harness/gateway.ts';
import { hasChromium, keepScreenshot, launch, openPage } from './browser.ts';

const leftOut = !hasChromium && process.env['CI'] !== 'true';

describe.skipIf(leftOut)('the page of a gateway that is not configured', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  test('says what is missing, and goes on by itself once it is there', async () => {
    const gateway = await startGateway();
    const log = createLog({ level: 'ERROR', format: 'text', write: () => undefined });
    const problem = 'GATEWAY_SECRET: must be set: openssl rand -base64 32';
    const misconfigured = createMisconfigured(new ConfigError(problem), {}, log);
    let isMended = false;
    const app = new Hono();
    for (const path of ['/api/*', '/gateway/*']) {
      app.all(path, ({ req }) => {
        const { pathname, search } = new URL(req.url);
        return isMended ? fetch(`${gateway.url}${pathname}${search}`) : misconfigured.fetch(req.raw);
      });
    }
    app.use('/*', servePage());
    const door = await serveDoor(app.fetch);
    try {
      const { page, context, faults } = await openPage(browser, door.url, {}, 'bad');
      await page.getByText('The gateway is not configured.').waitFor();
      await page.getByText(problem).waitFor();
      expect(await page.locator('#gateway').textContent()).toBe('Misconfigured');
      await keepScreenshot(page, 'misconfigured');
      isMended = true;
      await page.locator('#gateway[data-tone="good"]').waitFor();
      expect(await page.getByText(problem).isVisible()).toBe(false);
      expect(faults).toEqual([]);
      await context.close();
    } finally {
      await door.stop(0);
      await gateway.stop();
    }
  });
});
