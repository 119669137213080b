/** A succession of sidecar processes: when one ends or hangs, the next takes its place. Never two at once. */
import type { CallArguments, NotifyArguments } from './calls.js';
import type { RequestHandler } from './connection.js';
import { deferred, type Deferred } from './deferred.js';
import { stopsWithItsBlock } from './disposable.js';
import {
  SidecarClosedError,
  SidecarCrashLoopError,
  SidecarDownError,
  SidecarError,
  SidecarExitError,
  SidecarStuckError,
  type Exit,
} from './errors.js';
import { Emitter, type Listener, type Unsubscribe } from './events.js';
import type { HostNotifications, HostRequests, Methods } from './generated/protocol.js';
import { Holders } from './holders.js';
import { isPermanent, Restarts } from './restart.js';
import { Sidecar, type ExitEvent, type StopOptions } from './sidecar.js';
import type { SupervisorEvents, SupervisorOptions } from './supervisor-events.js';
import { watch, type Watchdog } from './watchdog.js';

export type { DownEvent, SupervisorEvents, SupervisorOptions, UpEvent } from './supervisor-events.js';

const PINNED = Symbol('ref');

/**
 * Keeps a sidecar running.
 *
 * ```ts
 * const supervisor = new Supervisor();
 * supervisor.on('down', ({ retryInMs }) => console.error('The sidecar ended; again in', retryInMs, 'ms'));
 * await supervisor.start();
 * ```
 *
 * It does not keep Node alive, but for calls that wait for their answer, open `LiveSession`s, and after `ref()`.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #events = new Emitter<SupervisorEvents>();
  readonly #handlers = new Map<keyof HostRequests, RequestHandler>();
  readonly #holders = new Holders(() => [this.#current, this.#timer]);
  #restarts: Restarts;
  #launched = 0;
  #current: Sidecar | undefined;
  /** Present from `start()` until a process is up: settles with it. */
  #waiting: Deferred<Sidecar> | undefined;
  #launching: { readonly done: Promise<void>; readonly abort: AbortController } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | undefined;
  /** Grows with each `stop()`, which also ends what waits to be started. */
  #epoch = 0;
  #upSinceMs = 0;
  #stopWatching = (): void => {};

  /** @throws RangeError when a setting makes no sense. */
  constructor(options: SupervisorOptions = {}) {
    this.#options = options;
    this.#restarts = this.#newRestarts();
    for (const [event, listener] of Object.entries(options.on ?? {})) {
      this.#events.on(event as keyof SupervisorEvents, listener as Listener<unknown>);
    }
  }

  /** The process that runs now and can be called, if any. */
  get current(): Sidecar | undefined {
    return this.#current;
  }

  /** Whether a process runs, or is about to: from `start()` until `stop()` or `gaveUp`. */
  get running(): boolean {
    return this.#stopping === undefined && (this.#current !== undefined || this.#waiting !== undefined);
  }

  /** Whether `stop()` works. @internal */
  get stopping(): boolean {
    return this.#stopping !== undefined;
  }

  /**
   * Starts the first process, or waits for the one that is being started; resolves with it. A restart that waits for
   * its time is made now. A crash on the way is retried like any other; what cannot be helped by trying again rejects
   * at once.
   * @throws SidecarSpawnError, SidecarProtocolError, SidecarRpcError, SidecarCrashLoopError, SidecarStuckError, or
   * SidecarClosedError when it is stopped meanwhile.
   */
  async start(): Promise<Sidecar> {
    const epoch = this.#epoch;
    await this.#stopping;
    if (epoch !== this.#epoch) throw stoppedTooSoon();
    if (this.#current !== undefined) return this.#current;
    if (this.#waiting === undefined) {
      this.#restarts = this.#newRestarts();
      this.#launched = 0;
      this.#waiting = deferred();
      this.#launch();
    } else if (this.#timer !== undefined) this.#launch();
    const release = this.hold(); // whoever waits for it shall see it
    return this.#waiting.promise.finally(release);
  }

  /** As {@link Sidecar.call}, of the process that runs now. @throws SidecarDownError while there is none. */
  call<M extends keyof Methods>(
    method: M,
    ...rest: CallArguments<Methods[M]['params']>
  ): Promise<Methods[M]['result']> {
    if (this.#current === undefined) return Promise.reject(this.#absent(method));
    return this.#current.call(method, ...rest);
  }

  /** As {@link Sidecar.notify}, of the process that runs now. @throws SidecarDownError while there is none. */
  notify<N extends keyof HostNotifications>(method: N, ...rest: NotifyArguments<N>): boolean {
    if (this.#current === undefined) throw this.#absent(method);
    return this.#current.notify(method, ...rest);
  }

  /** As {@link Sidecar.handle}, in this process and all after it. */
  handle<M extends keyof HostRequests>(
    method: M,
    handler: RequestHandler<HostRequests[M]['params'], HostRequests[M]['result']>,
  ): Unsubscribe {
    if (this.#handlers.has(method)) throw new Error(`${method} has a handler already; remove that one first.`);
    this.#handlers.set(method, handler as RequestHandler);
    let takeBack = this.#current?.handle(method, handler);
    const again = this.#events.on('up', ({ sidecar }) => (takeBack = sidecar.handle(method, handler)));
    return () => {
      again();
      takeBack?.();
      if (this.#handlers.get(method) === handler) this.#handlers.delete(method);
    };
  }

  on<E extends keyof SupervisorEvents>(event: E, listener: Listener<SupervisorEvents[E]>): Unsubscribe {
    return this.#events.on(event, listener);
  }

  once<E extends keyof SupervisorEvents>(event: E, listener: Listener<SupervisorEvents[E]>): Unsubscribe {
    return this.#events.once(event, listener);
  }

  off<E extends keyof SupervisorEvents>(event: E, listener: Listener<SupervisorEvents[E]>): void {
    this.#events.off(event, listener);
  }

  /**
   * Ends it in whatever phase it is, as {@link Sidecar.stop} does; resolves when no process is left. A call while
   * another one works gets the same answer. `start()` may be called again.
   */
  stop(options: StopOptions = {}): Promise<void> {
    this.#epoch += 1;
    return (this.#stopping ??= this.#stop(options).finally(() => (this.#stopping = undefined)));
  }

  /** Keeps Node alive while a process runs or is about to. */
  ref(): void {
    this.#holders.add(PINNED);
  }

  /** Takes `ref()` back: then only open sessions and unanswered calls keep Node alive. */
  unref(): void {
    this.#holders.remove(PINNED);
  }

  /** Keeps Node alive until the function it returns is called. @internal */
  hold(): () => void {
    const holder = Symbol();
    this.#holders.add(holder);
    return () => this.#holders.remove(holder);
  }

  #newRestarts(): Restarts {
    const { restart } = this.#options;
    return new Restarts(restart === false ? { maxRestarts: 0 } : restart);
  }

  #absent(method: string): SidecarError {
    if (this.running) return new SidecarDownError(method);
    return new SidecarClosedError('No sidecar is running', { method, sent: false });
  }

  #launch(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const abort = new AbortController();
    const done = this.#launchOne(abort.signal).finally(() => {
      // A listener that heard of its failure may have begun the next one.
      if (this.#launching?.abort === abort) this.#launching = undefined;
    });
    this.#launching = { done, abort };
  }

  async #launchOne(signal: AbortSignal): Promise<void> {
    const { on: _, restart: __, watchdog, ...options } = this.#options;
    let sidecar: Sidecar;
    try {
      sidecar = await Sidecar.startFor(this.#events as never, { ...options, signal });
    } catch (error) {
      if (!signal.aborted) return this.#failedToStart(error as SidecarError);
      if (error instanceof SidecarStuckError) throw error; // `stop()` tells it
      return;
    }
    const waiting = this.#waiting;
    if (signal.aborted || waiting === undefined) {
      await sidecar.stop({ graceMs: 0 }); // nobody wants it any more
      return;
    }
    this.#current = sidecar;
    sidecar.once('exit', (exit) => this.#exited(sidecar, exit));
    this.#holders.apply();
    this.#waiting = undefined;
    waiting.resolve(sidecar);
    this.#upSinceMs = performance.now();
    if (watchdog !== false) this.#stopWatching = this.#watch(sidecar, watchdog ?? {});
    this.#events.emit('up', { sidecar, restarts: this.#launched++ });
  }

  #watch(sidecar: Sidecar, times: Watchdog): () => void {
    return watch(
      () => sidecar.call('ping', {}, { timeoutMs: Infinity }),
      times,
      () => {
        this.#events.emit('hung', { pid: sidecar.pid });
        sidecar.kill().catch((error: Error) => this.#abandon(sidecar, error));
      },
    );
  }

  /** It cannot be killed. It is not replaced: there must never be two. */
  #abandon(sidecar: Sidecar, error: Error): void {
    if (this.#current !== sidecar || this.#stopping !== undefined) return; // it ended after all, or `stop()` tells it
    this.#current = undefined;
    this.#giveUp(error);
  }

  #exited(sidecar: Sidecar, exit: ExitEvent): void {
    if (this.#current !== sidecar) return;
    this.#current = undefined;
    this.#stopWatching();
    if (!exit.expected && this.#stopping === undefined) {
      this.#ended(exit, new SidecarExitError(exit), performance.now() - this.#upSinceMs);
    }
  }

  #failedToStart(error: SidecarError): void {
    if (isPermanent(error)) return this.#giveUp(error);
    const exit = error instanceof SidecarExitError ? error : { code: null, signal: 'SIGKILL', stderrTail: [] };
    this.#ended(exit, error, 0);
  }

  #ended({ code, signal, stderrTail }: Exit, error: SidecarError, workedMs: number): void {
    const retryInMs = this.#restarts.afterEnd(workedMs);
    this.#waiting ??= deferred();
    if (retryInMs !== undefined) {
      this.#timer = setTimeout(() => this.#launch(), retryInMs);
      this.#holders.apply();
    }
    this.#events.emit('down', { exit: { code, signal, stderrTail }, retryInMs, atMs: Date.now() });
    if (retryInMs !== undefined) return;
    const { inARow, policy } = this.#restarts;
    this.#giveUp(policy.maxRestarts === 0 ? error : new SidecarCrashLoopError(inARow, policy.healthyMs, error));
  }

  #giveUp(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
    this.#events.emit('gaveUp', error);
  }

  async #stop(options: StopOptions): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#launching?.abort.abort();
    try {
      await this.#launching?.done;
      this.#stopWatching();
      await this.#current?.stop(options);
    } finally {
      this.#current = undefined;
      this.#waiting?.reject(stoppedTooSoon());
      this.#waiting = undefined;
      this.#events.emit('stopped', undefined);
    }
  }
}

function stoppedTooSoon(): SidecarClosedError {
  return new SidecarClosedError('The sidecar was stopped before it was up');
}

/** `await using supervisor = new Supervisor()` stops it at the end of the block. */
export interface Supervisor extends AsyncDisposable {}

stopsWithItsBlock(Supervisor);
