import { expect, expectAccessible, expectNoSidewaysScroll, test, type Proposed } from '../fixtures';

/** An order that is placed, paid and sent. */
function order(word: string): Proposed[] {
  return [
    { type: `${word}Placed`, data: { status: 'placed', cents: 4200, to: { city: 'Lisbon' } } },
    { type: `${word}Paid`, data: { status: 'paid' } },
    { type: `${word}Sent`, data: { status: 'sent', parcel: 'P-7' } },
  ];
}

const state = (page: import('@playwright/test').Page) => page.getByRole('region', { name: 'State', exact: true });
const changes = (page: import('@playwright/test').Page) => page.getByRole('region', { name: 'Changes of the state' });

test('the newest state, what the last event changed, and who set what', async ({ page, append, open, word }) => {
  await append(`basket-${word}`, order(word));
  await open(`/streams/basket-${word}`);
  await expect(page.getByRole('heading', { name: 'State at version 2' })).toBeVisible();
  await expect(state(page)).toContainText('"sent"');
  await expect(state(page).locator('.field', { hasText: 'cents' }).getByRole('link')).toHaveText('v0');
  await expect(changes(page).locator('tbody tr')).toHaveText([/replaced.*\/status.*"paid".*"sent"/, /added.*\/parcel.*"P-7"/]);
  await state(page).locator('.field', { hasText: 'cents' }).getByRole('link').click();
  await expect(page.getByRole('heading', { name: 'State at version 0' })).toBeVisible();
  expect(new URL(page.url()).searchParams.get('version')).toBe('0');
});

test('keys and buttons step through the versions, and Back leaves the page', async ({ page, append, open, word }) => {
  await append(`basket-${word}`, order(word));
  await open(`/streams?query=${word}`);
  await page.getByRole('link', { name: `basket-${word}` }).click();
  const slider = page.getByRole('slider', { name: 'Version' });
  await slider.focus();
  await page.keyboard.press('ArrowLeft');
  await expect(page.getByRole('heading', { name: 'State at version 1' })).toBeVisible();
  await expect(state(page)).toContainText('"paid"');
  await page.keyboard.press('Home');
  await expect(page.getByRole('heading', { name: 'State at version 0' })).toBeVisible();
  await expect(slider).toHaveValue('0');
  await page.keyboard.press('End');
  await expect(page.getByRole('heading', { name: 'State at version 2' })).toBeVisible();
  // The choice of a speed keeps its keys.
  await page.getByLabel('Events a second').focus();
  await page.keyboard.press('Home');
  await expect(page.getByLabel('Events a second')).toHaveValue('1');
  await expect(page.getByRole('heading', { name: 'State at version 2' })).toBeVisible();
  await page.goBack();
  await expect(page).toHaveURL(/\/streams\?query=/);
});

test('it plays from the first version to the last', async ({ page, append, open, word }) => {
  await append(`basket-${word}`, order(word));
  await open(`/streams/basket-${word}`);
  // Slow enough to see the first one.
  await page.getByLabel('Events a second').selectOption('1');
  await page.getByRole('button', { name: 'Play' }).click();
  await expect(page.getByRole('heading', { name: 'State at version 0' })).toBeVisible();
  await expect(page.getByRole('heading', { name: 'State at version 2' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Play' })).toBeVisible();
});

test('a click on the timeline goes to an event, a drag shows the events in it', async ({ page, append, open, word }) => {
  const events = Array.from({ length: 40 }, (_, n) => ({ type: word, data: { n } }));
  await append(`basket-${word}`, events);
  await open(`/streams/basket-${word}?axis=even`);
  const line = page.locator('.history .line');
  const box = (await line.boundingBox())!;
  const at = (share: number) => [box.x + box.width * share, box.y + box.height / 2] as const;
  await page.mouse.click(...at(10.5 / 40));
  await expect(page.getByRole('heading', { name: 'State at version 10' })).toBeVisible();
  await page.mouse.move(...at(0.25));
  await page.mouse.down();
  await page.mouse.move(...at(0.4));
  await page.mouse.move(...at(0.5));
  await page.mouse.up();
  await expect(page.getByText('versions 10 to 19 of 39')).toBeVisible();
  await page.getByRole('link', { name: 'All events' }).click();
  await expect(page.getByText('40 events')).toBeVisible();
});

test('two versions are compared, and the first version at which something holds is found', async ({ page, append, open, word, refused }) => {
  await append(`basket-${word}`, order(word));
  await open(`/streams/basket-${word}`);
  await page.getByLabel('Compare with version').fill('0');
  await page.getByRole('button', { name: 'Compare' }).click();
  await expect(page.getByRole('heading', { name: 'From version 0 to version 2' })).toBeVisible();
  await page.getByLabel('First version at which').fill('data.status:paid');
  await page.getByRole('button', { name: 'Find' }).click();
  await page.getByRole('link', { name: 'version 1', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'State at version 1' })).toBeVisible();
  // The question stays.
  await expect(page.getByRole('heading', { name: 'From version 0 to version 1' })).toBeVisible();
  await page.getByLabel('First version at which').fill('data.cents>1000000');
  await page.getByRole('button', { name: 'Find' }).click();
  await expect(page.getByText('It holds at no version up to 2.')).toBeVisible();
  refused(/400/);
  await page.getByLabel('First version at which').fill('data.cents>');
  await page.getByRole('button', { name: 'Find' }).click();
  await expect(page.getByRole('alert')).toBeVisible();
});

test('a version that is not there says where the stream ends', async ({ page, append, open, word, refused }) => {
  refused(/404/);
  await append(`basket-${word}`, order(word));
  await open(`/streams/basket-${word}?version=99`);
  await expect(page.getByText(/ends at version 2/)).toBeVisible();
});

test('it reads without JavaScript', async ({ browser, append, baseURL, word }) => {
  await append(`basket-${word}`, order(word));
  const context = await browser.newContext({ javaScriptEnabled: false, baseURL: baseURL! });
  const page = await context.newPage();
  await page.goto(`/streams/basket-${word}`);
  await page.getByRole('link', { name: 'Version before' }).click();
  await expect(page.getByRole('heading', { name: 'State at version 1' })).toBeVisible();
  await context.close();
});

test('it is accessible and works in a window of 390 pixels', async ({ page, append, open, word }) => {
  await append(`basket-${word}`, order(word));
  await open(`/streams/basket-${word}?version=1&compare=0&find=data.status:paid`);
  await expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 800 });
  await expectNoSidewaysScroll(page);
});

test('what the state of a category is: tried, kept, taken back', async ({ page, append, open, word, refused }) => {
  refused(/422/);
  const category = word.toLowerCase();
  await append(`${category}-1`, order(word));
  await open(`/streams/${category}-1`);
  await expect(page.getByText('Made without code')).toBeVisible();
  await page.getByText(`What is the state of ${category}?`).click();
  const text = page.getByRole('textbox', { name: /State definition/ });
  // A sketch with the types of this stream.
  await expect(text).toHaveValue(new RegExp(`state ${category}[^]*when '${word}Paid'`));
  const definition = (expression: string) => `-- highwater: state ${category}\n-- highwater: describe How far it is\n${expression}\n`;
  await text.fill(definition(`state || jsonb_build_object('far', versio)`));
  await page.getByRole('button', { name: 'Try it on this stream' }).click();
  await expect(page.getByText('Not tried. Line 3, column 36:')).toBeVisible();
  await expect(text).toBeFocused();

  await text.fill(definition(`state || jsonb_build_object('far', version, 'events', coalesce(state->'events', '[]') || to_jsonb(type))`));
  await page.getByRole('button', { name: 'Try it on this stream' }).click();
  await expect(page.getByText('By the text above, which is kept nowhere.')).toBeVisible();
  await expect(state(page).last()).toContainText(`"${word}Sent"`);
  await expect(state(page).first()).toContainText('"Lisbon"');
  await expectAccessible(page);

  await page.getByLabel('reason, for the audit log').fill('to see');
  await page.getByRole('button', { name: `Keep it for every ${category}` }).click();
  await expect(page.getByText('Kept: the state of every')).toBeVisible();
  await expect(page.getByText(/How far it is\. By the state definition of/)).toBeVisible();
  await expect(state(page)).toContainText(`"${word}Sent"`);
  await expect(state(page)).not.toContainText('Lisbon');

  await text.fill(definition(`state || jsonb_build_object('far', 1 / (version - 1))`));
  await page.getByRole('button', { name: `Keep it for every ${category}` }).click();
  await expect(page.getByText(`The state definition of ${category} fails at version 1: division by zero. What is shown instead`)).toBeVisible();
  await expect(state(page)).toContainText('"Lisbon"');

  await page.getByRole('button', { name: 'Take it back' }).click();
  await expect(page.getByText('Made without code')).toBeVisible();
  await open('/audit');
  await expect(page.getByText('to see').first()).toBeVisible();
});

test('the page of a very long stream comes at once and shows how far its state is', async ({ page, append, open, request, word }) => {
  test.setTimeout(90_000);
  const stream = `basket-${word}`;
  for (let part = 0; part < 40; part += 1) {
    await append(stream, Array.from({ length: 1000 }, (_, n) => ({ type: word, data: { count: part * 1000 + n + 1, note: 'x'.repeat(200) } })));
  }
  const html = await (await request.get(`/streams/${stream}`)).text();
  expect(html, 'nothing of it was looked at before').toMatch(/The state is put together: \d+\D{0,3}\d* of 40\D{0,3}000 events/);
  await open(`/streams/${stream}`);
  await expect(page.getByRole('heading', { name: /State at version 39.?999/ })).toBeVisible({ timeout: 30_000 });
  await expect(state(page)).toContainText('40000');
});
