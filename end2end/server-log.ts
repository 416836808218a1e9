import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The port of the server under test. */
export const PORT = Number(process.env.PORT ?? 4173);

/** What the server under test says, which nobody reads while the tests pass: they look for panics there. */
export const SERVER_LOG = join(tmpdir(), `highwater-end2end-${PORT}.log`);
