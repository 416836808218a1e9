import { expect, light, listen, rows, test } from '../fixtures';

test('two windows see the same events in the same order, each with its own filter and pause', async ({ page, context, append, open, word }) => {
  const other = await context.newPage();
  const faults: string[] = [];
  listen(other, faults);
  const stream = `order-${word}`;
  await open(`/live?filter=stream:${stream}`);
  await other.goto(`/live?filter=stream:${stream} data.n>1`);
  await expect(light(other)).toHaveText('live', { timeout: 15_000 });
  await append(stream, [0, 1, 2, 3].map((n) => ({ type: word, data: { n } })));
  await expect(rows(page).locator('td.data')).toHaveText(['n 3', 'n 2', 'n 1', 'n 0']);
  await expect(rows(other).locator('td.data')).toHaveText(['n 3', 'n 2']);
  await page.getByRole('button', { name: 'Pause' }).click();
  await append(stream, [{ type: word, data: { n: 4 } }]);
  await expect(rows(other)).toHaveCount(3);
  await expect(page.getByRole('button', { name: '1 new' })).toBeVisible();
  await expect(rows(page)).toHaveCount(4);
  expect(faults).toEqual([]);
});
