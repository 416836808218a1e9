import { randomUUID } from 'node:crypto';

import { expect, expectAccessible, test } from '../fixtures';

test('times are told in the zone of the visitor, summer as summer, or in UTC by choice', async ({ page, append, open, word }) => {
  const [winter, summer] = [randomUUID(), randomUUID()];
  await append(`order-${word}`, [
    { id: winter, type: word, data: {}, occurred_at: '2026-01-15T12:00:00Z' },
    { id: summer, type: word, data: {}, occurred_at: '2026-07-15T12:00:00Z' },
  ]);
  const occurred = page.getByRole('article').locator('time').nth(1);
  await open(`/events/${winter}`);
  await expect(occurred).toHaveText('2026-01-15 13:00:00');
  await open(`/events/${summer}`);
  await expect(occurred).toHaveText('2026-07-15 14:00:00');
  await expectAccessible(page);
  await page.getByRole('button', { name: /^Times are UTC\+[12]; tell them in UTC$/ }).click();
  await expect(occurred).toHaveText('2026-07-15 12:00:00');
  await open(`/events/${winter}`);
  await expect(occurred).toHaveText('2026-01-15 12:00:00');
  await page.getByRole('button', { name: 'Times are UTC; tell them in your own zone' }).click();
  await expect(occurred).toHaveText('2026-01-15 13:00:00');
});
