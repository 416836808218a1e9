import { type Page } from '@playwright/test';

import { expect, expectAccessible, expectNoSidewaysScroll, test } from '../fixtures';

/** Opens a page of the shop and waits until it is alive; the connection light is there, but not to be seen. */
async function openShop(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await expect(page.locator('.light')).toHaveText(/^live/, { timeout: 15_000 });
}

test.use({ viewport: { width: 390, height: 844 } });

test('a customer orders on a phone and sees the order arrive', async ({ page }) => {
  test.slow(); // an order's way takes its time: 6 to 20 s
  await openShop(page, '/shop');
  await expect(page.getByRole('heading', { name: 'Harbour & Home' })).toBeVisible();
  // Nothing of the console around it.
  await expect(page.getByRole('navigation')).toBeHidden();
  const place = page.getByRole('button', { name: 'Place the order' });
  await expect(place).toBeDisabled();
  await page.getByRole('button', { name: 'One Field notebook more' }).click();
  await page.getByRole('button', { name: 'One Field notebook more' }).click();
  await page.getByRole('button', { name: 'One Field notebook less' }).click();
  await expect(page.getByLabel('Pieces of Field notebook')).toHaveText('1');
  await expect(place).toBeEnabled();
  await page.getByLabel('Your name').fill('Rosa');
  await page.getByLabel('City').fill('Turin');
  await place.click();
  await expect(page).toHaveURL(/\/shop\?order=order-[0-9a-f]{12}$/);
  const order = page.getByRole('region', { name: 'Your order' });
  await expect(order).toContainText('1 × Field notebook');
  await expect(order).toContainText('for Rosa in Turin');
  // Without a reload; the bank refuses one payment in a dozen.
  const end = order.getByRole('heading', { name: /It has arrived|Cancelled: payment refused/ });
  await expect(end).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole('button', { name: 'Cancel this order' })).toBeHidden();
  await expectNoSidewaysScroll(page);
  // What was behind it is a flow with one lane a service.
  await order.getByRole('link', { name: 'What happened behind the scenes' }).click();
  await expect(page.getByRole('heading', { name: 'Flow', exact: true })).toBeVisible();
  await expect(page.getByText('fulfilment').first()).toBeVisible();
});

test('an order is cancelled before it leaves', async ({ page, request }) => {
  test.slow();
  const placed = await request.post('/api/demo/orders', {
    data: { customer: 'Nils', city: 'Graz', items: [{ sku: 'pen-04', quantity: 1 }] },
  });
  const { stream } = await placed.json();
  await openShop(page, `/shop?order=${stream}`);
  await page.getByRole('button', { name: 'Cancel this order' }).click();
  await expect(page.getByText('We are trying to stop it').first()).toBeVisible();
  const order = page.getByRole('region', { name: 'Your order' });
  await expect(order.getByRole('heading', { name: /Cancelled: / })).toBeVisible({ timeout: 60_000 });
});

test('an order that makes no sense is refused with a sentence', async ({ page, request }) => {
  const answer = await request.post('/api/demo/orders', {
    data: { customer: 'Nils', city: 'Graz', items: [{ sku: 'moon', quantity: 1 }] },
  });
  expect(answer.status()).toBe(422);
  expect((await answer.json()).detail).toContain('it sells lamp-01');
  await openShop(page, '/shop?order=order-nobody');
  await expect(page.getByText('Nothing is to be seen of this order yet.')).toBeVisible();
});

test('both of its pages are accessible', async ({ page, request }) => {
  await openShop(page, '/shop');
  await expect(page.getByRole('button', { name: 'Place the order' })).toBeVisible();
  await expectAccessible(page);
  const placed = await request.post('/api/demo/orders', {
    data: { customer: 'Nils', city: 'Graz', items: [{ sku: 'pen-04', quantity: 1 }] },
  });
  const { stream } = await placed.json();
  await openShop(page, `/shop?order=${stream}`);
  await expect(page.getByRole('region', { name: 'Your order' })).toBeVisible();
  await expectAccessible(page);
});
