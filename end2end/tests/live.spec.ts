import type { WebSocketRoute } from '@playwright/test';

import { expect, expectAccessible, expectNoSidewaysScroll, light, number, rows, test } from '../fixtures';

test('the tail flows and the mark moves with it', async ({ page, open }) => {
  await open('/live');
  await expect(rows(page).first()).toBeVisible();
  const mark = page.getByTitle(/high-water mark/);
  const value = async () => Number((await mark.innerText()).replace(/\D/g, ''));
  const first = await value();
  await expect.poll(value).toBeGreaterThan(first);
});

test('rows in the document stay as many, however many events flow', async ({ page, append, open, word }) => {
  const stream = `flood-${word}`;
  await open(`/live?filter=stream:${stream}`);
  await append(stream, Array.from({ length: 300 }, (_, n) => ({ type: word, data: { n } })));
  await expect(rows(page).first()).toContainText('n 299');
  expect(await rows(page).count()).toBeLessThanOrEqual(100);
});

test('the page reads without JavaScript', async ({ browser, append, word }) => {
  await append(`order-${word}`, [{ type: word, data: { total: 120 } }]);
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`/live?filter=type:${word}`);
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page)).toContainText('total 120');
  await expect(page.getByLabel('Filter', { exact: true })).toHaveValue(`type:${word}`);
  await rows(page).getByRole('link').first().click();
  await expect(page.getByRole('complementary', { name: 'Event' })).toContainText('120');
  await context.close();
});

test('an event is there as soon as it is recorded', async ({ page, append, open, word }) => {
  await open(`/live?filter=type:${word}`);
  await expect(page.getByText('No event matches')).toBeVisible();
  const { last_position } = await append(`order-${word}`, [{ type: word, data: { total: 120, customer: 'c-7' } }]);
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page)).toContainText(number(last_position));
  await expect(rows(page)).toContainText(`order-${word}`);
  await expect(page.getByText('No event matches')).toBeHidden();
});

test('pause holds the rows and counts what is new', async ({ page, append, open, word }) => {
  const stream = `order-${word}`;
  await append(stream, [{ type: word, data: { n: 0 } }]);
  await open(`/live?filter=stream:${stream}`);
  await page.getByRole('button', { name: 'Pause' }).click();
  const resume = page.getByRole('button', { name: 'Resume' });
  await expect(resume).toHaveAttribute('aria-pressed', 'true');
  await append(stream, [1, 2, 3].map((n) => ({ type: word, data: { n } })));
  const fresh = page.getByRole('button', { name: '3 new' });
  await expect(fresh).toBeVisible();
  await expect(rows(page)).toHaveCount(1);
  await fresh.click();
  await expect(rows(page)).toHaveCount(4);
  await expect(rows(page).first()).toContainText('n 3');
  await expect(rows(page).last()).toContainText('n 0');
  await expect(fresh).toBeHidden();
});

test('nothing moves under the pointer', async ({ page, append, open, word }) => {
  const stream = `order-${word}`;
  await append(stream, [{ type: word, data: { n: 0 } }]);
  await open(`/live?filter=stream:${stream}`);
  await rows(page).first().hover();
  await append(stream, [{ type: word, data: { n: 1 } }]);
  await expect(page.getByRole('button', { name: '1 new' })).toBeVisible();
  await expect(rows(page)).toHaveCount(1);
  await page.mouse.move(0, 0);
  await expect(rows(page)).toHaveCount(2);
});

test('the filter is in the URL, and back undoes it', async ({ page, append, open, word }) => {
  await append(`order-${word}`, [{ type: `${word}Placed`, data: {} }, { type: `${word}Refused`, data: {} }]);
  await open(`/live?filter=stream:order-${word}`);
  await expect(rows(page)).toHaveCount(2);
  const filter = page.getByLabel('Filter', { exact: true });
  await filter.fill(`type:${word}Ref*`);
  await filter.press('Enter');
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page)).toContainText(`${word}Refused`);
  expect(new URL(page.url()).searchParams.get('filter')).toBe(`type:${word}Ref*`);
  await page.goBack();
  await expect(rows(page)).toHaveCount(2);
  await expect(filter).toHaveValue(`stream:order-${word}`);
});

test('a filter holds for new events, too', async ({ page, append, open, word }) => {
  await append(`order-${word}`, [{ type: word, data: { total: 150 } }]);
  await open(`/live?filter=type:${word} data.total>100`);
  await append(`order-${word}`, [90, 101, 100.5].map((total) => ({ type: word, data: { total } })));
  await expect(rows(page)).toHaveCount(3);
  await expect(rows(page).first()).toContainText('total 100.5');
  await expect(rows(page).filter({ hasText: 'total 90' })).toHaveCount(0);
});

test('a mistake in the filter is underlined with what was expected', async ({ page, open, refused }) => {
  await open('/live');
  const filter = page.getByLabel('Filter', { exact: true });
  await filter.fill('type:Order* since:soon');
  await expect(filter).toHaveAttribute('aria-invalid', 'true');
  await expect(page.locator('.echo u')).toHaveText('soon');
  await expect(page.locator('.mistake')).toContainText(/expected/i);
  await filter.press('Enter');
  await expect(page.getByRole('alert')).toBeVisible();
  refused(/400/);
  await expect(page.locator('.echo u')).toHaveText('soon');
  await filter.fill('type:Order*');
  await expect(page.locator('.mistake')).toBeHidden();
});

test('a row opens the drawer with its data', async ({ page, append, open, word }) => {
  const stream = `order-${word}`;
  const { last_position } = await append(stream, [
    { type: word, data: { customer: { name: 'Ada' }, lines: [1, 2] }, metadata: { actor: 'checkout' } },
  ]);
  await open(`/live?filter=stream:${stream}`);
  // Forced: the row's link covers every cell, and that is what a click anywhere in the row is to hit.
  await rows(page).locator('td.data').click({ force: true });
  const drawer = page.getByRole('complementary', { name: 'Event' });
  await expect(drawer.getByRole('heading', { name: word })).toBeVisible();
  await expect(drawer).toContainText(number(last_position));
  await expect(drawer).toContainText('checkout');
  await expect(drawer).toContainText('"Ada"');
  await expect(rows(page)).toHaveClass(/selected/);
  await page.reload();
  await expect(drawer).toContainText('"Ada"');
  await drawer.getByRole('link', { name: 'Close the event' }).click();
  await expect(drawer).toBeHidden();
  await expect(rows(page)).toHaveCount(1);
});

test('a lost connection comes back without an event missing or twice', async ({ page, append, word }) => {
  const stream = `order-${word}`;
  const sockets: WebSocketRoute[] = [];
  await page.routeWebSocket('**/api/live', (socket) => {
    sockets.push(socket);
    socket.connectToServer();
  });
  await append(stream, [{ type: word, data: { n: 0 } }]);
  await page.goto(`/live?filter=stream:${stream}`);
  await expect(light(page)).toHaveText(/^live/, { timeout: 15_000 });
  await sockets[0]!.close({ code: 3000 });
  await expect(light(page)).toHaveText(/^(reconnecting|connecting)/);
  await append(stream, [1, 2].map((n) => ({ type: word, data: { n } })));
  await expect(light(page)).toHaveText(/^live/, { timeout: 15_000 });
  await append(stream, [{ type: word, data: { n: 3 } }]);
  await expect(rows(page).locator('td.data')).toHaveText(['n 3', 'n 2', 'n 1', 'n 0']);
});

test('what the reader missed stands as a row and is filled in on request', async ({ page, append, word }) => {
  const stream = `order-${word}`;
  let dropping = true;
  await page.routeWebSocket('**/api/live', (socket) => {
    const server = socket.connectToServer();
    server.onMessage((text) => {
      const message = JSON.parse(text.toString()) as { id?: number; events?: { position: number }[] };
      if (message.events && dropping) {
        // What the server says to a reader that was too slow.
        const positions = message.events.map((event) => event.position);
        const [after, before] = [positions[0]! - 1, positions.at(-1)! + 1];
        socket.send(JSON.stringify({ id: message.id, gap: { after, before, count: before - after - 1 } }));
      } else {
        socket.send(text);
      }
    });
  });
  await append(stream, [{ type: word, data: { n: 0 } }]);
  await page.goto(`/live?filter=stream:${stream}`);
  await expect(light(page)).toHaveText(/^live/, { timeout: 15_000 });
  await append(stream, [1, 2].map((n) => ({ type: word, data: { n } })));
  await expect(rows(page).first()).toContainText('not shown');
  dropping = false;
  await append(stream, [{ type: word, data: { n: 3 } }]);
  await expect(rows(page).first()).toContainText('n 3');
  await page.getByRole('button', { name: 'fill in' }).first().click();
  await expect(rows(page).locator('td.data')).toHaveText(['n 3', 'n 2', 'n 1', 'n 0']);
});

test('dragging over the histogram picks a range', async ({ page, append, open, word }) => {
  await append(`order-${word}`, [{ type: word, data: {} }]);
  await open(`/live?filter=type:${word}`);
  const plot = page.getByRole('figure').locator('.plot');
  const box = (await plot.boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.5, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width + 40, box.y + 20, { steps: 5 });
  await page.mouse.up();
  await expect(page).toHaveURL(/since=.*until=/);
  await expect(page.getByRole('figure')).toContainText('1 event');
  await expect(rows(page)).toHaveCount(1);
  await page.getByRole('link', { name: 'Back to live' }).click();
  await expect(page).not.toHaveURL(/since=/);
});

test('⌘K finds a stream', async ({ page, append, open, word }) => {
  await append(`order-${word}`, [{ type: word, data: {} }]);
  await open('/live');
  await page.keyboard.press('Control+k');
  const palette = page.getByRole('dialog', { name: 'Go to' });
  await palette.getByRole('searchbox').fill(`order-${word}`);
  await expect(palette.getByRole('link', { name: `Stream order-${word}` })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(`/streams/order-${word}`);
  await expect(palette).toBeHidden();
});

test('the theme that was chosen stays', async ({ page, open }) => {
  await page.emulateMedia({ colorScheme: 'light' });
  await open('/live');
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await ground();
  await page.getByRole('button', { name: /theme/ }).click();
  await expect.poll(ground).not.toBe(before);
  const after = await ground();
  await page.reload();
  expect(await ground()).toBe(after);
});

test('it is accessible, with and without the drawer', async ({ page, append, open, word }) => {
  await append(`order-${word}`, [{ type: word, data: { total: 1 } }]);
  await open(`/live?filter=stream:order-${word}`);
  await expectAccessible(page);
  await rows(page).getByRole('link').first().click();
  await expect(page.getByRole('complementary', { name: 'Event' })).toBeVisible();
  await expectAccessible(page);
});

test('it works in a window of 390 pixels', async ({ page, append, open, word }) => {
  await page.setViewportSize({ width: 390, height: 800 });
  await append(`order-${word}`, [{ type: word, data: { text: 'long '.repeat(60) } }]);
  await open(`/live?filter=stream:order-${word}`);
  await expectNoSidewaysScroll(page);
  await rows(page).getByRole('link').first().click();
  await expect(page.getByRole('complementary', { name: 'Event' })).toBeInViewport();
  await expectNoSidewaysScroll(page);
});
