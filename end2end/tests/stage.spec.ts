import { readFile } from 'node:fs/promises';

import { type Locator, type Page } from '@playwright/test';

import { expect, expectAccessible, expectNoSidewaysScroll, test } from '../fixtures';

/** Opens the Stage and waits until it is alive; the connection light is there, but not to be seen. */
async function openStage(page: Page): Promise<void> {
  await page.goto('/stage');
  await expect(page.locator('.light')).toHaveText(/^live/, { timeout: 15_000 });
}

/** The card of a service, or of a read model. */
function card(page: Page, name: string): Locator {
  const heading = page.getByRole('heading', { name, exact: true });
  return page.getByRole('article').filter({ has: heading });
}

/** Pixels of the picture that something is drawn on. */
function drawn(page: Page): Promise<number> {
  return page.evaluate(() => {
    const canvas = document.querySelector('canvas')!;
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    let pixels = 0;
    for (let at = 3; at < data.length; at += 4) pixels += data[at]! > 0 ? 1 : 0;
    return pixels;
  });
}

test('events fly from the services through the log to who hears them', async ({ page }) => {
  await openStage(page);
  await expect(page.getByRole('region', { name: 'Services' }).getByRole('article')).not.toHaveCount(0);
  await expect(card(page, 'fulfilment')).toContainText('running');
  await expect(card(page, 'orders by state')).toContainText(/up to date|behind/);
  await expect(page.getByText(/^the log · .* events · .* a second$/)).toBeVisible();
  // Customers order all the time.
  await expect.poll(() => drawn(page)).toBeGreaterThan(50);
  await expect(card(page, 'fulfilment')).toContainText(/[1-9]\d* emitted/);
});

test('a service crashes, its events wait, the others go on, and it catches up', async ({ page }) => {
  test.slow();
  await openStage(page);
  const notifications = card(page, 'notifications');
  await expect(notifications).toContainText('running');
  await page.getByRole('button', { name: 'Crash notifications' }).click();
  await expect(notifications).toContainText('crashed, comes back');
  await expect(page.getByRole('button', { name: 'Crash notifications' })).toBeHidden();
  await expect(card(page, 'fulfilment')).toContainText('running');
  // Nobody waits for the ten seconds.
  await page.getByRole('button', { name: 'Start notifications' }).click();
  await expect(notifications).toContainText('running');
  await page.getByRole('button', { name: 'Stop notifications' }).click();
  await expect(notifications).toContainText('stopped');
  await expect(notifications).toContainText(/[1-9]\d* waiting/, { timeout: 30_000 });
  await page.getByRole('button', { name: 'Start notifications' }).click();
  await expect(notifications).toContainText('nothing waits', { timeout: 30_000 });
});

test('customers order more when they are told to', async ({ page, request }) => {
  await openStage(page);
  const before = (await (await request.get('/api/demo')).json()).traffic;
  await page.getByRole('slider', { name: 'Orders' }).fill('1.4');
  await expect.poll(async () => (await (await request.get('/api/demo')).json()).traffic.orders_per_second).toBe(1.4);
  await expect(page.getByText('1.4 / s')).toBeVisible();
  await page.getByRole('combobox', { name: 'coming' }).selectOption('in bursts');
  await expect.poll(async () => (await (await request.get('/api/demo')).json()).traffic.pattern).toBe('bursty');
  const back = await request.put('/api/demo/traffic', { data: before });
  expect(back.status()).toBe(200);
});

test('who does not want motion sees the same by counts', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await openStage(page);
  await expect(card(page, 'fulfilment')).toContainText(/[1-9]\d* emitted/, { timeout: 15_000 });
  expect(await drawn(page)).toBe(0);
});

test('it is accessible, and fits a phone', async ({ page }) => {
  await openStage(page);
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await expect(card(page, 'payments')).toBeVisible();
  await expectNoSidewaysScroll(page);
});

// One is played at a time, so these are run one after the other, whatever runs beside them.
test.describe('scenarios', () => {
  test.describe.configure({ mode: 'default' });

  test('a scenario is told in words, chapter by chapter, with notes for who presents', async ({ page, context }) => {
    test.slow(); // a service is stopped until 8 events wait for it, and started again
    await openStage(page);
    const scenario = page.getByRole('region', { name: 'Scenario' });
    await scenario.getByRole('combobox', { name: 'Scenario' }).selectOption('A service goes down, the shop goes on');
    await scenario.getByRole('button', { name: 'Play' }).click();
    await expect(scenario).toContainText('Customers order, the services work.');
    await expect(scenario.getByRole('listitem').first()).toContainText('The shop at work');
    const notes = await context.newPage();
    await notes.goto('/stage/notes');
    await expect(notes.getByText('Let them watch for a moment.')).toBeVisible();
    await scenario.getByRole('button', { name: 'Pause' }).click();
    await expect(scenario).toContainText('paused; the shop goes on');
    await scenario.getByRole('button', { name: 'Go on' }).click();
    // Not faster yet: these words pass in less time than lies between two looks.
    await scenario.getByRole('combobox', { name: 'Speed' }).selectOption('2 ×');
    await expect(scenario).toContainText('The payments service is gone', { timeout: 30_000 });
    await expect(card(page, 'payments')).toContainText('stopped');
    await expect(notes.getByText('It is a process of its own on this machine')).toBeVisible();
    await expect(scenario).toContainText('It is back', { timeout: 60_000 });
    await scenario.getByRole('combobox', { name: 'Speed' }).selectOption('10 ×');
    await expect(scenario).toContainText('That was: A service goes down, the shop goes on.', { timeout: 60_000 });
    await expect(card(page, 'payments')).toContainText('running');
    await expect(scenario.getByRole('button', { name: 'Play' })).toBeVisible();
  });

  for (const title of ["An order's life", 'A bug in a read model, and its rebuild', 'Black Friday', 'A clean slate']) {
    test(`${title}: played at ten times its speed, to its end`, async ({ page }) => {
      test.setTimeout(180_000); // orders take the time that they take
      await openStage(page);
      const scenario = page.getByRole('region', { name: 'Scenario' });
      await scenario.getByRole('combobox', { name: 'Scenario' }).selectOption(title);
      await scenario.getByRole('button', { name: 'Play' }).click();
      await scenario.getByRole('combobox', { name: 'Speed' }).selectOption('10 ×');
      await expect(scenario).toContainText(`That was: ${title}.`, { timeout: 150_000 });
      for (const name of ['customers', 'orders', 'payments', 'stock', 'shipping', 'notifications', 'fulfilment']) {
        await expect(card(page, name)).toContainText('running');
      }
    });
  }
});

test('what happened is shown again as a film, from the log', async ({ page, append, word }) => {
  test.slow();
  const metadata = { service: `${word}-till` };
  const began = new Date(Date.now() - 1_000).toISOString();
  for (const n of [1, 2, 3]) {
    await append(`sale-${word}-${n}`, [{ type: `${word}Sold`, data: { n }, metadata }]);
  }
  const ended = new Date(Date.now() + 500).toISOString();
  await page.goto(`/stage?since=${began}&until=${ended}`);
  await expect(page.locator('.light')).toHaveText(/^live/, { timeout: 15_000 });
  const film = page.getByRole('region', { name: 'Recording' });
  await expect(film).toContainText('● Recording');
  // Who emitted then is there, and emits again; nobody knows how they were.
  const till = card(page, `${word}-till`);
  await expect(till).toContainText('3 emitted', { timeout: 20_000 });
  await expect(till).not.toContainText('running');
  await expect(page.getByRole('button', { name: /^Crash/ })).toHaveCount(0);
  await expect(film).toContainText('That was all of it.', { timeout: 20_000 });
  // Once more, from its beginning, and slower.
  await film.getByRole('combobox', { name: 'Speed' }).selectOption('0.1 ×');
  await film.getByRole('button', { name: 'Play' }).click();
  await expect(film.getByRole('button', { name: 'Pause' })).toBeVisible();
  await film.getByRole('button', { name: 'Pause' }).click();
  const at = () => film.getByRole('slider', { name: 'Moment of the recording' }).inputValue();
  const stood = await at();
  await page.waitForTimeout(300);
  expect(await at()).toBe(stood);
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(page);
  await film.getByRole('link', { name: 'Back to now' }).click();
  await expect(page).toHaveURL('/stage');
  await expect(card(page, 'fulfilment')).toContainText('running');
});

test('the last minutes are one click away', async ({ page }) => {
  await openStage(page);
  await page.getByRole('combobox', { name: 'Rewind' }).selectOption('the last 10 minutes');
  await expect(page).toHaveURL(/\/stage\?since=.*&until=/);
  await expect(page.getByRole('region', { name: 'Recording' })).toContainText(/What happened from|Nothing happened for/);
  await expect(card(page, 'fulfilment')).toContainText(/[1-9]\d* emitted/, { timeout: 20_000 });
});

test('what is seen is recorded as a video for slides', async ({ page }) => {
  await openStage(page);
  await page.getByRole('button', { name: 'Record' }).click();
  const stop = page.getByRole('button', { name: 'Stop and save' });
  await expect(stop).toBeVisible();
  await expect(card(page, 'fulfilment')).toContainText(/[1-9]\d* emitted/, { timeout: 15_000 });
  const saved = page.waitForEvent('download');
  await stop.click();
  const file = await saved;
  expect(file.suggestedFilename()).toMatch(/^stage-\d{4}-\d\d-\d\d-\d{6}\.(webm|mp4)$/);
  const bytes = await readFile(await file.path());
  expect(bytes.length).toBeGreaterThan(5_000);
  const isWebm = bytes.subarray(0, 4).toString('hex') === '1a45dfa3';
  expect(isWebm || bytes.subarray(4, 8).toString() === 'ftyp', 'it is a file of its kind').toBe(true);
  await expect(page.getByRole('button', { name: 'Record' })).toBeVisible();
});
