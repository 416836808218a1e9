import { dividing, expect, expectAccessible, expectNoSidewaysScroll, test } from '../fixtures';
import { Server } from '../server';

test('the list names each read model with its state, lag and place', async ({ page, open }) => {
  await open('/read-models');
  const row = page.getByRole('region', { name: 'Read models, worst first' }).getByRole('row', { name: /orders_by_state/ });
  await expect(row).toContainText(/live|catching up/);
  await expect(row.getByRole('link', { name: 'orders_by_state' })).toHaveAttribute('href', '/read-models/orders_by_state');
});

test('it moves by itself', async ({ page, open }) => {
  await open('/read-models');
  const place = page.getByRole('row', { name: /orders_by_state/ }).locator('td').last();
  const before = await place.textContent();
  await expect(place).not.toHaveText(before ?? '', { timeout: 15_000 });
});

test('a faulted one comes first', async ({ page, open, define, append, word }) => {
  const name = await define((name) => dividing(name, word));
  await append(`order-${word}`, [{ type: word, data: { n: 0 } }]);
  await expect(async () => {
    await open('/read-models');
    const rows = page.getByRole('region', { name: 'Read models, worst first' }).locator('tbody tr');
    await expect(rows.filter({ hasText: name })).toContainText('faulted', { timeout: 500 });
    await expect(rows.first()).toContainText('faulted', { timeout: 500 });
  }).toPass({ timeout: 20_000 });
});

test('it reads without JavaScript', async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto('/read-models');
  await page.getByRole('link', { name: 'stock_levels' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'stock_levels' })).toBeVisible();
  await expect(page.getByRole('region', { name: /^Rows of/ })).toBeVisible();
  await context.close();
});

test('⌘K goes to a read model', async ({ page, open }) => {
  await open('/live');
  await page.keyboard.press('Control+k');
  const palette = page.getByRole('dialog', { name: 'Go to' });
  await palette.getByRole('searchbox').fill('stock lev');
  await palette.getByRole('link', { name: 'Read model stock_levels' }).click();
  await expect(page).toHaveURL('/read-models/stock_levels');
});

test('⌘K leads to what can be done to a read model, one key away', async ({ page, open, define, word }) => {
  const name = await define((name) => dividing(name, word));
  await open('/live');
  const order = async (words: string) => {
    await page.keyboard.press('Control+k');
    const palette = page.getByRole('dialog', { name: 'Go to' });
    await palette.getByRole('searchbox').fill(name);
    await palette.getByRole('link', { name: `${words} ${name}` }).click();
    await expect(palette).toBeHidden();
  };
  await order('Pause or resume');
  await expect(page.getByRole('button', { name: 'Pause' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Resume' })).toBeVisible();
  await order('Replay');
  await expect(page).toHaveURL(`/read-models/${name}#replay`);
  await expect(page.getByText('Handles events again in the live rows')).toBeVisible();
});

test('a definition that is refused is told where there is no read model yet', async ({ page }) => {
  test.setTimeout(60_000);
  const server = await Server.start({ 'broken.sql': 'select 1;\n' });
  try {
    await page.goto(`${server.url}/read-models`);
    await expect(page.getByRole('heading', { name: 'No read model yet' })).toBeVisible();
    await expect(page.getByRole('status').filter({ hasText: 'Refused definitions' })).toContainText('broken.sql: ');
    // The page is left while its server still answers: its live feed would otherwise call in vain, which is a fault on any page.
    await page.goto('about:blank');
  } finally {
    await server.remove();
  }
});

test('it is accessible, and fits a window of 390 pixels', async ({ page, open }) => {
  await open('/read-models');
  await expectAccessible(page);
  for (const width of [390, 360]) {
    await page.setViewportSize({ width, height: 844 });
    await expectNoSidewaysScroll(page);
    const pages = page.getByRole('navigation', { name: 'Pages' });
    expect(await pages.evaluate((rail) => rail.scrollWidth - rail.clientWidth), 'every page is in sight').toBe(0);
    for (const link of await pages.getByRole('link').all()) {
      expect((await link.boundingBox())!.height, 'one line each').toBeLessThan(35);
    }
  }
});
