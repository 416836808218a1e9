// Measures how evenly the Stage moves: opens it, slows the page's processor down, and times its frames. Prints JSON. Started by `cargo xtask bench`.
import { chromium } from '@playwright/test';

const [address, warmSeconds, seconds, slower] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  chromiumSandbox: false,
  args: ['--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
await page.goto(`${address}/stage`);
await page.getByRole('article').first().waitFor();
await page.waitForTimeout(Number(warmSeconds) * 1000);
const protocol = await page.context().newCDPSession(page);
await protocol.send('Emulation.setCPUThrottlingRate', { rate: Number(slower) });
const mark = async () => (await (await page.request.get(`${address}/api/store`)).json()).mark.position;
const before = await mark();
const frames = await page.evaluate(
  (milliseconds) =>
    new Promise((done) => {
      const frames = [];
      const began = performance.now();
      let last = began;
      const frame = (now) => {
        frames.push(now - last);
        last = now;
        if (now - began < milliseconds) requestAnimationFrame(frame);
        else done(frames.slice(1));
      };
      requestAnimationFrame(frame);
    }),
  Number(seconds) * 1000,
);
const events = (await mark()) - before;
const elapsed = frames.reduce((sum, frame) => sum + frame, 0);
frames.sort((a, b) => a - b);
const ms = (quantile) => frames[Math.floor((frames.length - 1) * quantile)];
console.log(
  JSON.stringify({
    fps: (frames.length / elapsed) * 1000,
    p50_ms: ms(0.5),
    p95_ms: ms(0.95),
    p99_ms: ms(0.99),
    events_per_s: (events / elapsed) * 1000,
  }),
);
await browser.close();
