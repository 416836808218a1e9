import { randomUUID } from 'node:crypto';

import { expect, expectAccessible, expectNoSidewaysScroll, test, type Appended, type Proposed } from '../fixtures';

type Append = (stream: string, events: Proposed[]) => Promise<Appended>;

/** An order that two services handle, named by a word of the test's own; answers the id of what came of it. */
async function order(append: Append, word: string): Promise<string> {
  const [placed, paid] = [randomUUID(), randomUUID()];
  await append(`order-${word}`, [{ type: `${word}Placed`, id: placed, data: {}, metadata: { service: `${word}-orders` } }]);
  const metadata = { service: `${word}-payments`, causation_id: placed };
  await append(`payment-${word}`, [{ type: `${word}Paid`, id: paid, data: {}, metadata }]);
  return paid;
}

test('a place is picked by keys, and its step leads to the newest event', async ({ page, append, open, request, word }) => {
  const paid = await order(append, word);
  const made = await request.put(`/api/subscriptions/${word}-payments`, { data: { filter: `type:${word}Placed` } });
  expect(made.status(), await made.text()).toBe(201);
  await open('/flows');
  await page.getByRole('link', { name: 'Flow map' }).click();
  const place = page.getByRole('list', { name: 'Who emits events' }).getByRole('link', { name: `${word}-payments` });
  await expect(place).toContainText('nobody reads');
  await place.press('Enter');
  await expect(page).toHaveURL(new RegExp(`at=${word}-payments`));
  const picked = page.getByRole('region', { name: 'Picked' });
  const step = picked.locator('tbody tr');
  await expect(step).toHaveCount(1);
  await expect(step).toContainText(`${word}Placed`);
  await expect(step).toContainText(`${word}Paid`);
  await expect(picked.getByRole('link', { name: 'Its subscription' })).toHaveAttribute('href', `/subscriptions/${word}-payments`);
  await step.getByRole('link', { name: 'newest' }).click();
  await expect(page).toHaveURL(`/events/${paid}`);
});

test('it reads without JavaScript', async ({ browser, append, word }) => {
  await order(append, word);
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`/flow-map?from=${word}-orders&to=${word}-payments`);
  await expect(page.getByRole('region', { name: 'Picked' }).locator('tbody tr')).toHaveCount(1);
  await expect(page.locator('.map-picture .edge.near')).not.toHaveCount(0);
  await context.close();
});

test('it is accessible, and fits windows of 390 and 360 pixels', async ({ page, append, open, word }) => {
  await order(append, word);
  await page.setViewportSize({ width: 1440, height: 900 });
  await open(`/flow-map?at=${word}-orders`);
  await expectAccessible(page);
  for (const width of [390, 360]) {
    await page.setViewportSize({ width, height: 844 });
    await expectNoSidewaysScroll(page);
  }
});
