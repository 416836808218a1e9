import { expect, light, rows, test } from '../fixtures';
import { Server } from '../server';

test('a page that stays open outlives its server, and shows each event once', async ({ page, request, refused }) => {
  test.setTimeout(120_000);
  refused(/WebSocket|ERR_CONNECTION_REFUSED/);
  const server = await Server.start();
  const append = async (n: number): Promise<void> => {
    const answer = await request.post(`${server.url}/api/streams/order-1/events`, { data: [{ type: 'Counted', data: { n } }] });
    expect(answer.status(), await answer.text()).toBe(201);
  };
  try {
    await append(0);
    await page.goto(`${server.url}/live`);
    await expect(light(page)).toHaveText('live', { timeout: 15_000 });
    await append(1);
    await expect(rows(page)).toHaveCount(2);
    await server.end('SIGKILL');
    await expect(light(page)).toHaveText(/reconnecting|connecting/);
    await server.again();
    await append(2);
    await expect(light(page)).toHaveText('live', { timeout: 60_000 });
    await append(3);
    await expect(rows(page).locator('td.data')).toHaveText(['n 3', 'n 2', 'n 1', 'n 0']);
    await server.end('SIGTERM');
    await expect(light(page)).toHaveText(/reconnecting|connecting/);
    // What was read stays readable while there is no server.
    await expect(rows(page)).toHaveCount(4);
  } finally {
    await server.remove();
  }
});
