import { expect, expectAccessible, expectNoSidewaysScroll, rows, test } from '../fixtures';

test('a type tells its count and its fields, and leads to its events', async ({ page, append, open, word }) => {
  await append(`order-${word}`, [1, 2].map((total) => ({ type: word, data: { total } })));
  await open('/types');
  const row = page.getByRole('region', { name: 'Event types' }).getByRole('row').filter({ hasText: word });
  await expect(row).toContainText('2');
  await expect(row).toContainText('total');
  await row.getByRole('link', { name: word }).click();
  await expect(rows(page)).toHaveCount(2);
});

test('it is accessible, and fits 390 pixels', async ({ page, open }) => {
  await open('/types');
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 800 });
  await expectNoSidewaysScroll(page);
});
