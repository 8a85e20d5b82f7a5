import type { Locator, Page } from 'playwright-core';

/** The parts of the page, by what a user sees of them. */
export function panels(page: Page) {
  const answer = page.getByRole('region', { name: 'Answer', exact: true });
  const job = page.getByRole('region', { name: 'Job', exact: true });
  const jobs = page.getByRole('region', { name: 'Recent jobs' });
  return {
    answer: { ...panel(answer), text: answer.getByRole('region', { name: 'Text of the answer' }) },
    job: {
      ...panel(job),
      text: job.getByRole('region', { name: 'What the job has answered' }),
      id: job.locator('#job-id'),
      button: (name: string) => job.getByRole('button', { name, exact: true }),
    },
    jobs: { root: jobs, rows: jobs.getByRole('listitem') },

    async choose(way: 'Sync' | 'Stream' | 'Fake stream' | 'Job') {
      await page.getByRole('radio', { name: way, exact: true }).click();
    },
    async run() {
      await page.getByRole('button', { name: 'Run', exact: true }).click();
    },
    async stop() {
      await page.getByRole('button', { name: 'Stop', exact: true }).first().click();
    },
    async fill(fields: { prompt?: string; delay?: number; length?: number; failure?: string; key?: string }) {
      const { prompt, delay, length, failure, key } = fields;
      if (prompt !== undefined) await page.getByRole('textbox', { name: 'Prompt' }).fill(prompt);
      if (delay !== undefined) await page.getByRole('spinbutton', { name: 'Delay, ms' }).fill(String(delay));
      if (length !== undefined) await page.getByRole('spinbutton', { name: 'Length' }).fill(String(length));
      if (failure !== undefined) await page.getByRole('combobox', { name: 'Failure' }).selectOption(failure);
      if (key !== undefined) await page.getByRole('textbox', { name: 'Key' }).fill(key);
    },
  };
}

function panel(root: Locator) {
  return {
    root,
    problem: root.getByRole('alert'),
    /** Resolves once the panel's chip reads `state`. */
    state: (state: string | RegExp) => root.getByRole('status').filter({ hasText: state }).waitFor(),
    /** The value of a fact, once it is one that matches. */
    async fact(name: string, value: RegExp = /\S/): Promise<string> {
      const cell = root.locator('dl > div', { has: root.page().getByText(name, { exact: true }) }).locator('dd');
      return (await cell.filter({ hasText: value }).textContent()) ?? '';
    },
  };
}

/** Resolves once `locator` has text that `pattern` matches. */
export async function reads(locator: Locator, pattern: RegExp): Promise<string> {
  return (await locator.filter({ hasText: pattern }).textContent()) ?? '';
}
