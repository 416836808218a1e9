import { expect, expectAccessible, expectNoSidewaysScroll, test } from '../fixtures';

test('the mark, sizes and versions of the store', async ({ page, append, open, word }) => {
  await append(`order-${word}`, [{ type: word, data: {} }]);
  await open('/store');
  await expect(page.getByRole('status').filter({ hasText: /Nothing holds the mark/ })).toBeVisible();
  // The log of the tests is minutes old.
  await expect(page.getByText('known after a day')).toBeVisible();
  await page.getByText('Tables and indexes').click();
  await expect(page.getByRole('region', { name: 'Sizes' }).locator('tbody tr').filter({ hasText: /^events_pkey/ })).toContainText('index of events');
  await expect(page.getByText(/PostgreSQL \d+/)).toBeVisible();
});

test('it is accessible and works in a window of 390 pixels', async ({ page, open }) => {
  await open('/store');
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 800 });
  await expectNoSidewaysScroll(page);
});
