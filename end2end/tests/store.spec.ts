import { expect, expectAccessible, expectNoSidewaysScroll, test } from '../fixtures';

test('the mark, sizes and versions of the store', async ({ page, append, open, word }) => {
  await append(`order-${word}`, [{ type: word, data: {} }]);
  await open('/store');
  await expect(page.getByRole('status').filter({ hasText: /Nothing holds the mark/ })).toBeVisible();
  // The log of the tests is minutes old.
  await expect(page.getByText('known after a day')).toBeVisible();
  await page.getByText('Tables and indexes').click();
  await expect(page.getByRole('region', { name: 'Sizes' }).locator('tbody tr').filter({ hasText: /^events_pkey/ })).toContainText('index of events');
  await expect(page.locator('.about').getByText(/PostgreSQL \d+/)).toBeVisible();
});

test('checks tell what is well, and stay open while they are made again', async ({ page, open }) => {
  await open('/store');
  const checks = page.getByRole('region', { name: 'Checks' });
  await checks.getByText(/\d+ checks are good/).click();
  const indexes = checks.getByRole('listitem').filter({ hasText: 'indexes' });
  await expect(indexes).toContainText('each can be used');
  const again = () => page.waitForResponse((answer) => answer.url().endsWith('/api/store/checks') && answer.ok());
  await again();
  await again();
  await expect(indexes).toBeVisible();
});

test('categories lead to their streams', async ({ page, append, open, word }) => {
  await append(`${word}-1`, [{ type: word, data: {} }]);
  await open('/store');
  await page.getByText(/\d+ categories/).click();
  await page.getByRole('region', { name: 'Categories' }).getByRole('link', { name: word, exact: true }).click();
  await expect(page.getByRole('link', { name: `${word}-1` })).toBeVisible();
});

test('it is accessible and works in a window of 390 pixels', async ({ page, open }) => {
  await open('/store');
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 800 });
  await expectNoSidewaysScroll(page);
});
