import type { Page } from '@playwright/test';

import { dividing, expect, expectAccessible, expectNoSidewaysScroll, number, test } from '../fixtures';

const rowsOf = (page: Page) => page.getByRole('region', { name: /^Rows of/ });

test('one read model shows its place, its rows and its SQL', async ({ page, open }) => {
  await open('/read-models/revenue_by_day');
  await expect(page.getByRole('heading', { level: 1, name: 'revenue_by_day' })).toBeVisible();
  await expect(page.getByText('stands on event')).toBeVisible();
  await expect(page.locator('pre.sql').first()).toContainText('-- highwater: events');
  await expect(rowsOf(page).locator('tbody tr').first()).toBeVisible();
  await page.getByRole('link', { name: 'revenue', exact: true }).click();
  await expect(page).toHaveURL(/table=revenue/);
  await expect(page.getByRole('region', { name: 'Rows of revenue' })).toBeVisible();
});

test('rows are sorted by a column, and follow what happens', async ({ page, open, define, append, word }) => {
  const name = await define((name) => dividing(name, word));
  await append(`order-${word}-a`, [{ type: word, data: { n: 50 } }]);
  await append(`order-${word}-b`, [{ type: word, data: { n: 10 } }]);
  await open(`/read-models/${name}?table=${name}`);
  await expect(rowsOf(page).locator('tbody tr')).toHaveCount(2);
  await page.getByRole('columnheader', { name: 'n', exact: true }).getByRole('link').click();
  await expect(page).toHaveURL(/order=n/);
  await expect(rowsOf(page).locator('tbody tr').first()).toContainText('2');
  // Only then its link leads to the other direction.
  await expect(page.getByRole('columnheader', { name: /^n/ })).toHaveAttribute('aria-sort', 'ascending');
  await page.getByRole('columnheader', { name: /^n/ }).getByRole('link').click();
  await expect(page).toHaveURL(/direction=backward/);
  await expect(rowsOf(page).locator('tbody tr').first()).toContainText('10');
  await append(`order-${word}-c`, [{ type: word, data: { n: 1 } }]);
  await expect(rowsOf(page).locator('tbody tr').first()).toContainText('100');
});

test('it is paused and resumed, and says that it took effect', async ({ page, open, define, append, word }) => {
  const name = await define((name) => dividing(name, word));
  await append(`order-${word}`, [{ type: word, data: { n: 1 } }]);
  await open(`/read-models/${name}`);
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'Paused: it has handled everything up to' })).toBeVisible();
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(page.getByRole('status').filter({ hasText: /Resumed: it is/ })).toBeVisible();
  const actions = page.getByRole('region', { name: 'Actions, newest first' }).locator('tbody tr');
  await expect(actions.nth(0)).toContainText('resume');
  await expect(actions.nth(1)).toContainText('pause');
});

test('a failed event is retried, then skipped with a reason', async ({ page, open, define, append, word }) => {
  const name = await define((name) => dividing(name, word));
  const { last_position } = await append(`order-${word}`, [{ type: word, data: { n: 0 } }]);
  await append(`order-${word}-next`, [{ type: word, data: { n: 4 } }]);
  await open(`/read-models/${name}`);
  const failing = page.getByRole('alert').filter({ hasText: "It can't handle" });
  await expect(failing).toContainText(`event ${number(last_position)}`);
  await expect(failing).toContainText('division by zero');
  await expect(failing).toContainText('SQLSTATE 22012');
  await page.getByRole('button', { name: 'Retry the event' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'was tried again and failed again (attempt 2)' })).toBeVisible();
  await page.getByRole('button', { name: 'Skip the event…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Skip the event' });
  await expect(dialog).toContainText(`order-${word}`);
  await expect(dialog.getByRole('button', { name: 'Skip the event' })).toBeDisabled();
  await expectAccessible(page);
  await dialog.getByLabel('Why it is left out').fill('it was a test');
  await dialog.getByRole('button', { name: 'Skip the event' }).click();
  await expect(page.getByRole('status').filter({ hasText: `Event ${number(last_position)} is left out` })).toBeVisible();
  await expect(failing).toBeHidden();
  await expect(page.getByRole('region', { name: /^Failures/ })).toContainText('skipped');
  await expect(page.getByRole('region', { name: /^Actions/ })).toContainText('it was a test');
  await expect(rowsOf(page)).toContainText(`order-${word}-next`);
});

test('a mistake in a definition is shown at its place, and a right one waits', async ({ page, open, define, refused, word }) => {
  refused(/422/);
  const name = await define((name) => dividing(name, word));
  await open(`/read-models/${name}`);
  await page.getByRole('button', { name: 'Edit the definition' }).click();
  const text = page.getByRole('textbox', { name: 'Definition' });
  const sql = await text.inputValue();
  expect(sql).toContain('-- highwater: each');
  await text.fill(sql.replace('select stream', 'selekt stream'));
  await page.getByRole('button', { name: 'Save' }).click();
  const mistake = page.getByRole('alert').filter({ hasText: 'Not saved. Line 5' });
  await expect(mistake).toBeVisible();
  await expect(text).toHaveAttribute('aria-invalid', 'true');
  await text.fill(sql.replace('100 /', '200 /'));
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'Saved as version 2. It waits for its rebuild' })).toBeVisible();
  await expect(page.locator('summary').filter({ hasText: 'version 2' })).toContainText('waiting');
});

test('a read model that is not there says so', async ({ page, open, refused }) => {
  refused(/404/);
  await open('/read-models/nobody');
  await expect(page.getByRole('heading', { name: 'Not found' })).toBeVisible();
});

test('it is accessible, and fits windows of 360 and 390 pixels', async ({ page, open }) => {
  await open('/read-models/revenue_by_day?table=revenue');
  await expectAccessible(page);
  await open('/read-models/orders_by_state');
  for (const width of [390, 360]) {
    await page.setViewportSize({ width, height: 844 });
    await expectNoSidewaysScroll(page);
  }
});
