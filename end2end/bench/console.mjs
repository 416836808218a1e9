// Measures how long an event takes to the page: opens the live page, says "ready", watches the rows for the given time, prints JSON.
// Each event's data has "at", the microseconds since 1970 at which it was sent; the row shows it. Started by `cargo xtask bench`.
import { chromium } from '@playwright/test';

const [address, seconds] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  chromiumSandbox: false,
  args: ['--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
await page.goto(address);
await page.locator('table.events tbody tr').first().waitFor();
await page.evaluate(() => {
  const seen = { newest: 0, late: [], frames: 0, started: performance.now() };
  window.seen = seen;
  const count = () => {
    seen.frames += 1;
    requestAnimationFrame(count);
  };
  requestAnimationFrame(count);
  const body = document.querySelector('table.events tbody');
  new MutationObserver(() => {
    const now = (performance.timeOrigin + performance.now()) * 1000;
    let newest = seen.newest;
    for (const row of body.rows) {
      const sent = Number(/\bat (\d{16})/.exec(row.lastElementChild?.textContent ?? '')?.[1] ?? 0);
      if (sent > seen.newest) {
        seen.late.push(now - sent);
        newest = Math.max(newest, sent);
      }
    }
    seen.newest = newest;
  }).observe(body, { childList: true, subtree: true, characterData: true });
});
console.log('ready');
await page.waitForTimeout(Number(seconds) * 1000);
const { late, frames, elapsed } = await page.evaluate(() => ({ ...window.seen, elapsed: performance.now() - window.seen.started }));
late.sort((a, b) => a - b);
const ms = (quantile) => late[Math.floor((late.length - 1) * quantile)] / 1000;
console.log(JSON.stringify({ rows: late.length, p50_ms: ms(0.5), p99_ms: ms(0.99), fps: (frames / elapsed) * 1000 }));
await browser.close();
