import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A server of one test, with a store of its own: it can be killed and started again on the same port. */
export class Server {
  /** Where it is, once it has started. */
  url = '';
  private process?: ChildProcess;

  private constructor(
    private readonly folder: string,
    private readonly more: string[],
  ) {}

  /** Starts one on a free port, with these files in its folder of definitions, and these arguments beside its own. */
  static async start(definitions: Record<string, string> = {}, more: string[] = []): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), 'hw.'));
    // As root the embedded Postgres runs as another user, which has to reach the folder.
    await chmod(folder, 0o711);
    await mkdir(join(folder, 'read-models'));
    for (const [name, text] of Object.entries(definitions)) {
      await writeFile(join(folder, 'read-models', name), text);
    }
    const server = new Server(folder, more);
    await server.again();
    return server;
  }

  /** Starts it again where it was. */
  async again(): Promise<void> {
    const listen = this.url ? new URL(this.url).host : '127.0.0.1:0';
    const program = process.env.HIGHWATER_BIN ?? `${process.env.CARGO_TARGET_DIR ?? '../target'}/debug/highwater`;
    const [data, definitions] = ['data', 'read-models'].map((name) => join(this.folder, name));
    this.process = spawn(program, ['serve', '--listen', listen, '--data-dir', data!, '--read-models', definitions!, ...this.more], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: this.process.stdout! })) {
      const url = /http:\/\/[^/\s]+/.exec(line);
      if (url) {
        this.url = url[0];
        return;
      }
    }
    throw new Error('the server ended before it said where it is');
  }

  /** Ends it at once, as a crash would, or in order. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (this.process?.exitCode === null && this.process.signalCode === null) {
      const ended = once(this.process, 'exit');
      this.process.kill(signal);
      await ended;
    }
  }

  /** Ends it and removes its store. */
  async remove(): Promise<void> {
    await this.end('SIGTERM');
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
}
