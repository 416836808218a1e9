import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';

import { type Page } from '@playwright/test';

import { dividing, expect, expectAccessible, expectNoSidewaysScroll, light, test } from '../fixtures';
import { Server } from '../server';

/** What a webhook was told. */
interface Told {
  type: string;
  words: string;
  signed: boolean;
}

const SECRET = 'open sesame';

/** A webhook on this machine, which takes what it is told. */
class Webhook {
  readonly told: Told[] = [];
  private readonly server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      const event = JSON.parse(body) as { type: string; data: { words: string } };
      const code = createHmac('sha256', SECRET).update(body).digest('hex');
      const signed = request.headers['highwater-signature'] === `sha256=${code}`;
      this.told.push({ type: event.type, words: event.data.words, signed });
      response.writeHead(204).end();
    });
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/alerts`;
  }

  end(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** Waits until the page is hydrated and its feed has caught up. */
async function alive(page: Page): Promise<void> {
  await expect(light(page)).toHaveText(/^live/, { timeout: 15_000 });
}

/** Fits and is accessible, on a desk and on a phone. */
async function expectWell(page: Page): Promise<void> {
  for (const width of [390, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    await expectNoSidewaysScroll(page);
    await expectAccessible(page);
  }
}

// Its read model is paused all the time, so the server is the test's own.
test('a rule is looked at before it is kept, fires, is told, and is over', async ({ page, request }) => {
  test.setTimeout(240_000);
  const server = await Server.start({ 'orders.sql': dividing('orders', 'Counted') });
  const webhook = new Webhook();
  const url = await webhook.start();
  const firing = page.getByRole('region', { name: 'Firing now' });
  const rules = page.getByRole('region', { name: 'Rules of alerts, by name' });
  try {
    const post = async (path: string, data: unknown): Promise<void> => {
      const answer = await request.post(`${server.url}${path}`, { data });
      expect(answer.ok(), await answer.text()).toBe(true);
    };
    await expect.poll(async () => (await request.get(`${server.url}/api/read-models/orders`)).status(), { timeout: 20_000 }).toBe(200);
    await post('/api/read-models/orders/pause', { reason: 'a test' });
    await post('/api/streams/order-1/events', [{ type: 'Counted', data: { n: 4 } }]);
    await page.goto(`${server.url}/alerts`);
    await alive(page);
    await expect(firing).toContainText('Nothing fires.');
    await expect(page.getByText('None yet. A rule says')).toBeVisible();

    await page.getByLabel('Name of the rule').fill('orders are late');
    await page.getByLabel('Their names').fill('ord*');
    await page.getByLabel('More than', { exact: true }).fill('1');
    await page.getByLabel('Unit: More than').selectOption('s');
    await page.getByLabel(/^For at least/).fill('0');
    await page.getByLabel('Webhook that is told').fill(url);
    await page.getByLabel('Secret by which').fill(SECRET);
    await page.getByRole('button', { name: 'Preview' }).click();
    await expect(page.getByText('Within the last 7 days it would not have fired.')).toBeVisible();
    await expect(page.getByRole('figure')).toContainText('the worst of each minute');
    await expectWell(page);
    // Another number is looked at anew.
    await page.getByLabel('More than', { exact: true }).fill('2');
    await expect(page.getByRole('figure')).toHaveCount(0);
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByRole('button', { name: 'Keep the rule' }).click();
    await expect(page.getByText('The rule orders are late is kept: it fires when ord* is more than 2 s behind.')).toBeVisible();

    await expect(firing.getByRole('listitem')).toContainText(/orders is .* behind, more than 2 s: 1 event waits, and it is paused\./, { timeout: 30_000 });
    await expect(firing.getByRole('listitem')).toContainText('told at');
    await expect(firing.getByRole('link', { name: /orders is/ })).toHaveAttribute('href', '/read-models/orders');
    await expect(rules.getByRole('row', { name: /orders are late/ })).toContainText('1 firing');
    expect(webhook.told.map((told) => [told.type, told.signed])).toEqual([['highwater.alert.firing', true]]);
    await expectWell(page);
    await rules.getByRole('button', { name: 'Test: orders are late' }).click();
    await expect(page.getByText(/The webhook of orders are late answered 204 after/)).toBeVisible();
    expect(webhook.told[1]?.type).toBe('highwater.alert.test');

    await page.goto(`${server.url}/`);
    await alive(page);
    await expect(page.getByRole('main').getByRole('status').first()).toContainText('The alert orders are late fires');
    await page.getByRole('link', { name: 'The alert orders are late fires' }).click();
    await expect(page).toHaveURL(`${server.url}/alerts`);

    await post('/api/read-models/orders/resume', {});
    await expect(firing).toContainText('Nothing fires.', { timeout: 30_000 });
    const over = page.getByRole('region', { name: 'Alerts that are over, newest first' });
    await expect(over.getByRole('row', { name: /orders are late/ })).toContainText('is no longer so far behind');
    await expect.poll(() => webhook.told.at(-1)?.type, { timeout: 15_000 }).toBe('highwater.alert.resolved');

    // Changed, it is put into the form; removed, it is asked first.
    await rules.getByRole('button', { name: 'Change…: orders are late' }).click();
    await expect(page.getByLabel('Name of the rule')).toBeFocused();
    await expect(page.getByLabel('Name of the rule')).toHaveValue('orders are late');
    await expect(page.getByLabel('Webhook that is told')).toHaveValue(url);
    await rules.getByRole('button', { name: 'Remove…: orders are late' }).click();
    await page.getByRole('button', { name: 'Remove orders are late', exact: true }).click();
    await expect(page.getByText('The rule orders are late is removed.')).toBeVisible();
    await expect(page.getByText('None yet. A rule says')).toBeVisible();
    // The page is left while its server still answers: its live feed would otherwise call in vain, which is a fault on any page.
    await page.goto('about:blank');
  } finally {
    webhook.end();
    await server.remove();
  }
});

test('what can not be a rule says what would', async ({ page, open, refused }) => {
  refused(/422/);
  await open('/alerts');
  await page.getByLabel('Name of the rule').fill('held');
  await page.getByLabel('Fires when it').selectOption('mark_age');
  await expect(page.getByLabel('Their names')).toBeHidden();
  await page.getByLabel('More than', { exact: true }).fill('0');
  await page.getByRole('button', { name: 'Preview' }).click();
  await expect(page.getByText(/Seconds is 0; give seconds from 1 to/)).toBeVisible();
  await page.getByLabel('More than', { exact: true }).fill('10');
  await page.getByRole('button', { name: 'Preview' }).click();
  await expect(page.getByText('No history is kept of what held the mark')).toBeVisible();
  await page.getByLabel('Webhook that is told').fill('http://hooks.example/');
  await page.getByRole('button', { name: 'Keep the rule' }).click();
  await expect(page.getByText(/Nothing was changed\. webhook is http.*use https/)).toBeVisible();
});
