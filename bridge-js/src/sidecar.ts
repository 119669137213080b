/** The sidecar as an app sees it: start it, call it, listen to it, stop it. */
import type { CallArguments, NotifyArguments } from './calls.js';
import { Connection, type RequestHandler } from './connection.js';
import { stopsWithItsBlock } from './disposable.js';
import {
  aboutStderr,
  SidecarClosedError,
  SidecarExitError,
  SidecarProtocolError,
  SidecarRpcError,
  SidecarStuckError,
  SidecarTimeoutError,
  type Exit,
} from './errors.js';
import { Emitter, type Listener, type Unsubscribe } from './events.js';
import {
  PROTOCOL_VERSION,
  type HostNotifications,
  type HostRequests,
  type InitializeResult,
  type Log,
  type Methods,
} from './generated/protocol.js';
import { locate } from './locate.js';
import { fromHandler, fromNotification, fromStderr } from './log-event.js';
import { aboutBuild, aboutFolder } from './program.js';
import { SidecarProcess } from './process.js';
import type { SidecarEvents, StartOptions, StopOptions } from './sidecar-events.js';

export type { LogEvent } from './log-event.js';
export type { ExitEvent, SidecarEvents, StartOptions, StopOptions } from './sidecar-events.js';

/** From the start of the program to the answer to `initialize`; a first start under a virus scanner is slow. */
const START_TIMEOUT_MS = 15_000;
/** For `shutdown`, in which every session is closed gracefully. */
const GRACE_MS = 3_000;

/**
 * A running sidecar process and the conversation with it.
 *
 * ```ts
 * const sidecar = await Sidecar.start();
 * sidecar.on('session/transcript', ({ text }) => console.log(text));
 * const session = await sidecar.call('session/open', { sessionId: 's1', auth, setup });
 * await sidecar.stop();
 * ```
 */
export class Sidecar {
  readonly #process: SidecarProcess;
  readonly #connection: Connection;
  readonly #events: Emitter<SidecarEvents>;
  #info: InitializeResult | undefined;
  #stopping: Promise<Exit> | undefined;

  /**
   * Starts the program and opens the conversation.
   * @throws SidecarSpawnError, SidecarExitError, SidecarTimeoutError, SidecarProtocolError or SidecarRpcError; the
   * process is gone by then, or else it is a SidecarStuckError.
   */
  static start(options: StartOptions = {}): Promise<Sidecar> {
    return Sidecar.#start(options, new Emitter());
  }

  /** As `start`; every event is passed on to `relay` too, from the first moment on. @internal */
  static startFor(relay: Emitter<SidecarEvents>, options: StartOptions): Promise<Sidecar> {
    const events = new Emitter<SidecarEvents>();
    events.forwardTo(relay);
    return Sidecar.#start(options, events);
  }

  static async #start(options: StartOptions, events: Emitter<SidecarEvents>): Promise<Sidecar> {
    for (const [event, listener] of Object.entries(options.on ?? {})) {
      events.on(event as keyof SidecarEvents, listener as Listener<unknown>);
    }
    const command = locate(options.command);
    const child = await SidecarProcess.start({
      command,
      args: [...(options.args ?? []), 'serve', '--log-level', options.logLevel ?? 'info'],
      cwd: options.cwd,
      env: options.env,
      onStderr: (line) => {
        events.emit('stderr', line);
        events.emit('log', fromStderr(line));
      },
    });
    const sidecar = new Sidecar(child, events);
    try {
      await sidecar.#initialize(options, command);
    } catch (error) {
      await child.kill().catch(() => {
        throw new SidecarStuckError(child.pid, error);
      });
      throw error;
    }
    return sidecar;
  }

  private constructor(child: SidecarProcess, events: Emitter<SidecarEvents>) {
    this.#process = child;
    this.#events = events;
    this.#connection = new Connection(child.stdout, child.stdin, {
      notification: (method, params) => {
        if (method === 'log') events.emit('log', fromNotification(params as Log));
        else events.emit(method as keyof SidecarEvents, params as never);
      },
      protocolError: (violation) => events.emit('protocolError', violation),
      unanswered: (method, why) => events.emit('log', fromHandler(method, why)),
      // A process that does not read or write any more is of no use. Mostly it is ending anyway.
      broken: () => {
        child.end().catch((error: Error) => {
          this.#connection.close((call) => new SidecarClosedError(error.message, call));
        });
      },
    });
    void child.exited.then((exit) => {
      const expected = this.#stopping !== undefined;
      this.#connection.close((call) =>
        expected ? new SidecarClosedError('The sidecar was stopped', call) : new SidecarExitError(exit, call),
      );
      events.emit('exit', { ...exit, expected });
    });
  }

  /** What the sidecar said of itself: its version, `instanceId`, limits and capabilities. */
  get info(): InitializeResult {
    return this.#info!;
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /**
   * Calls a method and resolves with its result.
   *
   * It rejects with a SidecarRpcError (the sidecar says no), SidecarTimeoutError, SidecarAbortError (named
   * `AbortError`), SidecarExitError, SidecarClosedError or LineTooLongError.
   */
  call<M extends keyof Methods>(
    method: M,
    ...rest: CallArguments<Methods[M]['params']>
  ): Promise<Methods[M]['result']> {
    return this.#connection.call(method, ...rest);
  }

  /**
   * Sends a notification. False: it was taken, but the sidecar does not keep up: wait for `drained()`.
   * @throws SidecarClosedError or SidecarExitError when the sidecar is gone.
   */
  notify<N extends keyof HostNotifications>(method: N, ...rest: NotifyArguments<N>): boolean {
    return this.#connection.notify(method, ...rest);
  }

  /** Resolves when there is room again after `notify` gave false; rejects when the sidecar is gone. */
  drained(): Promise<void> {
    return this.#connection.drained();
  }

  /**
   * Lets `handler` answer a call that the sidecar makes, such as `auth/token`; returns the way to take it back.
   *
   * Throw a RequestRefusedError with `{ retryable: false }` when the user has to do something first: the session
   * then fails instead of asking again. Of anything else that is thrown the sidecar learns no more than that.
   */
  handle<M extends keyof HostRequests>(
    method: M,
    handler: RequestHandler<HostRequests[M]['params'], HostRequests[M]['result']>,
  ): Unsubscribe {
    return this.#connection.handle(method, handler as RequestHandler);
  }

  /** Calls `listener` for every `event`, until the function it returns is called. */
  on<E extends keyof SidecarEvents>(event: E, listener: Listener<SidecarEvents[E]>): Unsubscribe {
    return this.#events.on(event, listener);
  }

  /** Calls `listener` for the next `event` only. */
  once<E extends keyof SidecarEvents>(event: E, listener: Listener<SidecarEvents[E]>): Unsubscribe {
    return this.#events.once(event, listener);
  }

  off<E extends keyof SidecarEvents>(event: E, listener: Listener<SidecarEvents[E]>): void {
    this.#events.off(event, listener);
  }

  /**
   * Closes every session gracefully, then ends the process: by the end of its input, by SIGTERM, by SIGKILL, each
   * with a deadline. Resolves when the process is gone; a second call gets the same answer.
   * @throws SidecarStuckError when the process survives even that.
   */
  stop({ graceMs = GRACE_MS }: StopOptions = {}): Promise<Exit> {
    return (this.#stopping ??= this.#stop(graceMs));
  }

  /**
   * Ends the process by SIGKILL, without a word to it: for one that hangs. `exit` is told as not expected.
   * @throws SidecarStuckError when the process survives even that.
   */
  kill(): Promise<Exit> {
    return this.#process.kill();
  }

  /** Keeps Node alive, as it does from the start. */
  ref(): void {
    this.#process.keepAlive(true);
  }

  /** Does not keep Node alive any more; a call that waits for its answer still does. */
  unref(): void {
    this.#process.keepAlive(false);
  }

  async #stop(graceMs: number): Promise<Exit> {
    if (graceMs > 0) {
      // Whatever `shutdown` is answered with, or not, the process is ended.
      await this.#connection.call('shutdown', {}, { timeoutMs: graceMs }).catch(() => undefined);
    }
    this.#connection.end();
    return this.#process.end();
  }

  async #initialize({ client, signal, startTimeoutMs = START_TIMEOUT_MS }: StartOptions, command: string): Promise<void> {
    let garbage = '';
    const forget = this.#events.once('protocolError', ({ reason, excerpt }) => {
      garbage = ` It wrote ${reason} to stdout: ${excerpt}`;
    });
    try {
      this.#info = await this.#connection.call(
        'initialize',
        {
          protocolVersion: PROTOCOL_VERSION,
          client: client ?? { name: 'node', version: process.version },
          parentPid: process.pid,
        },
        { timeoutMs: startTimeoutMs, signal },
      );
    } catch (error) {
      const signal = error instanceof SidecarExitError ? error.signal : null;
      const why =
        aboutBuild(command) ??
        aboutFolder(this.#process.stderrTail, signal) ??
        'Is it the live-sidecar program, and can it run here?';
      const note = ` It did not answer \`initialize\`. ${why}${garbage}`;
      if (error instanceof SidecarExitError) throw new SidecarExitError(error, undefined, note);
      if (error instanceof SidecarTimeoutError) {
        const call = { method: 'initialize', sent: error.sent };
        throw new SidecarTimeoutError(call, startTimeoutMs, `${note}${aboutStderr(this.#process.stderrTail)}`);
      }
      if (error instanceof SidecarRpcError && error.kind === 'unsupportedProtocolVersion') {
        throw otherVersion(command, 'another version', error);
      }
      throw error;
    } finally {
      forget();
    }
    if (this.#info?.protocolVersion !== PROTOCOL_VERSION) {
      throw otherVersion(command, `version ${this.#info?.protocolVersion}`);
    }
    this.#connection.maxLineBytes = this.#info.limits.maxLineBytes;
  }
}

function otherVersion(command: string, spoken: string, cause?: Error): SidecarProtocolError {
  return new SidecarProtocolError(
    `The sidecar speaks ${spoken} of the protocol and this package version ${PROTOCOL_VERSION}. Install versions of ` +
      `both that belong together; the program is ${command}.`,
    { cause },
  );
}

/** `await using sidecar = await Sidecar.start()` stops it at the end of the block. */
export interface Sidecar extends AsyncDisposable {}

stopsWithItsBlock(Sidecar);
