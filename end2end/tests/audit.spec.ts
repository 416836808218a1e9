import { expect, expectAccessible, expectNoSidewaysScroll, test } from '../fixtures';

test('the audit log tells who did what and why, and is filtered', async ({ page, open, define, request, word }) => {
  const name = await define((name) => counting(name, word));
  const answer = await request.post(`/api/read-models/${name}/pause`, { data: { reason: `because of ${word}` } });
  expect(answer.status(), await answer.text()).toBe(200);
  await open('/audit');
  await page.getByRole('searchbox', { name: 'Read model' }).fill(name);
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(page).toHaveURL(new RegExp(`read_model=${name}`));
  const rows = page.getByRole('region', { name: 'Actions, newest first' }).locator('tbody tr');
  await expect(rows).toHaveCount(2);
  await expect(rows.first()).toContainText('pause');
  await expect(rows.first()).toContainText(`because of ${word}`);
  await expect(rows.first()).toContainText('→ paused');
  await page.getByRole('combobox', { name: 'Action' }).selectOption('define');
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(rows).toHaveCount(1);
  await rows.first().getByRole('link', { name }).click();
  await expect(page).toHaveURL(`/read-models/${name}`);
});

test('a filter that nothing fits says what to do', async ({ page, open, word }) => {
  await open(`/audit?read_model=${word.toLowerCase()}`);
  await expect(page.getByText('No action is like this')).toBeVisible();
});

test('whether somebody changed it is found by a click', async ({ page, open, define, word }) => {
  await define((name) => counting(name, word));
  await open('/audit');
  await page.getByRole('button', { name: 'Verify that nothing was changed' }).click();
  await expect(page.getByText(/The log is as it was written: [\d\s]+ actions? sealed/)).toBeVisible();
  await expectAccessible(page);
});

test('it is accessible, and fits a window of 390 pixels', async ({ page, open, define, word }) => {
  await define((name) => counting(name, word));
  await open('/audit');
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(page);
});

function counting(name: string, type: string): string {
  return `-- highwater: events ${type}
-- highwater: tables
create table ${name} (one bool primary key, events bigint not null);
-- highwater: slice
insert into ${name} select true, count(*) from events on conflict (one) do update set events = ${name}.events + excluded.events;
`;
}
