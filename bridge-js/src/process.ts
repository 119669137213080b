/** The child process: started, watched and ended. Knows nothing of what is said over its pipes. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Socket } from 'node:net';
import { childEnvironment, type Environment } from './environment.js';
import { SidecarSpawnError, SidecarStuckError, type Exit } from './errors.js';
import { LineSplitter } from './framing.js';
import { adviceFor } from './program.js';

/** After `exit`, so long for the last output. `close` never comes while another process holds the pipes. */
const CLOSE_WAIT_MS = 500;
/** The sidecar ends within a second of the end of its stdin (design section 2); a busy machine gets some more. */
const END_OF_INPUT_WAIT_MS = 2_000;
const SIGTERM_WAIT_MS = 2_000;
/** SIGKILL cannot be refused; only a process stuck in the kernel outlives this. */
const SIGKILL_WAIT_MS = 2_000;
const STDERR_TAIL_LINES = 200;
const STDERR_LINE_BYTES = 64 * 1024;

/** Node maps every signal to TerminateProcess on Windows, so the second step is the last there. */
const INSISTENCE: readonly (readonly [signal: NodeJS.Signals | undefined, waitMs: number])[] = [
  [undefined, END_OF_INPUT_WAIT_MS],
  ['SIGTERM', SIGTERM_WAIT_MS],
  ['SIGKILL', SIGKILL_WAIT_MS],
];

export interface LaunchOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string | undefined;
  /** Over the inherited part of the environment; undefined removes a variable. Never for secrets. */
  readonly env?: Environment | undefined;
  readonly onStderr: (line: string) => void;
}

/** Children that must not outlive this process, or this worker thread, when it ends on its own. */
const living = new Set<ChildProcessWithoutNullStreams>();

function killLiving(): void {
  for (const child of living) child.kill('SIGKILL');
}

export class SidecarProcess {
  /** Settles once the process has ended and its last output was read. Never rejects. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #stderrTail: string[] = [];
  #ending: Promise<Exit> | undefined;

  /** Starts the program. @throws SidecarSpawnError when that is not possible. */
  static async start(options: LaunchOptions): Promise<SidecarProcess> {
    const { command, args, cwd, env } = options;
    try {
      const child = spawn(command, args, {
        cwd,
        env: childEnvironment(env),
        shell: false,
        stdio: 'pipe',
        windowsHide: true,
      });
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve);
        child.on('error', reject); // stays: a kill that fails later must not be an uncaught exception
      });
      return new SidecarProcess(child, options.onStderr);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      const where = cwd === undefined ? '' : ` in the folder ${cwd}`;
      throw new SidecarSpawnError(
        `${command} could not be started${where} (${code ?? String(cause)}). ${adviceFor(command, code)}`,
        [command],
        cause,
      );
    }
  }

  private constructor(child: ChildProcessWithoutNullStreams, onStderr: (line: string) => void) {
    this.#child = child;
    // Without listeners, a pipe that breaks would be an uncaught exception of the host.
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.on('error', () => {});
    this.#drainStderr(onStderr);
    if (living.size === 0) process.on('exit', killLiving);
    living.add(child);
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        living.delete(child);
        if (living.size === 0) process.off('exit', killLiving);
        const timer = setTimeout(() => this.#releasePipes(), CLOSE_WAIT_MS);
        child.once('close', () => {
          clearTimeout(timer);
          resolve({ code, signal, stderrTail: this.stderrTail });
        });
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get stdin(): ChildProcessWithoutNullStreams['stdin'] {
    return this.#child.stdin;
  }

  get stdout(): ChildProcessWithoutNullStreams['stdout'] {
    return this.#child.stdout;
  }

  /** The last lines written to stderr, up to now. */
  get stderrTail(): readonly string[] {
    return [...this.#stderrTail];
  }

  /** Lets the process and its pipes keep Node alive, as they do from the start, or not. */
  keepAlive(wanted: boolean): void {
    const { stdin, stdout, stderr } = this.#child;
    // The pipes are sockets underneath, whatever their types say.
    for (const handle of [this.#child, stdin as Socket, stdout as Socket, stderr as Socket]) {
      if (wanted) handle.ref();
      else handle.unref();
    }
  }

  /**
   * Ends the process at once.
   * @throws SidecarStuckError when it survives even that.
   */
  async kill(): Promise<Exit> {
    this.#child.kill('SIGKILL');
    return (await within(this.exited, SIGKILL_WAIT_MS)) ?? this.#giveUp();
  }

  /**
   * Ends the input, then insists: SIGTERM, SIGKILL. A second call gets the same answer.
   * @throws SidecarStuckError when the process survives even that.
   */
  end(): Promise<Exit> {
    return (this.#ending ??= this.#end());
  }

  async #end(): Promise<Exit> {
    this.#child.stdin.end();
    for (const [signal, waitMs] of INSISTENCE) {
      if (signal !== undefined) this.#child.kill(signal);
      const exit = await within(this.exited, waitMs);
      if (exit !== undefined) return exit;
    }
    return this.#giveUp();
  }

  #giveUp(): never {
    this.#releasePipes();
    this.#child.unref();
    throw new SidecarStuckError(this.pid);
  }

  /** Always reads stderr: a full pipe would hold the child. */
  #drainStderr(onStderr: (line: string) => void): void {
    const splitter = new LineSplitter(STDERR_LINE_BYTES);
    const take = (lines: ReturnType<LineSplitter['feed']>): void => {
      for (const line of lines) {
        const text = Buffer.isBuffer(line) ? line.toString('utf8') : `(${line.sizeBytes} bytes in one line, left out)`;
        this.#stderrTail.push(text);
        if (this.#stderrTail.length > STDERR_TAIL_LINES) this.#stderrTail.shift();
        onStderr(text);
      }
    };
    this.#child.stderr.on('data', (chunk: Buffer) => take(splitter.feed(chunk)));
    this.#child.stderr.on('end', () => take(splitter.rest()));
  }

  #releasePipes(): void {
    for (const pipe of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) pipe.destroy();
  }
}

/** The outcome of `promise`, or undefined when it takes longer than `waitMs`. */
async function within<T>(promise: Promise<T>, waitMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, waitMs, undefined)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
