import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { AxeBuilder } from '@axe-core/playwright';
import { test as base, expect, type Locator, type Page } from '@playwright/test';

import { SERVER_LOG } from './server-log';

/** An event as a writer hands it in. */
export interface Proposed {
  type: string;
  data: unknown;
  id?: string;
  occurred_at?: string;
  metadata?: Record<string, unknown>;
}

/** Where an append put its events. */
export interface Appended {
  stream: string;
  first_version: number;
  last_version: number;
  first_position: number;
  last_position: number;
}

/** What a broken hydration says: Leptos only warns of it. */
const BROKEN = /hydrat|panicked|unreachable|Content Security Policy|wasm|WebAssembly/i;

interface Fixtures {
  /** Appends events to a stream over the API. */
  append: (stream: string, events: Proposed[]) => Promise<Appended>;
  /** Makes a read model from the text of its definition; answers its name, which no other test uses. */
  define: (definition: (name: string) => string) => Promise<string>;
  /** Opens a page of the console and waits until it is alive. */
  open: (path: string) => Promise<void>;
  /** A word that no other test uses, to name streams and types with. */
  word: string;
  /** Says that the server will refuse something in this test, which the browser's log then names: `Failed to load … 404`. */
  refused: (what: RegExp) => void;
}

export const test = base.extend<Fixtures>({
  // Of every test: any error on the page or in its log fails it.
  refused: [
    async ({ page }, use) => {
      const faults: string[] = [];
      const expected: RegExp[] = [];
      const read = (): Promise<string> => readFile(SERVER_LOG, 'utf8').catch(() => '');
      const before = (await read()).length;
      listen(page, faults);
      await use((what) => expected.push(what));
      const told = faults.filter((fault) => !(FAILED_TO_LOAD.test(fault) && expected.some((what) => what.test(fault))));
      expect(told, 'the page broke, or its hydration did').toEqual([]);
      // A page that was made may still end in a panic: when what it was made with is let go.
      const panic = /.*panicked at[\s\S]{0,300}/.exec((await read()).slice(before))?.[0];
      expect(panic, 'the server panicked').toBeUndefined();
    },
    { auto: true },
  ],
  append: async ({ request }, use) => {
    await use(async (stream, events) => {
      const answer = await request.post(`/api/streams/${encodeURIComponent(stream)}/events`, { data: events });
      expect(answer.status(), await answer.text()).toBe(201);
      return (await answer.json()) as Appended;
    });
  },
  define: async ({ request, word }, use) => {
    await use(async (definition) => {
      const name = `m${word.toLowerCase()}`.slice(0, 48);
      const answer = await request.put(`/api/read-models/${name}`, { headers: { 'Content-Type': 'text/plain' }, data: definition(name) });
      expect(answer.status(), await answer.text()).toBe(201);
      return name;
    });
  },
  open: async ({ page }, use) => {
    await use(async (path) => {
      await page.goto(path);
      await expect(light(page)).toHaveText(/^live/, { timeout: 15_000 });
    });
  },
  word: async ({}, use) => {
    // Letters only: a word that a filter line takes without quotes and a type may be called by.
    await use(`W${randomUUID().replace(/[^a-f]/g, '')}x${Date.now().toString(36).replace(/\d/g, (d) => 'ghijklmnop'[Number(d)]!)}`);
  },
});

export { expect };

/** How the browser's log names an answer that is none, or a refusal. */
const FAILED_TO_LOAD = /Failed to load resource|WebSocket connection/;

/** Writes down what must never be in a page's log. */
export function listen(page: Page, faults: string[]): void {
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' || (message.type() === 'warning' && BROKEN.test(message.text()))) {
      faults.push(`${message.type()}: ${message.text()} (${message.location().url})`);
    }
  });
}

/** The connection light of the top bar: it says `live` once the page is hydrated and its feed has caught up. */
export function light(page: Page): Locator {
  return page.getByRole('banner').getByRole('status');
}

/** The rows of the live page that hold an event. */
export function rows(page: Page): Locator {
  return page.getByRole('region', { name: 'Events, newest first' }).locator('tbody tr');
}

/** A number as the console writes it: thousands apart by thin spaces. */
export function number(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, '\u2009');
}

/** What a test may take that looks at whole pages, in milliseconds. */
const LOOKS_WITHIN_MS = 90_000;

/** Finds what WCAG 2.2 AA forbids, in both themes. */
export async function expectAccessible(page: Page): Promise<void> {
  // It looks at every element of the page, twice; two browsers on two processors take their time for that.
  base.info().setTimeout(Math.max(base.info().timeout, LOOKS_WITHIN_MS));
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const found = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze();
    const told = found.violations.map(
      (violation) => `${violation.id}: ${violation.help}: ${violation.nodes.map((node) => `${node.target.join(' ')} (${node.failureSummary?.split('\n')[1]?.trim()})`).slice(0, 5).join('; ')}`,
    );
    expect.soft(told, `${colorScheme} theme`).toEqual([]);
  }
}

/** Fails when the page itself scrolls sideways. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const { inner, wide } = await page.evaluate(() => ({
    inner: document.documentElement.clientWidth,
    wide: document.documentElement.scrollWidth,
  }));
  expect(wide, 'the page is as wide as its window').toBeLessThanOrEqual(inner);
}

/** A definition that divides by a field of the event, so that 0 is a failure. */
export function dividing(name: string, type: string): string {
  return `-- highwater: events ${type}
-- highwater: tables
create table ${name} (stream text primary key, n bigint not null);
-- highwater: each
insert into ${name} select stream, 100 / (data->>'n')::bigint from event on conflict (stream) do update set n = excluded.n;
`;
}
