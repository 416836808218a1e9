import { expect, expectAccessible, test } from '../fixtures';

test('a view is saved by a name, opened by it, and removed', async ({ page, append, open, word }) => {
  await append(`order-${word}`, [{ type: `${word}Placed`, data: {} }]);
  await open(`/live?filter=type:${word}*`);
  await page.getByText('Views and files').click();
  await page.getByLabel('Name of the view').fill(`Orders ${word}`);
  await page.getByLabel('for everybody').check();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByText(`Saved as Orders ${word}.`)).toBeVisible();
  await expectAccessible(page);
  await open('/live');
  await page.getByText('Views and files').click();
  const view = page.getByRole('listitem').filter({ hasText: `Orders ${word}` });
  await expect(view).toContainText('shared by local');
  await view.getByRole('link').click();
  await expect(page).toHaveURL(`/live?filter=type:${word}*`);
  await expect(page.getByRole('combobox', { name: /Filter/i }).or(page.locator('input[name=filter]')).first()).toHaveValue(`type:${word}*`);
  // ⌘K leads there, too.
  await page.keyboard.press('Control+k');
  await page.getByRole('searchbox', { name: /Page, read model/ }).fill(`Orders ${word}`);
  await expect(page.getByRole('dialog').getByRole('link', { name: `Orders ${word}` })).toBeVisible();
  await page.keyboard.press('Escape');
  // It is on record, as others work by it.
  await open('/audit');
  await expect(page.getByRole('main').locator('b', { hasText: 'save view' }).first()).toBeVisible();
  await open('/live');
  await page.getByText('Views and files').click();
  await page.getByRole('button', { name: `Remove the view Orders ${word}` }).click();
  await expect(page.getByRole('listitem').filter({ hasText: `Orders ${word}` })).toHaveCount(0);
});

test('what is listed is taken along as a file', async ({ page, append, open, word }) => {
  await append(`order-${word}`, [
    { type: `${word}Placed`, data: { note: '=1+1, "so"' } },
    { type: `${word}Sent`, data: {} },
  ]);
  const download = async (link: string) => {
    const came = page.waitForEvent('download');
    await page.getByRole('link', { name: link, exact: true }).click();
    const stream = await (await came).createReadStream();
    let text = '';
    for await (const part of stream) text += part;
    return text.trimEnd().split(/\r?\n/);
  };
  await open(`/live?filter=type:${word}Placed`);
  await page.getByText('Views and files').click();
  const events = await download('CSV');
  expect(events[0]).toBe('position,stream,version,type,id,occurred_at,recorded_at,data,metadata');
  expect(events).toHaveLength(2);
  expect(events[1]).toContain(`,order-${word},0,${word}Placed,`);
  await open(`/streams?query=${word}`);
  await page.getByText('Views and files').click();
  const streams = await download('NDJSON');
  expect(streams.map((line) => JSON.parse(line).stream)).toEqual([`order-${word}`]);
  await open('/flows?shown=late');
  await page.getByText('Views and files').click();
  expect((await download('CSV'))[0]).toContain('correlation_id,kind,state,late');
});
