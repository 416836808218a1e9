import { randomUUID } from 'node:crypto';

import { type Browser, type Locator, type Page, request as playwright } from '@playwright/test';

import { expect, expectAccessible, expectNoSidewaysScroll, light, test } from '../fixtures';
import { LoginServer } from './login-server';

const ADMIN = { name: 'grace', password: 'a harbour at dawn' };
const ADA = { name: 'ada', password: 'an engine of brass' };

// One server, and what one test does the next one builds on.
test.describe.configure({ mode: 'serial' });

let server: LoginServer;
test.beforeAll(async () => {
  test.setTimeout(120_000);
  server = await LoginServer.start();
});
test.afterAll(async () => {
  await server?.remove();
});

/** Waits until the page is hydrated and its feed has caught up. */
async function alive(page: Page): Promise<void> {
  await expect(light(page)).toHaveText(/^live/, { timeout: 15_000 });
}

async function logIn(page: Page, user: { name: string; password: string }, path = '/'): Promise<void> {
  await page.goto(`${server.url}/login?next=${encodeURIComponent(path)}`);
  await page.getByLabel('Name').fill(user.name);
  await page.getByLabel('Password').fill(user.password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await expect(page).toHaveURL(`${server.url}${path}`);
}

/** What the API answers to a call that the page makes. */
async function call(page: Page, method: string, path: string, body?: unknown): Promise<number> {
  return page.evaluate(
    async ([method, path, body]) => {
      const headers = { 'Content-Type': 'application/json' };
      return (await fetch(path!, { method: method!, headers, body })).status;
    },
    [method, path, body === undefined ? undefined : JSON.stringify(body)] as const,
  );
}

function users(page: Page): Locator {
  return page.getByRole('region', { name: 'Users by name' });
}

function row(page: Page, name: string): Locator {
  return users(page).getByRole('row').filter({ hasText: name });
}

/** Opens the page of users and tokens as the admin. */
async function access(page: Page): Promise<void> {
  await logIn(page, ADMIN, '/access');
  await expect(page.getByRole('heading', { name: 'Access' })).toBeVisible();
  await alive(page);
}

/** A browser of somebody else. */
async function another(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ baseURL: server.url });
  return context.newPage();
}

test('the printed link makes the first admin, once', async ({ page, refused }) => {
  refused(/40[14]/);
  await page.goto(server.firstAdmin);
  await expect(page.getByRole('navigation')).toBeHidden();
  await page.getByLabel(/^Name/).fill(ADMIN.name);
  await page.getByLabel(/^Password/).fill(ADMIN.password);
  await page.getByRole('button', { name: 'Join' }).click();
  await expect(page).toHaveURL(`${server.url}/`);
  await alive(page);
  await expect(page.locator('.me > summary')).toContainText(ADMIN.name);
  await page.goto(server.firstAdmin);
  await expect(page.getByRole('heading', { name: 'This link does not work' })).toBeVisible();
});

test('a wrong password says so, and a right one leads to where one wanted to go', async ({ page, refused }) => {
  refused(/401/);
  await page.goto(`${server.url}/store`);
  await expect(page).toHaveURL(/\/login\?next=/);
  await page.getByLabel('Name').fill(ADMIN.name);
  await page.getByLabel('Password').fill('not this one at all');
  await page.getByRole('button', { name: 'Log in' }).click();
  await expect(page.getByRole('alert')).toHaveText(/The name or the password is wrong/);
  await page.getByLabel('Name').fill(ADMIN.name);
  await page.getByLabel('Password').fill(ADMIN.password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await expect(page).toHaveURL(`${server.url}/store`);
  await expect(page.getByRole('heading', { name: 'Store', exact: true })).toBeVisible();
  await alive(page);
  await page.locator('.me > summary').click();
  await page.getByRole('button', { name: 'Log out', exact: true }).click();
  await expect(page).toHaveURL(/\/login/);
});

test('one logs in without JavaScript', async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await logIn(page, ADMIN, '/audit');
  await expect(page.getByRole('heading', { name: 'Audit' })).toBeVisible();
  await expect(page.locator('.me > summary')).toContainText('admin');
  await context.close();
});

test('who is invited reads, and may order once the admin says so', async ({ page, browser, refused }) => {
  test.slow();
  refused(/40[13]/);
  await access(page);
  expect(await call(page, 'PUT', '/api/subscriptions/mailer', { filter: 'type:OrderPlaced' })).toBe(201);
  // Invited: the link is shown once.
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill(ADA.name);
  await page.getByRole('button', { name: 'Invite' }).click();
  const link = page.getByText(`${server.url}/join?key=`);
  await expect(link).toBeVisible();
  const url = (await link.textContent())!.trim();
  await expect(row(page, ADA.name)).toContainText('invited');

  const ada = await another(browser);
  await ada.goto(url);
  await expect(ada.getByRole('heading', { name: 'Welcome, ada' })).toBeVisible();
  await expect(ada.getByText('Your role is viewer: reads.')).toBeVisible();
  await ada.getByLabel(/^Password/).fill(ADA.password);
  await ada.getByRole('button', { name: 'Join' }).click();
  await expect(ada).toHaveURL(`${server.url}/`);
  await ada.getByRole('navigation').getByRole('link', { name: 'Live' }).click();
  await expect(ada.getByRole('heading', { name: 'Live' })).toBeVisible();
  await alive(ada);
  await expect(ada.getByRole('navigation').getByRole('link', { name: 'Access' })).toBeHidden();

  // She sees orders, and why they are not hers to give; the server says the same.
  await ada.goto(`${server.url}/subscriptions/mailer`);
  await alive(ada);
  const pause = ada.getByRole('button', { name: '❚❚ Pause' });
  await expect(pause).toBeDisabled();
  await expect(ada.getByText('Needs the role operator').first()).toBeVisible();
  expect(await call(ada, 'POST', '/api/subscriptions/mailer/pause', {})).toBe(403);
  expect(await call(ada, 'GET', '/api/users')).toBe(403);
  await expectAccessible(ada);

  await page.getByLabel('Role of ada', { exact: true }).selectOption('operator');
  await page.getByRole('button', { name: 'Save the role of ada' }).click();
  await expect(page.getByText('ada is operator.')).toBeVisible();
  await ada.reload();
  await alive(ada);
  await expect(pause).toBeEnabled();
  await pause.click();
  await expect(ada.getByRole('button', { name: '▶ Resume' })).toBeVisible();

  // A new link takes the password away, so it is asked first.
  await page.getByRole('button', { name: 'New link…: ada' }).click();
  await expect(page.getByRole('group', { name: 'Make a new link for ada?' })).toContainText('the password of ada no longer works');
  await page.getByRole('button', { name: 'Not now' }).click();
  await expect(row(page, ADA.name)).toContainText('active');

  // Closed: her open page leaves by itself.
  await page.getByRole('button', { name: 'Disable: ada' }).click();
  await expect(row(page, ADA.name)).toContainText('disabled');
  await expect(ada).toHaveURL(/\/login\?next=%2Fsubscriptions%2Fmailer/, { timeout: 5_000 });
  await ada.context().close();

  await page.getByRole('button', { name: 'Remove…: ada' }).click();
  await page.getByRole('button', { name: 'Remove ada', exact: true }).click();
  await expect(page.getByText('ada is removed.')).toBeVisible();
  await expect(row(page, ADA.name)).toHaveCount(0);
});

test('a program gets in with a token until that is revoked', async ({ page }) => {
  await access(page);
  await page.getByLabel(/^Name: the audit log/).fill('billing');
  await page.getByRole('button', { name: 'Make a token' }).click();
  const command = page.getByText(/^curl -H "Authorization: Bearer /);
  await expect(command).toContainText(`${server.url}/api/events`);
  const secret = /Bearer ([^"]+)"/.exec((await command.textContent())!)![1]!;
  const program = await playwright.newContext({ baseURL: server.url, extraHTTPHeaders: { Authorization: `Bearer ${secret}` } });
  expect((await program.get('/api/events')).status()).toBe(200);
  expect((await program.get('/api/users')).status()).toBe(403);
  const token = page.getByRole('region', { name: 'Tokens of programs, by name' }).getByRole('row').filter({ hasText: 'billing' });
  await expect(token).toContainText('read');
  await page.getByRole('button', { name: 'Revoke…: billing' }).click();
  await page.getByRole('button', { name: 'Revoke billing', exact: true }).click();
  await expect(page.getByText('billing no longer gets in.')).toBeVisible();
  await expect(token).toHaveCount(0);
  // What is revoked is learned within seconds, also by a server that remembers it.
  await expect.poll(async () => (await program.get('/api/events')).status()).toBe(401);
  await program.dispose();
});

test('a masked field is shown to those who may see it, and ••• to others', async ({ page, browser }) => {
  test.slow();
  await access(page);
  const event = randomUUID();
  const joined = [{ id: event, type: 'CustomerJoined', data: { email: 'ada@example.com', city: 'Gent' } }];
  expect(await call(page, 'POST', '/api/streams/customer-1/events', joined)).toBe(201);
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('vera');
  await page.getByRole('button', { name: 'Invite' }).click();
  const url = (await page.getByText(`${server.url}/join?key=`).textContent())!.trim();
  const vera = await another(browser);
  await vera.goto(url);
  await vera.getByLabel(/^Password/).fill('a lens of many colours');
  await vera.getByRole('button', { name: 'Join' }).click();
  await expect(vera).toHaveURL(`${server.url}/`);
  const shown = vera.getByRole('article');
  await vera.goto(`${server.url}/events/${event}`);
  await expect(shown).toContainText('ada@example.com');

  await page.getByLabel(/^Field:/).fill('data.email');
  await page.getByLabel(/^Of types:/).fill('Customer*');
  await page.getByLabel('Seen from the role').selectOption('operator');
  await page.getByLabel(/^Why it is masked/).fill('personal data');
  await page.getByRole('button', { name: 'Mask the field' }).click();
  await expect(page.getByText('data.email of Customer* is seen from the role operator on.')).toBeVisible();
  const rules = page.getByRole('region', { name: 'Masked fields', exact: true });
  await expect(rules.getByRole('row').filter({ hasText: 'data.email' })).toContainText('CustomerJoined');
  await expectNoSidewaysScroll(page);
  await expectAccessible(page);

  await vera.reload();
  await expect(shown).toContainText('•••');
  await expect(shown).toContainText('Gent');
  expect(await vera.content()).not.toContain('ada@example.com');
  expect(await call(vera, 'GET', '/api/events?filter=data.email:ada*')).toBe(403);
  expect(await call(page, 'GET', '/api/events?filter=data.email:ada*')).toBe(200);

  await page.getByRole('button', { name: 'Remove…: data.email of Customer*' }).click();
  await page.getByRole('button', { name: 'Remove the rule for data.email', exact: true }).click();
  await expect(page.getByText('The rule for data.email is removed.')).toBeVisible();
  await vera.reload();
  await expect(shown).toContainText('ada@example.com');
  await vera.context().close();
});

test('its pages are accessible and fit', async ({ page }) => {
  test.slow();
  await page.goto(`${server.url}/login`);
  for (const width of [1440, 390]) {
    await page.setViewportSize({ width, height: 900 });
    await expectNoSidewaysScroll(page);
    await expectAccessible(page);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await access(page);
  for (const width of [1440, 390]) {
    await page.setViewportSize({ width, height: 900 });
    await expectNoSidewaysScroll(page);
    await expectAccessible(page);
  }
  // What hangs from the name is reached on a phone, too.
  await page.locator('.me > summary').click();
  await expect(page.getByRole('button', { name: 'Log out', exact: true })).toBeVisible();
  await expectNoSidewaysScroll(page);
  await expectAccessible(page);
});

test('the page of an invitation is accessible', async ({ page }) => {
  await access(page);
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('linus');
  await page.getByRole('button', { name: 'Invite' }).click();
  const url = (await page.getByText(`${server.url}/join?key=`).textContent())!.trim();
  await page.goto(url);
  await expect(page.getByRole('button', { name: 'Join' })).toBeVisible();
  for (const width of [1440, 390]) {
    await page.setViewportSize({ width, height: 900 });
    await expectNoSidewaysScroll(page);
    await expectAccessible(page);
  }
});

test('a link shows the Stage to who has no login, and nothing else', async ({ page, browser, refused }) => {
  test.slow();
  refused(/40[13]/);
  await logIn(page, ADMIN, '/stage');
  const services = (page: Page) => page.getByRole('region', { name: 'Services' }).getByRole('article');
  await expect(services(page)).not.toHaveCount(0);
  await page.getByText('Share', { exact: true }).click();
  await page.getByRole('button', { name: 'Make a link' }).click();
  const link = page.getByText(`${server.url}/share/`);
  await expect(link).toBeVisible();
  await expectAccessible(page);
  const url = (await link.textContent())!.trim();

  // A browser that has never been here, on a phone.
  const guest = await another(browser);
  await guest.setViewportSize({ width: 390, height: 844 });
  await guest.goto(url);
  await expect(guest).toHaveURL(`${server.url}/stage`);
  await expect(services(guest).filter({ hasText: 'fulfilment' })).toContainText('emitted', { timeout: 20_000 });
  for (const word of ['Stop', 'Crash', 'Play', 'Leave the Stage', 'Share']) {
    await expect(guest.getByRole('button', { name: word })).toHaveCount(0);
    await expect(guest.getByRole('link', { name: word })).toHaveCount(0);
  }
  await expect(guest.getByRole('slider')).toHaveCount(0);
  expect(await guest.content()).not.toContain('order-');
  expect(await call(guest, 'GET', '/api/streams')).toBe(403);
  expect(await call(guest, 'POST', '/api/demo/services/payments/crash', {})).toBe(403);
  await expectNoSidewaysScroll(guest);
  await expectAccessible(guest);
  await guest.goto(`${server.url}/live`);
  await expect(guest).toHaveURL(`${server.url}/stage`);

  // Ended: the open page leaves by itself, and the link says why it leads nowhere.
  await page.getByRole('button', { name: /^End link/ }).click();
  await expect(page.getByText('The link no longer works.')).toBeVisible();
  await expect(guest).toHaveURL(/\/login/, { timeout: 5_000 });
  await guest.goto(url);
  await expect(guest.getByText('This link was ended, has expired, or was never given.')).toBeVisible();
  await guest.goto(url.slice(0, -1) + (url.endsWith('0') ? '1' : '0'));
  await expect(guest.getByText('This link was ended, has expired, or was never given.')).toBeVisible();
  await guest.context().close();
});
