import { expect, expectAccessible, expectNoSidewaysScroll, test } from '../fixtures';

test('streams are collected from their pages and stepped through on one axis', async ({ page, append, open, word }) => {
  const at = (second: number) => new Date(Date.UTC(2026, 0, 2, 3, 4, second)).toISOString();
  await append(`order-${word}`, [
    { type: `${word}Placed`, data: {}, occurred_at: at(0) },
    { type: `${word}Sent`, data: {}, occurred_at: at(40) },
  ]);
  await append(`payment-${word}`, [
    { type: `${word}Asked`, data: {}, occurred_at: at(10) },
    { type: `${word}Paid`, data: {}, occurred_at: at(20) },
  ]);
  await open(`/streams/order-${word}`);
  await page.getByRole('link', { name: 'Add to grid' }).click();
  await expect(page.getByRole('link', { name: 'On the grid (1)' })).toBeVisible();
  await open(`/streams/payment-${word}`);
  await page.getByRole('link', { name: 'Add to grid' }).click();
  await page.getByRole('link', { name: 'On the grid (2)' }).click();
  await expect(page).toHaveURL(`/grid?stream=order-${word}&stream=payment-${word}`);
  const lanes = page.locator('.grid .lane');
  await expect(page.getByText('4 events of 2 streams')).toBeVisible();
  // At the end everything has happened.
  await expect(lanes.nth(0).locator('.was')).toContainText(`${word}Sent`);
  await expect(lanes.nth(1).locator('.was')).toContainText('state at v1');
  const moments = page.getByRole('group', { name: 'Moments' });
  await moments.getByRole('link', { name: 'Event before' }).focus();
  await page.keyboard.press('ArrowLeft');
  await expect(lanes.nth(0).locator('.was')).toContainText(`${word}Placed`);
  await expect(lanes.nth(1).locator('.was')).toContainText(`${word}Paid`);
  await page.keyboard.press('Home');
  await expect(lanes.nth(1).locator('.was')).toHaveText('nothing yet');
  const rows = page.getByRole('region', { name: 'Events around this moment' }).locator('tbody tr');
  await expect(rows).toHaveText([/Placed/, /Asked/, /Paid/, /Sent/]);
  await expect(rows.nth(0)).toHaveAttribute('aria-current', 'true');
  await expectAccessible(page);

  // A drag shows only the time in it.
  const box = (await lanes.nth(0).locator('.line').boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.2, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.4, box.y + 20);
  await page.mouse.move(box.x + box.width * 0.6, box.y + 20);
  await page.mouse.up();
  await expect(page.getByText('2 events of 2 streams')).toBeVisible();
  await page.getByRole('link', { name: 'All of the time' }).click();
  await expect(page.getByText('4 events of 2 streams')).toBeVisible();

  await page.getByRole('link', { name: `Take order-${word} off the grid` }).click();
  await expect(page.getByText('2 events of 1 stream')).toBeVisible();
  // It was taken off the collection as well; a stream that is not there is told of, not hidden.
  await open('/grid');
  await expect(page).toHaveURL(`/grid?stream=payment-${word}`);
  await page.getByLabel('Add the stream').fill(`none-${word}`);
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await expect(page.getByText(`There is no stream none-${word}`)).toBeVisible();
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(page);
});

test('streams are collected from their list', async ({ page, append, open, word }) => {
  for (const of of ['basket', 'parcel']) {
    await append(`${of}-${word}`, [{ type: `${word}Began`, data: {} }]);
  }
  await open(`/streams?query=${word}`);
  const mark = (of: string) => page.getByRole('checkbox', { name: `${of}-${word} on the grid` });
  await mark('basket').check();
  await expect(page.getByRole('link', { name: 'One stream on the grid' })).toBeVisible();
  await mark('parcel').focus();
  await page.keyboard.press('Space');
  await mark('basket').uncheck();
  await mark('basket').check();
  await page.getByRole('link', { name: '2 streams on the grid' }).click();
  await expect(page).toHaveURL(`/grid?stream=parcel-${word}&stream=basket-${word}`);
  // The list knows it when it is opened again.
  await open(`/streams?query=${word}`);
  await expect(mark('parcel')).toBeChecked();
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(page);
});

test('a flow shows its streams on one axis, without JavaScript too', async ({ browser, append, word, request }) => {
  const correlation_id = crypto.randomUUID();
  for (const stream of ['order', 'payment']) {
    await append(`${stream}-${word}`, [{ type: `${word}Happened`, data: {}, metadata: { correlation_id } }]);
  }
  expect((await request.get(`/api/flows/${correlation_id}`)).status()).toBe(200);
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`/flows/${correlation_id}`);
  await page.getByRole('link', { name: 'Its streams on one axis' }).click();
  await expect(page.getByText('2 events of 2 streams')).toBeVisible();
  await expect(page.getByRole('region', { name: 'Events around this moment' }).locator('tbody tr')).toHaveCount(2);
  await context.close();
});

test('an open stream grows', async ({ page, append, open, word }) => {
  await append(`order-${word}`, [{ type: `${word}Placed`, data: { n: 1 } }]);
  await open(`/streams/order-${word}`);
  await expect(page.getByRole('heading', { name: 'State at version 0' })).toBeVisible();
  const slider = page.getByRole('slider', { name: 'Version' });
  await slider.focus();
  await append(`order-${word}`, [{ type: `${word}Paid`, data: { n: 2 } }]);
  await expect(page.getByRole('heading', { name: 'State at version 1' })).toBeVisible();
  await expect(page.getByText('version 1 of 1')).toBeVisible();
  await expect(page.getByRole('region', { name: 'Events of the stream, newest first' }).locator('tbody tr')).toHaveCount(2);
  // Whoever was on the slider still is.
  await expect(slider).toBeFocused();
  await page.keyboard.press('ArrowLeft');
  await expect(page.getByRole('heading', { name: 'State at version 0' })).toBeVisible();
  // Who looks at an older version goes on looking at it.
  await append(`order-${word}`, [{ type: `${word}Sent`, data: { n: 3 } }]);
  await expect(page.getByText('version 0 of 2')).toBeVisible();
  await expect(page.getByRole('heading', { name: 'State at version 0' })).toBeVisible();
});
