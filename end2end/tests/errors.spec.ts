import { randomUUID } from 'node:crypto';

import { expect, expectAccessible, test } from '../fixtures';

for (const [what, path, says] of [
  ['page', '/no/such/page', 'There is no such page'],
  ['stream', '/streams/order-nobody', 'There is no stream order-nobody'],
  ['event', `/events/${randomUUID()}`, 'There is no event'],
] as const) {
  test(`an unknown ${what} is a helpful 404`, async ({ page, refused }) => {
    refused(/404/);
    const answer = await page.goto(path);
    await expect(page.getByRole('heading', { name: 'Not found' })).toBeVisible();
    await expect(page.getByText(says)).toBeVisible();
    expect.soft(answer?.status()).toBe(404);
    await expectAccessible(page);
    await page.getByRole('main').getByRole('link', { name: 'Streams' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Streams' })).toBeVisible();
  });
}

test('an event id that is none is explained', async ({ page, refused }) => {
  refused(/400/);
  const answer = await page.goto('/events/not-an-id');
  expect(answer?.status()).toBeGreaterThanOrEqual(400);
  expect(answer?.status()).toBeLessThan(500);
  await expect(page.getByRole('main')).toContainText('not-an-id');
});

test('an unknown path of the API answers with a problem, not with a page', async ({ request }) => {
  const answer = await request.get('/api/no-such-thing');
  expect(answer.status()).toBe(404);
  expect(answer.headers()['content-type']).toContain('application/problem+json');
});

test('pages carry a policy that lets no foreign script run', async ({ request }) => {
  const policy = (await request.get('/')).headers()['content-security-policy'] ?? '';
  expect(policy).toContain("default-src 'self'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("'unsafe-inline'");
});
