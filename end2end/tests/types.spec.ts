import { expect, expectAccessible, expectNoSidewaysScroll, rows, test } from '../fixtures';

test('a type tells its count and its fields, and leads to its events', async ({ page, append, open, word }) => {
  await append(`order-${word}`, [1, 2].map((total) => ({ type: word, data: { total } })));
  await open('/types');
  const row = page.getByRole('region', { name: 'Event types' }).getByRole('row').filter({ hasText: word });
  await expect(row).toContainText('2');
  await expect(row).toContainText('total');
  await row.getByRole('link', { name: word }).click();
  await expect(page.getByRole('heading', { level: 1, name: word })).toBeVisible();
  const fields = page.getByRole('region', { name: 'Fields' });
  const total = fields.getByRole('row').filter({ hasText: 'data.total' });
  await expect(total).toContainText('number');
  await expect(total).toContainText('100 %');
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 800 });
  await expectNoSidewaysScroll(page);
  await page.getByRole('link', { name: '2', exact: true }).click();
  await expect(rows(page)).toHaveCount(2);
});

test('a type that no event has is not found, whatever its name', async ({ page, refused }) => {
  refused(/404/);
  await page.goto('/types/No%2Fsuch%20type');
  await expect(page.getByText('No event has the type No/such type')).toBeVisible();
});

test('it is accessible, and fits 390 pixels', async ({ page, open }) => {
  await open('/types');
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 800 });
  await expectNoSidewaysScroll(page);
});
