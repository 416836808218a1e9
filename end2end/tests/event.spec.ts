import { randomUUID } from 'node:crypto';

import { dividing, expect, expectAccessible, expectNoSidewaysScroll, rows, test } from '../fixtures';

test('an event tells what caused it and what it caused', async ({ page, append, open, word }) => {
  const [cause, middle, effect, flow] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  const metadata = { correlation_id: flow };
  await append(`order-${word}`, [{ id: cause, type: `${word}Placed`, data: {}, metadata }]);
  await append(`payment-${word}`, [{ id: middle, type: `${word}Asked`, data: { cents: 1250 }, metadata: { ...metadata, causation_id: cause } }]);
  await append(`payment-${word}`, [{ id: effect, type: `${word}Refused`, data: {}, metadata: { ...metadata, causation_id: middle } }]);
  await open(`/events/${middle}`);
  const event = page.getByRole('article');
  await expect(event.getByRole('heading', { name: `${word}Asked` })).toBeVisible();
  await expect(event).toContainText('1250');
  await event.getByRole('link', { name: `${word}Refused` }).click();
  await expect(page).toHaveURL(`/events/${effect}`);
  await expect(event.getByRole('heading', { name: `${word}Refused` })).toBeVisible();
  await page.goBack();
  await event.getByRole('link', { name: `${word}Placed` }).click();
  await expect(page).toHaveURL(`/events/${cause}`);
  await event.getByRole('link', { name: flow }).click();
  await expect(page).toHaveURL(`/flows/${flow}`);
  await page.getByRole('link', { name: 'Its events with their data' }).click();
  await expect(rows(page)).toHaveCount(3);
});

test('an event names the read models that have handled it', async ({ page, append, define, open, word }) => {
  const id = randomUUID();
  const name = await define((name) => dividing(name, word));
  await append(`order-${word}`, [{ id, type: word, data: { n: 1 } }]);
  await expect(async () => {
    await open(`/events/${id}`);
    await expect(page.getByRole('link', { name: new RegExp(name) })).toContainText('handled', { timeout: 500 });
  }).toPass({ timeout: 15_000 });
  await page.getByRole('link', { name: new RegExp(name) }).click();
  await expect(page).toHaveURL(`/read-models/${name}`);
});

test('a number shows each of its digits', async ({ request, open, page, word }) => {
  const id = randomUUID();
  const answer = await request.post(`/api/streams/order-${word}/events`, {
    headers: { 'Content-Type': 'application/json' },
    data: Buffer.from(`[{"id":"${id}","type":"${word}","data":{"exact":12345678901234567890.10}}]`),
  });
  expect(answer.status(), await answer.text()).toBe(201);
  await open(`/events/${id}`);
  await expect(page.getByRole('article').locator('.tree').first()).toContainText('12345678901234567890.10');
});

test('what a writer put into an event is text, never markup', async ({ append, open, page, word }) => {
  const id = randomUUID();
  const evil = `<img src=x onerror="document.title='owned'">`;
  await append(`order-${word}`, [{ id, type: `${word}<b>`, data: { evil }, metadata: { actor: evil } }]);
  await open(`/events/${id}`);
  await expect(page.getByRole('article')).toContainText('onerror');
  expect(await page.locator('main img').count()).toBe(0);
  await expect(page).not.toHaveTitle('owned');
});

test('raw JSON can be copied', async ({ context, append, open, page, word }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const id = randomUUID();
  await append(`order-${word}`, [{ id, type: word, data: { total: 3 } }]);
  await open(`/events/${id}`);
  await page.getByRole('button', { name: 'Copy JSON' }).click();
  await expect(page.getByRole('button', { name: 'Copied' })).toBeVisible();
  const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText())) as { id: string; data: unknown };
  expect(copied.id).toBe(id);
  expect(copied.data).toEqual({ total: 3 });
});

test('it is accessible, and fits 390 pixels', async ({ append, open, page, word }) => {
  const id = randomUUID();
  await append(`order-${word}`, [{ id, type: word, data: { deep: { er: { still: ['long '.repeat(60)] } } } }]);
  await open(`/events/${id}`);
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 800 });
  await expectNoSidewaysScroll(page);
});

test('an event of 0.9 MB is shown in short, and its pages stay light', async ({ page, append, open, word, request }) => {
  const id = randomUUID();
  await append(`blob-${word}`, [{ type: `${word}Kept`, id, data: { name: 'a', text: 'x'.repeat(900_000) } }]);
  for (const path of [`/events/${id}`, `/streams?query=${word}`, `/live?filter=type:${word}*`]) {
    const html = await (await request.get(path)).text();
    expect(html.length, path).toBeLessThan(200_000);
  }
  await open(`/events/${id}`);
  await expect(page.getByText('this is what it says in short')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Copy JSON' })).toHaveCount(0);
  const whole = page.getByRole('link', { name: 'The whole event as JSON' });
  const answer = await request.get((await whole.getAttribute('href'))!);
  expect((await answer.json()).event.data.text).toHaveLength(900_000);
  // The state has the text as well: once, however the page's parts come in, and not with each event and change.
  for (let look = 0; look < 10; look += 1) {
    expect((await (await request.get(`/streams/blob-${word}`)).text()).length).toBeLessThan(1_500_000);
  }
});
