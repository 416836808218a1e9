import { type Page } from '@playwright/test';

import { expect, expectAccessible, expectNoSidewaysScroll, light, test } from '../fixtures';
import { Server } from '../server';

const BADGE = 'production · shop eu';

// One server, and what one test does the next one builds on.
test.describe.configure({ mode: 'serial' });

let server: Server;
test.beforeAll(async () => {
  test.setTimeout(120_000);
  server = await Server.start({}, ['--environment', 'shop eu', '--production']);
});
test.afterAll(async () => {
  await server?.remove();
});

/** Opens a page and waits until it is alive. */
async function open(page: Page, path: string): Promise<void> {
  await page.goto(`${server.url}${path}`);
  await expect(light(page)).toHaveText(/^live/, { timeout: 15_000 });
}

test('every page says what the server looks after, on a phone as well', async ({ page }) => {
  const rendered = await page.request.get(`${server.url}/read-models`);
  expect(await rendered.text(), 'without JavaScript').toContain(BADGE);
  await open(page, '/read-models');
  await expect(page).toHaveTitle('Read models · shop eu · Highwater');
  const badge = page.getByRole('banner').getByText(BADGE);
  for (const width of [1440, 800, 390]) {
    await page.setViewportSize({ width, height: 844 });
    await expect(badge).toBeInViewport({ ratio: 1 });
    await expectNoSidewaysScroll(page);
  }
  // Nothing of it is cut off where there is least room.
  const { inner, wide } = await badge.evaluate(({ clientWidth, scrollWidth }) => ({ inner: clientWidth, wide: scrollWidth }));
  expect(wide).toBeLessThanOrEqual(inner);
  await expectAccessible(page);
  await page.setViewportSize({ width: 1440, height: 900 });
  await expectAccessible(page);
});

test('an order waits until the name of what it acts on is typed', async ({ page, refused }) => {
  refused(/428/);
  // What was removed is looked for once more.
  refused(/404/);
  const made = await page.request.put(`${server.url}/api/subscriptions/mailer`, { data: { filter: 'type:OrderPlaced' } });
  expect(made.status(), await made.text()).toBe(201);
  await open(page, '/subscriptions/mailer');
  await page.getByText('Change or remove').click();
  const part = page.getByRole('region', { name: 'Change or remove' });
  const remove = part.getByRole('button', { name: 'Remove' });
  await part.getByLabel('Why it is removed').fill('nobody reads it');
  await remove.click();

  const dialog = page.getByRole('dialog', { name: 'Production: shop eu' });
  const name = dialog.getByRole('textbox', { name: 'Type mailer to go on' });
  const goOn = dialog.getByRole('button', { name: 'Go on' });
  await expect(name).toBeFocused();
  await expect(goOn).toBeDisabled();
  await name.fill('Mailer');
  await expect(goOn).toBeDisabled();
  await page.keyboard.press('Enter');
  await expect(dialog).toBeVisible();
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(page);
  await page.setViewportSize({ width: 1440, height: 900 });

  for (const leave of [() => page.keyboard.press('Escape'), () => dialog.getByRole('button', { name: 'Cancel' }).click()]) {
    await leave();
    await expect(dialog).toBeHidden();
    await expect(page.getByRole('status').getByText('Nothing was changed.', { exact: true })).toBeVisible();
    expect((await page.request.get(`${server.url}/api/subscriptions/mailer`)).status()).toBe(200);
    await remove.click();
    // What was typed before is gone.
    await expect(name).toHaveValue('');
  }
  await name.fill('mailer');
  await expect(goOn).toBeEnabled();
  await page.keyboard.press('Enter');
  await expect(dialog).toBeHidden();
  await expect(page.getByText('This subscription is gone: it was removed.')).toBeVisible();
  expect((await page.request.get(`${server.url}/api/subscriptions/mailer`)).status()).toBe(404);
});

test('what loses nothing is not asked', async ({ page }) => {
  const made = await page.request.put(`${server.url}/api/subscriptions/reader`, { data: {} });
  expect(made.status(), await made.text()).toBe(201);
  await open(page, '/subscriptions/reader');
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByRole('button', { name: 'Resume' })).toBeVisible();
  await expect(page.getByRole('dialog')).toBeHidden();
});
