import { defineConfig, devices } from '@playwright/test';

import { PORT, SERVER_LOG } from './server-log';

// A browser of the system; nothing is downloaded.
const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';

export default defineConfig({
  testDir: './tests',
  outputDir: './test-results',
  // The shop's seven services run beside two browsers; on two processors a long test takes half of this.
  timeout: 60_000,
  expect: { timeout: 5_000 },
  fullyParallel: true,
  workers: 2,
  forbidOnly: !!process.env.CI,
  // A test that passes at the second try hides a race that a user meets, too.
  retries: 0,
  reporter: process.env.CI ? [['list'], ['junit', { outputFile: 'test-results/junit.xml' }]] : 'list',
  use: {
    baseURL: `http://127.0.0.1:${PORT}`,
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    // Video needs an encoder of Playwright's own, which would have to be downloaded.
    video: 'off',
    timezoneId: 'Europe/Berlin',
    locale: 'en-GB',
    launchOptions: {
      executablePath,
      chromiumSandbox: false,
      args: [
        '--disable-quic',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
      ],
    },
  },
  projects: [
    { name: 'chromium', use: { ...devices['Desktop Chrome'], viewport: { width: 1440, height: 900 } } },
  ],
  webServer: {
    command: './serve.sh',
    url: `http://127.0.0.1:${PORT}/readyz`,
    env: { PORT: String(PORT), SERVER_LOG },
    // Only a server that this run started: a left-over one has other data and another build.
    reuseExistingServer: false,
    gracefulShutdown: { signal: 'SIGTERM', timeout: 10_000 },
    timeout: 120_000,
  },
});
