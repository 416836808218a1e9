import { expect, expectAccessible, expectNoSidewaysScroll, number, test } from '../fixtures';

test('a stream is found by a part of its name', async ({ page, append, open, word }) => {
  await append(`order-${word}-a`, [{ type: `${word}Placed`, data: {} }]);
  await append(`payment-${word}-b`, [{ type: `${word}Asked`, data: {} }, { type: `${word}Refused`, data: {} }]);
  await open('/streams');
  const found = page.getByRole('region', { name: 'Streams' }).locator('tbody tr');
  await expect(found.first()).toBeVisible();
  await page.getByRole('searchbox', { name: /name/ }).fill(word);
  await page.getByRole('button', { name: 'Search' }).click();
  await expect(found).toHaveCount(2);
  await expect(found.first()).toContainText(`payment-${word}-b`);
  await expect(found.first()).toContainText(`${word}Refused`);
  expect(new URL(page.url()).searchParams.get('query')).toBe(word);
  await page.getByLabel('Order', { exact: true }).selectOption('name');
  await page.getByRole('button', { name: 'Search' }).click();
  await expect(found.first()).toContainText(`order-${word}-a`);
});

test('nothing found says what to do', async ({ page, open, word }) => {
  await open(`/streams?query=${word}`);
  await expect(page.getByText('No stream has this in its name')).toBeVisible();
});

test('pages of the list follow each other', async ({ page, append, open, word }) => {
  for (let n = 0; n < 120; n += 1) {
    await append(`order-${word}-${String(n).padStart(3, '0')}`, [{ type: word, data: {} }]);
  }
  await open(`/streams?query=${word}&order=name`);
  const found = page.getByRole('region', { name: 'Streams' }).locator('tbody tr');
  await expect(found).toHaveCount(100);
  await page.getByRole('link', { name: 'Next page' }).click();
  await expect(found).toHaveCount(20);
  await expect(found.first()).toContainText(`${word}-100`);
});

test('a stream shows its events, newest first', async ({ page, append, open, word }) => {
  const stream = `order-${word}`;
  const { last_position } = await append(stream, [0, 1, 2].map((n) => ({ type: word, data: { n } })));
  await open(`/streams?query=${word}`);
  await page.getByRole('link', { name: stream }).click();
  await expect(page.getByRole('heading', { level: 1, name: stream })).toBeVisible();
  const events = page.getByRole('region', { name: /Events of the stream/ }).locator('tbody tr');
  await expect(events.locator('td.data')).toHaveText(['n 2', 'n 1', 'n 0']);
  await expect(events.first()).toContainText(number(last_position));
  await events.nth(1).getByRole('link').click();
  await expect(page).toHaveURL(/\/events\//);
});

test('a stream with a name of any letters has its page', async ({ page, append, open, word }) => {
  const stream = `order-${word} ü/50% "x"`;
  await append(stream, [{ type: word, data: { n: 1 } }]);
  await open(`/streams/${encodeURIComponent(stream)}`);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(stream);
  await page.getByRole('link', { name: 'Watch live' }).click();
  await expect(page.getByRole('region', { name: 'Events, newest first' }).locator('tbody tr')).toHaveCount(1);
});

test('it is accessible', async ({ page, append, open, word }) => {
  await append(`order-${word}`, [{ type: word, data: { n: 1 } }]);
  await open(`/streams?query=${word}`);
  await expectAccessible(page);
  await open(`/streams/order-${word}`);
  await expectAccessible(page);
});

test('it works in a window of 390 pixels', async ({ page, append, open, word }) => {
  await page.setViewportSize({ width: 390, height: 800 });
  await append(`order-${word}`, [{ type: word, data: { text: 'long '.repeat(60) } }]);
  for (const path of ['/streams', `/streams/order-${word}`]) {
    await open(path);
    await expectNoSidewaysScroll(page);
  }
});
