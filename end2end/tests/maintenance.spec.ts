import type { Locator, Page } from '@playwright/test';

import { expect, expectAccessible, expectNoSidewaysScroll, light, listen, test } from '../fixtures';
import { Server } from '../server';

const COUNTS = `-- highwater: events Counted
-- highwater: tables
create table counts (stream text primary key, events bigint not null);
-- highwater: slice
insert into counts select stream, count(*) from events group by 1 on conflict (stream) do update set events = counts.events + excluded.events;
`;

const banner = (page: Page): Locator => page.getByRole('complementary', { name: 'Maintenance' });

/** Waits until the page is hydrated and its feed has caught up. */
async function alive(page: Page): Promise<void> {
  await expect(light(page)).toHaveText(/^live/, { timeout: 15_000 });
}

// All of a server's read models are paused by it, so this one is the test's own.
test('maintenance is begun with a reason, told on every page at once, and ended from any of them', async ({ page, context, browser, request }) => {
  test.setTimeout(180_000);
  const server = await Server.start({ 'counts.sql': COUNTS });
  try {
    const append = async (): Promise<void> => {
      const answer = await request.post(`${server.url}/api/streams/order-1/events`, { data: [{ type: 'Counted', data: {} }] });
      expect(answer.status(), await answer.text()).toBe(201);
    };
    await append();
    await page.goto(`${server.url}/read-models`);
    await alive(page);
    const row = page.getByRole('region', { name: 'Read models, worst first' }).getByRole('row', { name: /counts/ });
    await expect(row.locator('td.trend')).toHaveText('live', { timeout: 15_000 });
    const [other, faults] = [await context.newPage(), [] as string[]];
    listen(other, faults);
    await other.goto(`${server.url}/`);
    await alive(other);
    await expect(banner(other)).toHaveCount(0);

    // It says what it does, and takes a reason.
    await page.getByText('Begin maintenance…').click();
    await expect(page.getByText('no checkpoint moves; a slice that takes longer')).toBeVisible();
    await expectNoSidewaysScroll(page);
    await expectAccessible(page);
    const begin = page.getByRole('button', { name: 'Begin maintenance', exact: true });
    await expect(begin).toBeDisabled();
    await page.getByLabel(/^Why/).fill('moving to new disks');
    await begin.click();
    const words = /^▲?\s*Maintenance since \d\d:\d\d: all read models are paused\. local: moving to new disks/;
    await expect(banner(page)).toContainText(words);
    await expect(banner(other)).toContainText(words);
    await expect(other.getByRole('main').getByRole('status')).toContainText('Maintenance: all read models are paused');
    await expect(page.getByText('Begin maintenance…')).toBeHidden();
    await append();
    await expect(row.locator('td.trend')).toHaveText('waits for the end of maintenance');

    // The server writes it, so it is there before the page is alive, and without JavaScript.
    const plain = await browser.newContext({ javaScriptEnabled: false });
    const still = await plain.newPage();
    await still.goto(`${server.url}/store`);
    await expect(banner(still)).toContainText('local: moving to new disks');
    await plain.close();
    for (const path of ['/stage', '/']) {
      await other.goto(`${server.url}${path}`);
      for (const width of [1440, 390]) {
        await other.setViewportSize({ width, height: 844 });
        await expect(banner(other)).toBeVisible();
        await expectNoSidewaysScroll(other);
        if (path === '/') {
          await expectAccessible(other);
        }
      }
    }

    await alive(other);
    await banner(other).getByRole('button', { name: 'End maintenance' }).click();
    await expect(banner(other)).toHaveCount(0);
    await expect(banner(page)).toHaveCount(0);
    await expect(page.getByText('Begin maintenance…')).toBeVisible();
    await expect(row.locator('td.trend')).toHaveText('live', { timeout: 15_000 });
    await page.goto(`${server.url}/audit?action=begin_maintenance`);
    await expect(page.getByRole('region', { name: 'Actions, newest first' })).toContainText('moving to new disks');
    expect(faults, 'the other page broke').toEqual([]);
    // Both are left while their server still answers.
    await page.goto('about:blank');
    await other.close();
  } finally {
    await server.remove();
  }
});
