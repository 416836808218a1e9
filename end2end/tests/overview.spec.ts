import type { Page } from '@playwright/test';

import { dividing, expect, expectAccessible, expectNoSidewaysScroll, test } from '../fixtures';
import { Server } from '../server';

const verdict = (page: Page) => page.getByRole('main').getByRole('status');
const chart = (page: Page, name: string) => page.getByRole('region', { name }).getByRole('group', { name: /arrow keys/ });

test('the verdict says when a read model is faulted, and when it goes on', async ({ page, open, define, append, word }) => {
  await open('/');
  await expect(page).toHaveTitle('Overview · Highwater');
  const name = await define((name) => dividing(name, word));
  const { last_position } = await append(`order-${word}`, [{ type: word, data: { n: 0 } }]);
  await expect(verdict(page)).toContainText(/read models? (is|are) faulted/, { timeout: 15_000 });
  const failure = page.getByRole('region', { name: 'Failures' }).getByRole('listitem').filter({ hasText: name });
  await expect(failure).toContainText('division by zero');
  await expect(page.getByRole('row', { name: new RegExp(name) })).toContainText('faulted');
  const skipped = await page.request.post(`/api/read-models/${name}/failures/${last_position}/skip`, { data: { reason: 'seen on the overview' } });
  expect(skipped.ok(), await skipped.text()).toBe(true);
  await expect(failure).toBeHidden({ timeout: 15_000 });
  await expect(page.getByRole('region', { name: 'Last actions' })).toContainText('seen on the overview', { timeout: 15_000 });
});

test('each number leads to the page that explains it, with the same time', async ({ page, open }) => {
  await open('/?range=1h');
  const appends = page.getByRole('region', { name: 'Append rate' });
  await expect(appends.getByRole('link', { name: /events in 1 h/ })).toHaveAttribute('href', /^\/live\?since=.*until=/);
  // Which is worst changes; rows keep their places under the pointer.
  const worst = page.getByRole('region', { name: 'Worst read models' }).getByRole('row').nth(1).getByRole('link');
  await worst.hover();
  const name = await worst.innerText();
  await worst.click();
  await expect(page).toHaveURL(`/read-models/${name}?range=1h`);
  await expect(page.getByRole('link', { name: '1 h', exact: true })).toHaveAttribute('aria-current', 'true');
  await page.goBack();
  await page.getByRole('region', { name: 'Append rate' }).getByRole('link', { name: /events in 1 h/ }).click();
  await expect(page).toHaveURL(/\/live\?since=/);
  await expect(page.getByText('history', { exact: true })).toBeVisible();
  await page.goBack();
  await page.getByRole('region', { name: 'High-water mark' }).getByRole('link').first().click();
  await expect(page).toHaveURL(/\/events\//);
});

test('the time is chosen for all charts, in the URL', async ({ page, open }) => {
  await open('/');
  const picker = page.getByRole('group', { name: 'Time shown' });
  await expect(picker.getByRole('link', { name: '15 min' })).toHaveAttribute('aria-current', 'true');
  await picker.getByRole('link', { name: '24 h' }).click();
  await expect(page).toHaveURL('/?range=24h');
  await expect(page.getByRole('link', { name: /events in 24 h/ })).toBeVisible();
  for (const name of ['Append rate', 'Lag of the worst read models']) {
    await expect(page.getByRole('region', { name }).locator('.chart-times text').nth(1)).toHaveText(/^(\d\d:00|\d+ \w{3})$/);
  }
  await page.goBack();
  await expect(page.getByRole('link', { name: /events in 15 min/ })).toBeVisible();
});

test('an own time is typed in the zone of the browser', async ({ page, open }) => {
  await open('/');
  const picker = page.getByRole('group', { name: 'Time shown' });
  await picker.getByText('From – to').click();
  await picker.getByLabel('From').fill('2026-01-05T10:00:00');
  await picker.getByLabel('To', { exact: true }).fill('2026-01-05T09:00:00');
  await picker.getByRole('button', { name: 'Show' }).click();
  await expect(picker.getByRole('alert')).toHaveText('“From” has to be before “to”.');
  await picker.getByLabel('To', { exact: true }).fill('2026-01-05T16:00:00');
  await picker.getByRole('button', { name: 'Show' }).click();
  const east = await page.evaluate(() => new Date().getTimezoneOffset() * -60_000);
  const utc = (hour: number) => new Date(Date.UTC(2026, 0, 5, hour) - east).toISOString().replace('.000', '');
  await expect.poll(() => new URL(page.url()).search.replaceAll('%3A', ':')).toBe(`?since=${utc(10)}&until=${utc(16)}`);
  await expect(page.getByRole('region', { name: 'Append rate' }).locator('.chart-times')).toContainText('13:00');
  await expect(page.getByRole('region', { name: 'Append rate' })).toContainText('0 events');
  await page.reload();
  await expect(picker.getByText('From – to')).toHaveAttribute('aria-current', 'true');
});

test('keys read the values of a chart', async ({ page, open, append, word }) => {
  await append(`order-${word}`, [{ type: word, data: {} }]);
  await open('/');
  const area = chart(page, 'Append rate');
  await expect(area).toHaveAttribute('aria-label', /Append rate\. .*last .* \/ s, .* at most/);
  await area.focus();
  await page.keyboard.press('End');
  const said = page.getByRole('region', { name: 'Append rate' }).locator('[aria-live]');
  await expect(said).toHaveText(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d0: .* \/ s$/);
  const last = await said.textContent();
  await page.keyboard.press('ArrowLeft');
  await expect(said).not.toHaveText(last ?? '');
  await page.keyboard.press('Home');
  await expect(area.locator('.chart-cross circle')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(said).toHaveText('');
});

test('the pointer reads the values, and they stay right while the chart moves', async ({ page, open }) => {
  await open('/');
  const area = chart(page, 'Append rate');
  const box = (await area.boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.8, box.y + box.height / 2);
  const tip = area.locator('.chart-tip');
  await expect(tip).toContainText('appended');
  const cross = area.locator('.chart-cross line');
  const place = async () => (await cross.boundingBox())!.x - box.x;
  expect(Math.abs((await place()) - box.width * 0.8)).toBeLessThan(box.width / 60);
  // Longer than a step: the chart has moved on, and the crosshair is still under the pointer.
  const first = await tip.locator('b').textContent();
  await expect(tip.locator('b')).not.toHaveText(first ?? '', { timeout: 20_000 });
  expect(Math.abs((await place()) - box.width * 0.8)).toBeLessThan(box.width / 60);
});

test('it fits a window of 1440 × 900 without scrolling', async ({ page, open }) => {
  await open('/');
  // However many read models other tests have made: the worst are shown.
  await expect(verdict(page)).toContainText(/caught up|read model|subscription/);
  const over = await page.getByRole('main').evaluate((main) => main.scrollHeight - main.clientHeight);
  expect(over).toBe(0);
});

test('it is accessible, and fits a window of 390 pixels', async ({ page, open }) => {
  await open('/');
  await expectAccessible(page);
  for (const width of [390, 360]) {
    await page.setViewportSize({ width, height: 844 });
    await expectNoSidewaysScroll(page);
    expect(await page.getByRole('main').evaluate((main) => main.scrollWidth - main.clientWidth)).toBe(0);
  }
});

test('it reads without JavaScript', async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto('/?range=6h');
  await expect(verdict(page)).toContainText(/caught up|read model|subscription/);
  await expect(page.getByRole('region', { name: 'Append rate' }).locator('svg.drawing rect').first()).toBeAttached();
  await expect(page.getByRole('region', { name: 'Worst read models' }).getByRole('row').nth(1).getByRole('link')).toBeVisible();
  await page.getByRole('link', { name: '1 h', exact: true }).click();
  await expect(page.getByRole('link', { name: /events in 1 h/ })).toBeVisible();
  await context.close();
});

test('a link of before leads to the live page', async ({ page }) => {
  await page.goto('/?filter=type:OrderPlaced');
  await expect(page).toHaveURL(/\/live\?filter=type(:|%3A)OrderPlaced/);
  await expect(page.getByLabel('Filter', { exact: true })).toHaveValue('type:OrderPlaced');
});

test('an empty store says what to do, and becomes the overview with the first event', async ({ page, request }) => {
  test.setTimeout(60_000);
  const server = await Server.start();
  try {
    await page.goto(`${server.url}/`);
    await expect(page.getByRole('heading', { name: 'No event yet' })).toBeVisible();
    await expect(page.getByRole('heading', { name: 'No read model yet' })).toBeVisible();
    await expectAccessible(page);
    const answer = await request.post(`${server.url}/api/streams/order-1/events`, { data: [{ type: 'Counted', data: { n: 1 } }] });
    expect(answer.status(), await answer.text()).toBe(201);
    await expect(verdict(page)).toHaveText('There is no read model yet', { timeout: 15_000 });
    await expect(page.getByRole('region', { name: 'High-water mark' })).toContainText('1');
    // The page is left while its server still answers: its live feed would otherwise call in vain, which is a fault on any page.
    await page.goto('about:blank');
  } finally {
    await server.remove();
  }
});

test('a chart is a picture, too', async ({ request }) => {
  for (const [file, kind] of [['appends.svg', 'image/svg+xml'], ['lag.png', 'image/png']] as const) {
    const answer = await request.get(`/api/charts/${file}?range=1h&theme=dark`);
    expect(answer.status()).toBe(200);
    expect(answer.headers()['content-type']).toBe(kind);
  }
});
