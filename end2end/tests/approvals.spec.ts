import { type Browser, type Page } from '@playwright/test';

import { expect, expectAccessible, expectNoSidewaysScroll, light, test } from '../fixtures';
import { LoginServer } from './login-server';

const ROOT = { name: 'root', password: 'a harbour at dawn' };
const ADA = { name: 'ada', password: 'an engine of brass' };

// One server, and what one test does the next one builds on.
test.describe.configure({ mode: 'serial' });

let server: LoginServer;
test.beforeAll(async () => {
  test.setTimeout(120_000);
  server = await LoginServer.start(['--environment', 'shop eu', '--production', '--approval']);
});
test.afterAll(async () => {
  await server?.remove();
});

/** Waits until the page is hydrated and its feed has caught up. */
async function alive(page: Page): Promise<void> {
  await expect(light(page)).toHaveText(/^live/, { timeout: 15_000 });
}

async function logIn(page: Page, user: { name: string; password: string }, path: string): Promise<void> {
  await page.goto(`${server.url}/login?next=${encodeURIComponent(path)}`);
  await page.getByLabel('Name').fill(user.name);
  await page.getByLabel('Password').fill(user.password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await expect(page).toHaveURL(`${server.url}${path}`);
  await alive(page);
}

/** A browser of somebody else. */
async function another(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ baseURL: server.url });
  return context.newPage();
}

/** Sends JSON as the page itself does, and reads what is answered. */
async function call(page: Page, method: string, path: string, body: unknown): Promise<{ status: number; json: Record<string, unknown> }> {
  return page.evaluate(
    async ([method, path, body]) => {
      const headers = { 'Content-Type': 'application/json' };
      const answer = await fetch(path!, { method: method!, headers, body });
      return { status: answer.status, json: await answer.json() };
    },
    [method, path, JSON.stringify(body)] as const,
  );
}

/** Asks for the removal of a subscription at its page, and types its name. */
async function askToRemove(page: Page, name: string, why: string): Promise<void> {
  await page.goto(`${server.url}/subscriptions/${name}`);
  await alive(page);
  await page.getByText('Change or remove').click();
  const part = page.getByRole('region', { name: 'Change or remove' });
  await part.getByLabel('Why it is removed').fill(why);
  await part.getByRole('button', { name: 'Remove' }).click();
  const asked = page.getByRole('dialog', { name: 'Production: shop eu' });
  await asked.getByRole('textbox', { name: `Type ${name} to go on` }).fill(name);
  await asked.getByRole('button', { name: 'Go on' }).click();
}

test('an order waits, another person approves it, and the first one sees that it is done', async ({ page, browser, refused }) => {
  test.slow();
  refused(/4(01|04|28)/);
  await page.goto(server.firstAdmin);
  await page.getByLabel(/^Name/).fill(ROOT.name);
  await page.getByLabel(/^Password/).fill(ROOT.password);
  await page.getByRole('button', { name: 'Join' }).click();
  await expect(page).toHaveURL(`${server.url}/`);
  await alive(page);
  expect((await call(page, 'PUT', '/api/subscriptions/mailer', {})).status).toBe(201);
  const invited = await call(page, 'POST', '/api/users', { name: ADA.name, role: 'operator' });
  const ada = await another(browser);
  await ada.goto(`${server.url}${String(invited.json.path)}`);
  await ada.getByLabel(/^Password/).fill(ADA.password);
  await ada.getByRole('button', { name: 'Join' }).click();
  await expect(ada).toHaveURL(`${server.url}/`);
  await alive(ada);

  await askToRemove(ada, 'mailer', 'nobody reads it');
  const waits = ada.getByRole('dialog', { name: 'Waits for a second person' });
  await expect(waits).toContainText('Remove the subscription mailer');
  await expectAccessible(ada);
  await ada.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(ada);
  await ada.setViewportSize({ width: 1440, height: 900 });
  await waits.getByRole('link', { name: 'Approvals' }).click();
  await expect(ada).toHaveURL(`${server.url}/approvals`);
  const own = ada.getByRole('article', { name: /^Remove the subscription mailer/ });
  await expect(own).toContainText('nobody reads it');
  await expect(own.getByRole('button', { name: 'Withdraw' })).toBeVisible();
  await expect(own.getByRole('button', { name: /^Approve/ })).toBeHidden();

  // The other one is told in the rail of any page.
  const link = page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: /^Approvals/ });
  await expect(link).toHaveText(/1/, { timeout: 15_000 });
  await link.click();
  const card = page.getByRole('article', { name: /^Remove the subscription mailer/ });
  await expect(card).toContainText('ada');
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(page);
  await page.setViewportSize({ width: 1440, height: 900 });
  await card.getByLabel(/^Comment/).fill('agreed by phone');
  await card.getByRole('button', { name: /^Approve/ }).click();
  await expect(page.getByRole('status').getByText('Approved, and done.')).toBeVisible();
  await expect(card).toBeHidden();

  const over = ada.getByRole('region', { name: 'Orders that are over, newest first' });
  const row = over.getByRole('row').filter({ hasText: 'Remove the subscription mailer' });
  await expect(row).toContainText('done', { timeout: 15_000 });
  await expect(row).toContainText('root');
  await expect(row).toContainText('agreed by phone');
  await expectAccessible(ada);
  expect((await ada.request.get(`${server.url}/api/subscriptions/mailer`)).status()).toBe(404);
  await ada.context().close();
});

test('what is declined or withdrawn stays as it is', async ({ page, browser, refused }) => {
  test.slow();
  refused(/4(01|28)/);
  await logIn(page, ROOT, '/approvals');
  expect((await call(page, 'PUT', '/api/subscriptions/reader', {})).status).toBe(201);
  const ada = await another(browser);
  await logIn(ada, ADA, '/approvals');
  await askToRemove(ada, 'reader', 'too slow');
  const waits = ada.getByRole('dialog', { name: 'Waits for a second person' });
  await waits.getByRole('button', { name: 'Close' }).click();
  await expect(waits).toBeHidden();
  await expect(ada.getByRole('status').getByText('Nothing was changed yet')).toBeVisible();
  const card = page.getByRole('article', { name: /^Remove the subscription reader/ });
  await card.getByRole('button', { name: 'Decline' }).click();
  await expect(page.getByRole('status').getByText('Declined: it is not carried out.')).toBeVisible();

  await askToRemove(ada, 'reader', 'still too slow');
  await waits.getByRole('link', { name: 'Approvals' }).click();
  const own = ada.getByRole('article', { name: /^Remove the subscription reader/ });
  await own.getByRole('button', { name: 'Withdraw' }).click();
  await expect(ada.getByRole('status').getByText('Withdrawn: it is not carried out.')).toBeVisible();
  await expect(own).toBeHidden();
  expect((await ada.request.get(`${server.url}/api/subscriptions/reader`)).status()).toBe(200);
  await ada.context().close();
});
