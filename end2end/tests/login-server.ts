import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A server with a login, the demo shop, and a store of its own in which nobody is yet. */
export class LoginServer {
  private constructor(
    /** Where it is. */
    readonly url: string,
    /** The link that makes the first admin. */
    readonly firstAdmin: string,
    private readonly process: ChildProcess,
    private readonly folder: string,
  ) {}

  /** Starts one on a free port, with these arguments beside its own. */
  static async start(more: string[] = []): Promise<LoginServer> {
    const folder = await mkdtemp(join(tmpdir(), 'hw.'));
    // As root the embedded Postgres runs as another user, which has to reach the folder.
    await chmod(folder, 0o711);
    const program = process.env.HIGHWATER_BIN ?? `${process.env.CARGO_TARGET_DIR ?? '../target'}/debug/highwater`;
    const child = spawn(program, ['serve', '--listen', '127.0.0.1:0', '--data-dir', join(folder, 'data'), '--login=password', '--demo=10', ...more], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    // Two lines tell of it, in no certain order.
    let [url, link] = ['', ''];
    for await (const line of createInterface({ input: child.stdout! })) {
      link ||= /http:\/\/\S+\/join\?key=[^\s.,]+/.exec(line)?.[0] ?? '';
      if (!line.includes('/join?key=')) {
        url ||= /http:\/\/[^/\s]+/.exec(line)?.[0] ?? '';
      }
      if (url && link) {
        return new LoginServer(url, link, child, folder);
      }
    }
    throw new Error('the server ended before it said where it is');
  }

  /** Ends it and removes its store. */
  async remove(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const ended = once(this.process, 'exit');
      this.process.kill('SIGTERM');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
}
