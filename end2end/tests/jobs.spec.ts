import { expect, expectAccessible, expectNoSidewaysScroll, test } from '../fixtures';

/** Takes a tenth of a second an event, once it is changed. */
const slow = (name: string, type: string, before = '') => `-- highwater: events ${type}
-- highwater: tables
create table ${name} (stream text primary key, n bigint not null);
-- highwater: each
${before}
insert into ${name} select stream, 1 from event on conflict (stream) do update set n = ${name}.n + excluded.n;
`;

test('a running job is shown with its progress, cancelled, found by filters, and kept as a file', async ({ page, open, define, append, request, word }) => {
  test.setTimeout(60_000);
  const name = await define((name) => slow(name, word));
  await append(`order-${word}`, Array.from({ length: 90 }, () => ({ type: word, data: {} })));
  await request.put(`/api/read-models/${name}`, { headers: { 'Content-Type': 'text/plain' }, data: slow(name, word, 'select pg_sleep(0.1);') });
  await open(`/jobs?read_model=${name}`);
  await expect(page.getByRole('main')).toContainText(/No job/);
  const plan = await (await request.post(`/api/read-models/${name}/plan`, { data: {} })).json();
  const job = (await (await request.post(`/api/read-models/${name}/rebuild`, { data: { plan, reason: `for ${word}` } })).json()) as { id: number };
  const row = page.getByRole('main').locator('tbody tr').filter({ hasText: `for ${word}` });
  await expect(row, 'it comes by itself').toContainText('running');

  await open(`/jobs/${job.id}`);
  await expect(page.getByRole('heading', { level: 1, name: `Job ${job.id}: rebuild of ${name}`, exact: true })).toBeVisible();
  await expect(page.getByRole('progressbar')).toBeVisible();
  const actions = page.getByRole('region', { name: 'Actions, newest first' }).locator('tbody tr');
  await expect(actions).toHaveCount(1);
  await expect(actions).toContainText(`for ${word}`);
  await expect(actions).toContainText('begun');
  await page.getByRole('button', { name: 'Cancel the job' }).click();
  await expect(page.getByRole('main')).toContainText(`Job ${job.id}: cancelled by local`, { timeout: 20_000 });
  await expect(actions, 'the order, its end and who ended it').toHaveCount(3);
  await expectAccessible(page);
  const read_model = await (await request.get(`/api/read-models/${name}`)).json();
  expect(read_model.versions.map((version: { role: string }) => version.role)).toEqual(['live', 'waiting']);

  await open('/jobs');
  await page.getByRole('searchbox', { name: 'Read model' }).fill(name);
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(page).toHaveURL(new RegExp(`read_model=${name}`));
  await expect(page.getByRole('main').locator('tbody tr')).toHaveCount(1);
  await expect(row).toContainText('cancelled');
  for (const [link, start] of [['CSV', 'id,kind,'], ['NDJSON', '{"id":']] as const) {
    const href = await page.getByRole('link', { name: link }).getAttribute('href');
    const file = await request.get(href!);
    expect(file.headers()['content-disposition']).toContain('attachment');
    const text = await file.text();
    expect(text.startsWith(start), text).toBe(true);
    expect(text).toContain(`for ${word}`);
  }
  await row.getByRole('link', { name }).click();
  await expect(page).toHaveURL(new RegExp(`/read-models/${name}`));
});

test('a job that is not there says so', async ({ page, open, refused }) => {
  refused(/404/);
  await open('/jobs/999999');
  await expect(page.getByRole('heading', { name: 'Not found' })).toBeVisible();
});

test('it is accessible, and fits a window of 390 pixels', async ({ page, open }) => {
  await open('/jobs');
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(page);
});
