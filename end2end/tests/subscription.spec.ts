import { type APIRequestContext } from '@playwright/test';

import { expect, expectAccessible, expectNoSidewaysScroll, number, test, type Appended, type Proposed } from '../fixtures';

interface Subscribed {
  name: string;
  /** The position of the first of its three events, which are in three streams. */
  first: number;
  /** Asks for events as a member, and says what became of earlier ones; answers their positions. */
  fetch: (body?: Record<string, unknown>) => Promise<number[]>;
}

/** A subscription with three events that nobody has handled. */
async function subscribed(
  request: APIRequestContext,
  append: (stream: string, events: Proposed[]) => Promise<Appended>,
  word: string,
  attempts = 5,
): Promise<Subscribed> {
  const name = `reader.${word}`;
  const type = `${word}Placed`;
  let first = 0;
  for (const basket of [1, 2, 3]) {
    const { first_position } = await append(`basket-${word}-${basket}`, [{ type, data: { basket } }]);
    first ||= first_position;
  }
  const made = await request.put(`/api/subscriptions/${name}`, { data: { filter: `type:${type}`, attempts } });
  expect(made.status(), await made.text()).toBe(201);
  const fetch = async (body: Record<string, unknown> = {}) => {
    const answer = await request.post(`/api/subscriptions/${name}/fetch`, { data: { member: 'mail-1', wait_s: 5, ...body } });
    expect(answer.status(), await answer.text()).toBe(200);
    const { deliveries } = (await answer.json()) as { deliveries: { event: { position: number } }[] };
    return deliveries.map((delivery) => delivery.event.position);
  };
  return { name, first, fetch };
}

test('the list names each subscription and the page shows members as they come', async ({ page, open, append, request, word }) => {
  const { name, fetch } = await subscribed(request, append, word);
  await open('/read-models');
  const row = page.getByRole('region', { name: 'Subscriptions, worst first' }).getByRole('row', { name });
  await expect(row).toContainText('nobody reads');
  await row.getByRole('link', { name }).click();
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
  await expect(page.getByText(`type:${word}Placed`).first()).toBeVisible();

  const positions = await fetch();
  expect(positions).toHaveLength(3);
  const member = page.getByRole('row', { name: /mail-1/ });
  await expect(member).toContainText('present');
  await expect(member).toContainText('3');
  await fetch({ acknowledge: positions, wait_s: 0 });
  await expect(page.locator('.heading').getByText('level')).toBeVisible();
});

test('an event that fails too often is parked, given again, and left out with a reason', async ({ page, open, append, request, word }) => {
  const { name, first, fetch } = await subscribed(request, append, word, 1);
  await open(`/subscriptions/${name}`);
  await expect(page.getByText('None. An event that fails too often comes here')).toBeVisible();
  const [failing, ...others] = await fetch();
  await fetch({ acknowledge: others, failed: [{ position: failing, error: 'no such address' }], wait_s: 0 });
  const parked = page.getByRole('region', { name: 'Parked events, oldest first' });
  await expect(parked.getByRole('row', { name: /no such address/ })).toContainText(number(first));
  await parked.getByRole('button', { name: /^Retry event/ }).click();
  await expect(page.getByRole('status').filter({ hasText: 'given to members again' })).toBeVisible();
  expect(await fetch()).toEqual([failing]);
  await fetch({ failed: [{ position: failing, error: 'still none' }], wait_s: 0 });
  await parked.getByRole('button', { name: /^Leave out event/ }).click();
  await page.getByLabel('Why (the audit log keeps it)').first().fill('the customer is gone');
  await page.getByRole('button', { name: 'Leave it out' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'left out, on record' })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Actions, newest first' })).toContainText('the customer is gone');
});

test('it is paused, resumed, replayed and skipped', async ({ page, open, append, request, word }) => {
  const { name, first, fetch } = await subscribed(request, append, word);
  await fetch({ acknowledge: await fetch(), wait_s: 0 });
  await open(`/subscriptions/${name}`);
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByRole('button', { name: 'Resume' })).toBeVisible();
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();

  await page.getByText('Replay or skip').click();
  const move = page.getByRole('region', { name: 'Replay or skip' });
  await move.getByLabel('Position').fill(String(first));
  await move.getByRole('button', { name: 'Plan it' }).click();
  await expect(move.getByText('3 matching')).toBeVisible();
  await move.getByLabel('Why (the audit log keeps it)').fill('mails were lost');
  await move.getByRole('button', { name: 'Replay' }).click();
  await expect(move.getByRole('status')).toContainText('are given again');
  const again = await fetch();
  expect(again).toHaveLength(3);

  await move.getByLabel('Position').fill(String(again[1]));
  await move.getByRole('button', { name: 'Plan it' }).click();
  await expect(move.getByText('2 matching')).toBeVisible();
  await move.getByLabel('Why (the audit log keeps it)').fill('two of them arrived');
  await move.getByRole('button', { name: 'Skip' }).click();
  await expect(move.getByRole('status')).toContainText('is left out, on record');
  const late = await request.post(`/api/subscriptions/${name}/acknowledge`, { data: { member: 'mail-1', acknowledge: again } });
  expect(await late.json()).toEqual({ acknowledged: 1, failed: 0, not_held: again.slice(0, 2) });
});

test('two operators at once: the second is told what the first has done', async ({ page, open, append, request, word, refused }) => {
  refused(/404/);
  const { name } = await subscribed(request, append, word);
  await open(`/subscriptions/${name}`);
  const removed = await request.delete(`/api/subscriptions/${name}?reason=nobody%20reads%20it`);
  expect(removed.status()).toBe(204);
  await expect(page.getByText('This subscription is gone: it was removed.')).toBeVisible();
});

test('one that is not there is not found', async ({ page, refused }) => {
  refused(/404/);
  const answer = await page.goto('/subscriptions/none');
  expect(answer?.status()).toBe(404);
  await expect(page.getByText('There is no subscription none.')).toBeVisible();
});

test('it is accessible, and fits 390 pixels', async ({ page, open, append, request, word }) => {
  const { name, fetch } = await subscribed(request, append, word, 1);
  const [failing] = await fetch();
  await fetch({ failed: [{ position: failing, error: `no such address: ${'x'.repeat(300)}` }], wait_s: 0 });
  await open(`/subscriptions/${name}`);
  await page.getByText('Replay or skip').click();
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(page);
});
