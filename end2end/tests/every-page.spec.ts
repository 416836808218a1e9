import { randomUUID } from 'node:crypto';

import { type APIRequestContext } from '@playwright/test';

import { expect, expectAccessible, expectNoSidewaysScroll, test, type Appended, type Proposed } from '../fixtures';

interface Things {
  stream: string;
  event: string;
  flow: string;
  type: string;
  subscription: string;
}

/** Something on every page: a stream of one event, which is a flow. */
async function things(
  append: (stream: string, events: Proposed[]) => Promise<Appended>,
  request: APIRequestContext,
  word: string,
): Promise<Things> {
  const [event, flow, type] = [randomUUID(), randomUUID(), `${word}Placed`];
  const stream = `basket-${word}`;
  await append(stream, [{ type, id: event, data: { status: 'placed' }, metadata: { correlation_id: flow } }]);
  const subscription = `every.${word}`;
  const made = await request.put(`/api/subscriptions/${subscription}`, { data: { filter: `type:${type}` } });
  expect(made.status(), await made.text()).toBe(201);
  return { stream, event, flow, type, subscription };
}

/** Each page, and what a screen reader is to find there, in this order. */
const PAGES: [string, (of: Things) => string, (of: Things) => string][] = [
  [
    'overview',
    () => '/',
    () => `
      - heading "Overview" [level=1]
      - status
      - group "Time shown"
      - region "Append rate"
      - region "Lag of the worst read models"
      - region "Worst read models"
    `,
  ],
  [
    'live',
    () => '/live',
    () => `
      - heading "Live" [level=1]
      - button "Filter"
      - region "Events, newest first":
        - table:
          - rowgroup:
            - row /position recorded, UTC.* type stream version data/
    `,
  ],
  [
    'streams',
    () => '/streams',
    () => `
      - heading "Streams" [level=1]
      - searchbox "Part of the stream's name"
      - combobox "Category"
      - combobox "Order"
      - button "Search"
      - region "Streams":
        - table:
          - rowgroup:
            - row "grid stream category events newest event last activity"
    `,
  ],
  [
    'stream',
    ({ stream }) => `/streams/${stream}`,
    ({ stream, type }) => `
      - heading "${stream}" [level=1]
      - link "Watch live"
      - link "Add to grid"
      - region "Timeline":
        - heading "Timeline" [level=2]
        - group "Versions":
          - slider "Version"
          - button "Play"
          - combobox "Events a second"
        - heading "State at version 0" [level=3]
        - region "State"
        - heading "What this event changed" [level=3]
        - region "Changes of the state"
      - region "Events of the stream, newest first":
        - table:
          - rowgroup:
            - row "version recorded type position data"
          - rowgroup:
            - row /${type}/
    `,
  ],
  [
    'flow map',
    () => '/flow-map',
    () => `
      - heading "Flow map" [level=1]
      - link "List of flows"
      - group "Time shown"
      - region "The flow map as a picture; the table below says the same"
      - list "Who emits events"
      - heading "Steps" [level=2]
    `,
  ],
  [
    'grid',
    ({ stream }) => `/grid?stream=${stream}`,
    ({ stream }) => `
      - heading "Streams on one axis" [level=1]
      - region "Timelines":
        - link "${stream}"
        - link "Take ${stream} off the grid"
        - group "Moments":
          - link "First event"
          - link "Event before"
          - link "Event after"
          - link "Last event"
      - region "Events around this moment"
      - textbox "Add the stream"
    `,
  ],
  [
    'event',
    ({ event }) => `/events/${event}`,
    ({ type }) => `
      - heading "Event" [level=1]
      - article:
        - heading "${type}" [level=2]
        - heading "data" [level=3]
        - link "Open stream"
        - link "Add to grid"
        - button "Copy JSON"
    `,
  ],
  [
    'read models',
    () => '/read-models',
    () => `
      - heading "Read models" [level=1]
      - region "Read models, worst first":
        - table
      - heading "Subscriptions" [level=2]
      - region "Subscriptions, worst first":
        - table
    `,
  ],
  [
    'subscription',
    (of) => `/subscriptions/${of.subscription}`,
    (of) => `
      - heading "${of.subscription}" [level=1]
      - button "❚❚ Pause"
      - heading "Members" [level=2]
      - heading "Parked events" [level=2]
      - region "Replay or skip"
      - heading "Actions" [level=2]
    `,
  ],
  [
    'read model',
    () => '/read-models/orders_by_state',
    () => `
      - heading "orders_by_state" [level=1]
      - button "❚❚ Pause"
      - region "Lag over time"
      - region "Rebuild":
        - heading "Rebuild" [level=2]
    `,
  ],
  [
    'flows',
    () => '/flows',
    () => `
      - heading "Flows" [level=1]
      - button "Filter"
      - link "all"
      - link "late"
      - region "Flows":
        - table:
          - rowgroup:
            - row "flow state newest event took events began"
    `,
  ],
  [
    'flow',
    ({ flow }) => `/flows/${flow}`,
    () => `
      - heading "Flow" [level=1]
      - link "Its streams on one axis"
      - button "Copy as curl"
      - link "by stream"
      - link "by time"
      - region "The flow as a picture; the list below says the same"
      - region "Events of the flow, effects below their causes":
        - table:
          - rowgroup:
            - row "event stream service after its cause occurred"
    `,
  ],
  [
    'jobs',
    () => '/jobs',
    () => `
      - heading "Jobs" [level=1]
      - searchbox "Read model"
      - combobox "Kind"
      - combobox "State"
      - button "Show"
    `,
  ],
  [
    'types',
    () => '/types',
    () => `
      - heading "Types" [level=1]
      - region "Event types":
        - table:
          - rowgroup:
            - row "type events first newest fields"
    `,
  ],
  [
    'type',
    ({ type }) => `/types/${type}`,
    ({ type }) => `
      - heading "${type}" [level=1]
      - region "Fields":
        - table:
          - rowgroup:
            - row "path JSON type share of events example"
    `,
  ],
  [
    'store',
    () => '/store',
    () => `
      - heading "Store" [level=1]
      - term: high-water mark
      - region "What holds the mark"
      - region "Checks"
    `,
  ],
  [
    'alerts',
    () => '/alerts',
    () => `
      - heading "Alerts" [level=1]
      - region "Firing now":
        - heading "Firing now" [level=2]
        - status
      - heading "Rules" [level=2]
      - heading "Write a rule" [level=2]
      - textbox "Name of the rule"
      - combobox "Fires when it"
      - spinbutton "More than"
      - textbox "Webhook that is told; empty for nobody"
      - button "Preview"
      - heading "Over" [level=2]
    `,
  ],
  [
    'approvals',
    () => '/approvals',
    () => `
      - heading "Approvals" [level=1]
      - paragraph:
        - link "on record"
      - region "Waiting":
        - heading "Waiting" [level=2]
        - status
      - heading "Over" [level=2]
    `,
  ],
  [
    'audit',
    () => '/audit',
    () => `
      - heading "Audit" [level=1]
      - searchbox "Read model"
      - combobox "Action"
      - searchbox "Who"
      - button "Show"
      - region "Actions, newest first":
        - table:
          - rowgroup:
            - row "when who action of reason what changed outcome"
    `,
  ],
  [
    'access',
    () => '/access',
    () => `
      - heading "Access" [level=1]
      - heading "Users" [level=2]
      - heading "Invite somebody" [level=3]
      - button "Invite"
      - heading "Tokens of programs" [level=2]
      - heading "Make a token" [level=3]
      - group "It may"
      - button "Make a token"
    `,
  ],
];

for (const [name, path, snapshot] of PAGES) {
  test(`the page ${name} reads well, fits, and works by keys alone`, async ({ page, append, open, word }) => {
    // Four looks by axe, two of them at a page that moves.
    test.slow();
    const of = await things(append, page.request, word);
    await page.setViewportSize({ width: 1440, height: 900 });
    if (name === 'flow') {
      // It is told of from its events; the list follows within moments.
      await expect.poll(async () => (await page.request.get(`/api/flows/${of.flow}`)).status()).toBe(200);
    }
    await open(path(of));
    await expect(page.getByRole('main')).toMatchAriaSnapshot(snapshot(of));
    await expectAccessible(page);
    // The first key leads past the rail, and what has the focus is seen to have it.
    await page.keyboard.press('Tab');
    await expect(page.getByRole('link', { name: 'To the page' })).toBeFocused();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    const focus = page.locator('main :focus');
    await expect(focus).toBeVisible();
    const seen = await focus.evaluate((element) => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      return (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1) || boxShadow !== 'none';
    });
    expect(seen, 'the focus is seen').toBe(true);
    await page.setViewportSize({ width: 390, height: 844 });
    await expectNoSidewaysScroll(page);
    await expectAccessible(page);
  });
}
