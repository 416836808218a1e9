import { readFile } from 'node:fs/promises';

import type { APIRequestContext, Page } from '@playwright/test';

import { expect, expectAccessible, expectNoSidewaysScroll, light, test } from '../fixtures';

const FIXED = new URL('../../server/demo/read_models/fixed/revenue_by_day.sql', import.meta.url);

const section = (page: Page) => page.getByRole('region', { name: 'Rebuild' });
const open = (page: Page) => section(page).locator('li[aria-current="step"]');

/** Waits for a word of the rebuild's section that takes the server's work to come. */
const says = (page: Page, words: string | RegExp) => expect(section(page)).toContainText(words, { timeout: 25_000 });

/** Orders placed up to a position, and how many of them were cancelled by then: what the two versions must have. */
async function orders(request: APIRequestContext, position: number): Promise<{ placed: number; left: number }> {
  const placed = new Set<string>();
  const cancelled = new Set<string>();
  let after = 0;
  for (;;) {
    const answer = await request.get(`/api/events?after=${after}&limit=1000&filter=type:OrderPlaced,OrderCancelled`);
    const { events, next } = (await answer.json()) as { events: { position: number; type: string; stream: string }[]; next: number | null };
    for (const event of events.filter((event) => event.position <= position)) {
      (event.type === 'OrderPlaced' ? placed : cancelled).add(event.stream);
    }
    if (next === null || next >= position) {
      return { placed: placed.size, left: [...placed].filter((stream) => !cancelled.has(stream)).length };
    }
    after = next;
  }
}

/** The numbers in a text that writes thousands apart. */
const digits = (text: string) => Number(text.replace(/[^\d]/g, ''));

test('the wrong revenue is rebuilt, compared, promoted, verified and gone back from', async ({ page, open: visit, request }) => {
  test.setTimeout(120_000);
  await visit('/read-models/revenue_by_day');
  await page.getByRole('button', { name: 'Edit the definition' }).click();
  await page.getByRole('textbox', { name: 'Definition' }).fill(await readFile(FIXED, 'utf8'));
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'Saved as version 2. It waits for its rebuild' })).toBeVisible();

  await expect(open(page)).toContainText('Plan');
  await says(page, 'Version 2 waits: a changed definition.');
  await section(page).getByRole('button', { name: 'Plan a rebuild' }).click();
  await says(page, 'matching events, counted');
  await says(page, 'none: its SQL can write only its own tables');
  await section(page).getByText('What changes in the definition').click();
  await expect(section(page).locator('ins').filter({ hasText: 'OrderCancelled' }).first()).toBeVisible();
  await section(page).getByLabel('Why (the audit log keeps it)').fill('cancelled orders are no revenue');
  await section(page).getByRole('button', { name: 'Rebuild', exact: true }).click();

  await section(page).getByRole('button', { name: 'Compare with the live rows' }).click({ timeout: 25_000 });
  const revenue = section(page).getByRole('region', { name: 'Table revenue' });
  await expect(revenue).toContainText('≠ differs', { timeout: 25_000 });
  const place = await section(page).getByText(/both at position/).textContent();
  const position = digits(/both at position ([\d\s]+)/.exec(place!)![1]!);
  const { placed, left } = await orders(request, position);
  const changed = section(page).getByRole('region', { name: 'Rows of revenue, live and shadow' }).locator('tbody tr');
  await expect(changed.first()).toBeVisible();
  // Each day that differs, what is live and what is in the shadow: together they are short of the orders that were cancelled.
  const cells = changed.locator('td:nth-child(3)');
  let short = 0;
  for (const cell of await cells.all()) {
    short += digits((await cell.locator('del').textContent())!) - digits((await cell.locator('ins').textContent())!);
  }
  const api = (await (await request.get('/api/read-models/revenue_by_day/diff')).json()) as { identical: boolean };
  expect(api.identical).toBe(false);
  expect(left, 'the shop has cancelled some').toBeLessThan(placed);
  expect(Math.abs(short - (placed - left)), `${short} of ${placed - left}, give or take what was cancelled while the rows were read`).toBeLessThan(25);
  await expectAccessible(page);

  await expect(section(page), 'the notice that it began has gone with its end').not.toContainText('builds the shadow');
  const promote = section(page).getByRole('button', { name: 'Promote version 2' });
  await expect(promote).toBeDisabled();
  await section(page).getByLabel('Why it is promoted').fill('seen, it is right');
  let promoteNow = (): void => {};
  const held = new Promise<void>((resolve) => (promoteNow = resolve));
  await page.route('**/api/read-models/revenue_by_day/promote', async (route) => {
    await held;
    await route.continue();
  });
  await promote.click();
  await expect(section(page).getByRole('button', { name: 'Compare again' }), 'it is not what goes on').toHaveAttribute('aria-disabled', 'true');
  promoteNow();
  await says(page, 'Verified: it is live');
  await expect(section(page)).not.toContainText('looks whether it lives');
  await expect(page.getByText('version 2 live · version 1 previous')).toBeVisible();

  await section(page).getByLabel('Why you go back').fill('the report still wants them');
  await section(page).getByRole('button', { name: 'Go back to version 1' }).click();
  await expect(page.getByText('version 1 live · version 2 previous')).toBeVisible({ timeout: 25_000 });
  await says(page, 'Verified: it is live');

  await visit('/jobs?read_model=revenue_by_day&kind=go_back');
  await page.getByRole('main').locator('tbody').getByRole('link', { name: /go back/ }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(/^Job \d+: back to the previous version of revenue_by_day$/);
  await expect(page.getByRole('region', { name: 'Actions, newest first' })).toContainText('the report still wants them');

  await visit('/audit?read_model=revenue_by_day');
  const story = page.getByRole('region', { name: 'Actions, newest first' });
  for (const reason of ['cancelled orders are no revenue', 'seen, it is right', 'the report still wants them']) {
    await expect(story).toContainText(reason);
  }
});

test('a second operator sees the job of the first at once, and is told when coming too late', async ({ page, open: visit, define, append, request, context, refused, word }) => {
  refused(/409/);
  const name = await define((name) => counting(name, word, 1));
  await append(`order-${word}`, Array.from({ length: 30 }, () => ({ type: word, data: {} })));
  await request.put(`/api/read-models/${name}`, { headers: { 'Content-Type': 'text/plain' }, data: counting(name, word, 2, 'select pg_sleep(0.1);') });
  // The second one hears nothing of the feed.
  const late = await context.newPage();
  await late.routeWebSocket(/\/api\/live/, () => {});
  await late.goto(`/read-models/${name}`);
  const planned = section(late).getByRole('button', { name: 'Rebuild', exact: true });
  await expect(async () => {
    // A plan tries the definition on the events, 0.1 s each: it may come after the first look.
    if (!(await planned.isVisible())) {
      await section(late).getByRole('button', { name: 'Plan a rebuild' }).click({ timeout: 500 });
    }
    await expect(planned).toBeVisible({ timeout: 5_000 });
  }).toPass();

  await visit(`/read-models/${name}`);
  await section(page).getByRole('button', { name: 'Plan a rebuild' }).click();
  const plannedHere = section(page).getByText('Nothing is changed yet.');
  await expect(plannedHere).toBeVisible();
  const plan = await (await request.post(`/api/read-models/${name}/plan`, { data: {} })).json();
  const answer = await request.post(`/api/read-models/${name}/rebuild`, { data: { plan, reason: 'first' } });
  expect(answer.status(), await answer.text()).toBe(202);
  await expect(open(page)).toContainText('Run');
  await says(page, ': first');
  await expect(plannedHere, 'that is behind now that somebody has begun').toBeHidden();
  await planned.click();
  await expect(section(late).getByRole('status').filter({ hasText: /Nothing was changed\./ })).toContainText(/already/);
  await expect(open(late)).not.toContainText('Plan');
  await expect(open(page)).toContainText('Diff', { timeout: 25_000 });
  await late.close();
});

test('a rebuild that stands on an event is told so, and goes on when that is skipped', async ({ page, open: visit, define, append, request, word }) => {
  const name = await define((name) => counting(name, word, 1));
  await append(`order-${word}`, [{ type: word, data: { n: 1 } }, { type: word, data: { n: 0 } }, { type: word, data: { n: 2 } }]);
  await request.put(`/api/read-models/${name}`, { headers: { 'Content-Type': 'text/plain' }, data: counting(name, word, "1 / (data->>'n')::bigint + 1") });
  await visit(`/read-models/${name}`);
  await section(page).getByRole('button', { name: 'Plan a rebuild' }).click();
  await section(page).getByRole('button', { name: 'Rebuild', exact: true }).click();
  await expect(section(page).getByRole('alert')).toContainText('division by zero', { timeout: 25_000 });
  await section(page).getByRole('button', { name: 'Skip the event…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Skip the event' });
  await dialog.getByLabel('Why it is left out').fill('zero is no number of pieces');
  await dialog.getByRole('button', { name: 'Skip the event' }).click();
  await expect(open(page)).toContainText('Diff', { timeout: 25_000 });
});

test('a replay is refused where the definition does not allow it, and ordered where it does', async ({ page, open: visit, define, append, refused, word }) => {
  // Two looks by axe at a page that moves, and two plans.
  test.slow();
  refused(/409/);
  const name = await define((name) => counting(name, word, 1));
  await append(`order-${word}`, [{ type: word, data: {} }]);
  await visit(`/read-models/${name}`);
  const replay = page.getByRole('region', { name: 'Replay' });
  await replay.getByText('Replay', { exact: true }).first().click();
  await replay.getByLabel('From this position or moment on').fill('yesterday');
  await replay.getByRole('button', { name: 'Plan a replay' }).click();
  await expect(replay.getByRole('status')).toContainText('neither a position nor a moment');
  await replay.getByLabel('From this position or moment on').fill('1');
  await replay.getByRole('button', { name: 'Plan a replay' }).click();
  await expect(replay.getByRole('status')).toContainText('rebuild it instead');

  await visit('/read-models/orders_by_state');
  await replay.getByText('Replay', { exact: true }).first().click();
  await replay.getByLabel('From this position or moment on').fill('1');
  await replay.getByRole('button', { name: 'Plan a replay' }).click();
  await expect(replay).toContainText('matching events, counted', { timeout: 15_000 });
  await expectAccessible(page);
  await replay.getByLabel('Why (the audit log keeps it)').first().fill(`a look, ${word}`);
  await replay.getByRole('button', { name: 'Replay', exact: true }).click();
  await expect(replay.getByRole('status')).toContainText('handles them again');
  await expect(page.getByRole('region', { name: /^Actions/ })).toContainText(`a look, ${word}`);
});

test('the rebuild fits windows of 360 and 390 pixels', async ({ page, open: visit, define, append, request, word }) => {
  const name = await define((name) => counting(name, word, 1));
  await append(`order-${word}`, [{ type: word, data: {} }]);
  await request.put(`/api/read-models/${name}`, { headers: { 'Content-Type': 'text/plain' }, data: counting(name, word, 2) });
  await visit(`/read-models/${name}`);
  await section(page).getByRole('button', { name: 'Plan a rebuild' }).click();
  await section(page).getByRole('button', { name: 'Rebuild', exact: true }).click();
  await section(page).getByRole('button', { name: 'Compare with the live rows' }).click({ timeout: 25_000 });
  await expect(section(page).getByRole('region', { name: `Rows of ${name}, live and shadow` })).toBeVisible({ timeout: 25_000 });
  for (const width of [390, 360]) {
    await page.setViewportSize({ width, height: 844 });
    await expectNoSidewaysScroll(page);
  }
  await expect(light(page)).toBeVisible();
});

/** Counts events, each so often; the statement before it makes it slow. */
function counting(name: string, type: string, each: number | string, before = ''): string {
  return `-- highwater: events ${type}
-- highwater: tables
create table ${name} (stream text primary key, n bigint not null);
-- highwater: each
${before}
insert into ${name} select stream, ${each} from event on conflict (stream) do update set n = ${name}.n + excluded.n;
`;
}
