import { randomUUID } from 'node:crypto';

import { expect, expectAccessible, expectNoSidewaysScroll, test, type Appended, type Proposed } from '../fixtures';

type Append = (stream: string, events: Proposed[]) => Promise<Appended>;

/** An order over four services, as far as `until`; answers its flow and its events' ids. */
async function order(append: Append, word: string, until: number): Promise<{ flow: string; ids: string[] }> {
  const flow = randomUUID();
  const steps = [
    ['order', 'Placed', 'orders'],
    ['payment', 'Asked', 'payments'],
    ['payment', 'Captured', 'payments'],
    ['stock', 'Reserved', 'stock'],
    ['shipment', 'Sent', 'shipping'],
    ['order', 'Completed', 'orders'],
  ].slice(0, until) as [string, string, string][];
  const start = Date.now() - 300_000;
  const ids = steps.map(() => randomUUID());
  for (const [at, [category, name, service]] of steps.entries()) {
    await append(`${category}-${flow.slice(0, 8)}`, [
      {
        id: ids[at],
        type: `${word}${name}`,
        data: {},
        occurred_at: new Date(start + at * 1_500).toISOString(),
        metadata: { correlation_id: flow, service, ...(at ? { causation_id: ids[at - 1] } : {}) },
      },
    ]);
  }
  return { flow, ids };
}

test('the order that is stuck is found in the list, and says what it waits for', async ({ page, append, open, request, word }) => {
  await order(append, word, 6);
  const stuck = await order(append, word, 4);
  const rule = { ends: [`${word}Completed`], within_ms: 60_000 };
  const answer = await request.put(`/api/flow-rules/${word}Placed`, { data: rule });
  expect(answer.status(), await answer.text()).toBe(200);

  await open('/flows');
  const kinds = page.getByRole('region', { name: 'Kinds of flows' });
  const kind = kinds.getByRole('row').filter({ hasText: `${word}Placed` });
  await expect(kind).toContainText('7.5 s', { timeout: 15_000 });
  await kind.getByRole('link', { name: '1', exact: true }).last().click();
  await expect(page).toHaveURL(/shown=late/);
  const rows = page.getByRole('region', { name: 'Flows', exact: true }).locator('tbody tr');
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText('late');
  await rows.getByRole('link').click();
  await expect(page).toHaveURL(`/flows/${stuck.flow}`);
  await expect(page.getByRole('status').filter({ hasText: 'Late.' })).toContainText(`${word}Completed has not come yet`);
  await expect(page.getByRole('status').filter({ hasText: 'Late.' })).toContainText(`Nothing has followed ${word}Reserved by stock`);

  // It goes on, and the page with it.
  const metadata = { correlation_id: stuck.flow, causation_id: stuck.ids[3] };
  await append(`order-${stuck.flow.slice(0, 8)}`, [{ type: `${word}Completed`, data: {}, metadata }]);
  await expect(page.locator('.flow-state')).toHaveText('✓finished', { timeout: 15_000 });
  await expect(page.getByRole('status').filter({ hasText: 'Late.' })).toHaveCount(0);
});

test("an order's way across four services is read off one page", async ({ page, append, open, word }) => {
  const { flow, ids } = await order(append, word, 6);
  await open(`/flows/${flow}`);
  const tree = page.getByRole('region', { name: /^Events of the flow/ }).locator('tbody tr');
  await expect(tree).toHaveCount(6);
  await expect(tree.nth(3)).toContainText(`${word}Reserved`);
  await expect(tree.nth(3)).toContainText('stock');
  await expect(tree.nth(3)).toContainText('+1.5 s');
  const picture = page.getByRole('region', { name: /^The flow as a picture/ });
  await expect(picture.locator('circle')).toHaveCount(6);
  await expect(picture.locator('path.arrow')).toHaveCount(5);
  await expect(picture.locator('text.lane-name')).toHaveCount(4);
  await page.getByRole('link', { name: 'by service' }).click();
  await expect(page).toHaveURL(/lanes=service/);
  await expect(picture.locator('text.lane-name')).toHaveText(['orders', 'payments', 'stock', 'shipping']);
  await page.getByRole('link', { name: 'by time' }).click();
  await expect(picture.locator('text.grid-name').first()).toHaveText('+0 ms');
  await tree.nth(2).getByRole('link', { name: `${word}Captured` }).click();
  await expect(page).toHaveURL(`/events/${ids[2]}`);
  await page.getByRole('link', { name: flow }).click();
  await expect(page).toHaveURL(`/flows/${flow}`);
});

test('a chain that is broken is told', async ({ page, append, open, word }) => {
  const [flow, nowhere] = [randomUUID(), randomUUID()];
  await append(`order-${word}`, [{ type: word, data: {}, metadata: { correlation_id: flow, causation_id: nowhere } }]);
  await open(`/flows/${flow}`);
  await expect(page.getByText(`names a cause that is not in this store: ${nowhere}`)).toBeVisible();
  await expect(page.locator('path.broken')).toHaveCount(1);
});

test('an operator says when flows of a kind are finished', async ({ page, append, open, word }) => {
  const { flow } = await order(append, word, 6);
  await open(`/flows?kind=${word}Placed`);
  const row = page.getByRole('region', { name: 'Flows', exact: true }).getByRole('row').filter({ hasText: flow.slice(0, 8) });
  await expect(row).toContainText('no rule', { timeout: 15_000 });
  await page.getByLabel(/^late after so many seconds/).fill('soon');
  await page.getByRole('button', { name: 'Keep the rule' }).click();
  await expect(page.getByText('soon is no number of seconds')).toBeVisible();
  await page.getByLabel(/^late after so many seconds/).fill('90');
  await page.getByLabel(/^ends with an event of one of these types/).fill(`${word}Completed, ${word}Cancelled`);
  await page.getByRole('button', { name: 'Keep the rule' }).click();
  await expect(page.getByText('The rule is kept')).toBeVisible();
  await expect(row).toContainText('finished', { timeout: 20_000 });
  await open('/audit?action=flow_rule');
  await expect(page.getByRole('row').filter({ hasText: `${word}Placed` })).toContainText(`${word}Cancelled`);
});

test('flows are filtered by their events, and nothing found says so', async ({ page, append, open, word }) => {
  await order(append, word, 2);
  const { flow } = await order(append, word, 5);
  await open('/flows');
  await page.getByLabel('Filter').fill(`type:${word}Sent`);
  await page.getByRole('button', { name: 'Filter' }).click();
  const rows = page.getByRole('region', { name: 'Flows', exact: true }).locator('tbody tr');
  await expect(rows).toHaveCount(1, { timeout: 15_000 });
  await expect(rows).toContainText(flow.slice(0, 8));
  await page.getByRole('link', { name: 'late', exact: true }).click();
  await expect(page.getByText(/^No flow fits|^None of/)).toBeVisible();
});

test('no flow, and no id of one, are told', async ({ page, refused }) => {
  refused(/404|400/);
  await page.goto(`/flows/${randomUUID()}`);
  await expect(page.getByText(/No event has the correlation id/)).toBeVisible();
  await page.goto('/flows/nothing');
  await expect(page.getByRole('main')).toContainText(/UUID/i);
});

test('it reads without JavaScript', async ({ browser, append, word }) => {
  const { flow } = await order(append, word, 6);
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`/flows/${flow}?lanes=service&axis=time`);
  await expect(page.locator('circle')).toHaveCount(6);
  await expect(page.getByRole('cell', { name: `${word}Sent` })).toBeVisible();
  await expect(async () => {
    await page.goto(`/flows?kind=${word}Placed`);
    await expect(page.getByRole('row').filter({ hasText: flow.slice(0, 8) })).toBeVisible({ timeout: 500 });
  }).toPass({ timeout: 15_000 });
  await context.close();
});

test('it is accessible, and fits windows of 390 and 360 pixels', async ({ page, append, open, word }) => {
  const { flow } = await order(append, word, 6);
  for (const path of [`/flows/${flow}`, `/flows?kind=${word}Placed`]) {
    await page.setViewportSize({ width: 1440, height: 900 });
    await open(path);
    await expectAccessible(page);
    for (const width of [390, 360]) {
      await page.setViewportSize({ width, height: 844 });
      await expectNoSidewaysScroll(page);
    }
  }
});
