/** One session over as many processes as it takes. What it sends is in `outgoing.ts`, how it goes on in `continuity.ts`. */
import type { Payload } from './backlog.js';
import type { CallOptions } from './connection.js';
import { Continuity } from './continuity.js';
import { deferred, type Deferred } from './deferred.js';
import {
  SessionFailedError,
  SidecarAbortError,
  SidecarClosedError,
  SidecarDownError,
  SidecarError,
  SidecarRpcError,
} from './errors.js';
import { Emitter, type Listener, type Unsubscribe } from './events.js';
import type {
  ConfigureResult,
  OpenParams,
  SendResult,
  SessionPingResult,
  SessionSettings,
  SessionSnapshot,
  State,
  StatsResult,
} from './generated/protocol.js';
import { Outgoing } from './outgoing.js';
import { backlogLimits, firstOpening, isNeeded, patched, reopening } from './reopening.js';
import { SESSION_NOTIFICATIONS, type LiveSessionEvents, type ShortName, type Told } from './session-events.js';
import type { Sidecar } from './sidecar.js';
import type { DownEvent, Supervisor } from './supervisor.js';
import { startTimer } from './timer.js';

/** The sidecar's default (docs/settings.md). */
const DRAIN_MS = 1_000;
/** Over what it was given: so long the sidecar has to answer `session/close`. One that hangs does not. */
const CLOSE_MARGIN_MS = 1_000;

type SessionMethod = 'session/get' | 'session/reconnect' | 'session/suspend' | 'session/resume';

/**
 * A session that outlives the process that serves it.
 *
 * ```ts
 * const session = new LiveSession(supervisor, { sessionId: 's1', auth, setup });
 * session.on('transcript', ({ source, text }) => console.log(source, text));
 * await session.open();
 * session.sendAudio(chunk);
 * ```
 *
 * Every message has a number and is kept until it is confirmed; another process is offered what was not. So what was
 * on its way when a process died may arrive twice, and nothing is missing.
 */
export class LiveSession {
  readonly id: string;
  readonly #supervisor: Supervisor;
  readonly #events = new Emitter<LiveSessionEvents>();
  /** What the app does not want to hear, though the sidecar must tell it. */
  readonly #muted: ReadonlySet<string>;
  /** With every patch of `configure` in its settings. */
  #params: OpenParams;
  #story: Continuity;
  #outgoing: Outgoing;
  /** The process that has the session, from the moment it is asked to open it. */
  #sidecar: Sidecar | undefined;
  /** Present while the session is wanted: takes back all that was set up for it. */
  #release: (() => void) | undefined;
  /** Settles when the session is usable in the next process. */
  #opening: Deferred<SessionSnapshot> | undefined;
  #openOptions: CallOptions = {};
  /** Suspended by the app: then no process is asked to open it. */
  #parked = false;
  #closing: Promise<void> | undefined;
  /** Present while `close` waits for a process to have the session once more. */
  #lastProcess: Deferred<void> | undefined;
  /** When this number is confirmed, the process has taken what it was given more room for. */
  #roomyThrough: number | undefined;
  /** Why no process has the session any more, and none will be asked. */
  #failure: Error | undefined;
  /** The call of `session/open` is not answered. */
  #isBeingOpened = false;

  /** `params` are those of `session/open`; secrets in them are best given as `Secret`. */
  constructor(supervisor: Supervisor, params: OpenParams) {
    this.id = params.sessionId;
    this.#supervisor = supervisor;
    this.#params = firstOpening(params);
    this.#muted = new Set((params.notifications?.exclude ?? []).filter(isNeeded));
    this.#story = new Continuity(params);
    this.#outgoing = this.#newOutgoing();
  }

  get state(): State {
    return this.#story.state;
  }

  /**
   * Opens the session, starting the sidecar if need be; resolves when it is usable. A crash on the way is survived
   * like any other.
   * @throws SidecarRpcError when the service or the sidecar refuses, AbortError, or what `Supervisor.start` throws.
   */
  async open(options: CallOptions = {}): Promise<SessionSnapshot> {
    if (this.#release !== undefined) throw new SidecarError(`Session ${this.id} is open already. Close it first.`);
    this.#openOptions = options;
    this.#story = new Continuity(this.#params);
    this.#outgoing = this.#newOutgoing();
    const opening = (this.#opening = deferred<SessionSnapshot>());
    this.#listen();
    const { signal } = options;
    const onAbort = (): void => this.#fail(new SidecarAbortError({ method: 'session/open', sent: false }, signal?.reason));
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    if (this.#release !== undefined) this.#start();
    return opening.promise.finally(() => signal?.removeEventListener('abort', onAbort));
  }

  /**
   * Sends a chunk of PCM16 audio, base64 or bytes. False: wait for `drained()`, if whoever speaks can wait; the chunk
   * is kept all the same. In the states `failed` and `disconnected` it is not taken, which is false, too.
   * @throws LineTooLongError when the chunk does not fit into a line.
   */
  sendAudio(data: string | Uint8Array, mimeType?: string): boolean {
    if (this.#release === undefined || this.#closing !== undefined || this.state === 'failed') return false;
    return this.#outgoing.sendAudio(data, mimeType);
  }

  /**
   * Sends one message; resolves when a process has accepted it, whichever that is.
   * @throws SidecarRpcError when it is refused, BacklogFullError, SidecarTimeoutError, AbortError, SidecarClosedError,
   * or why the session failed meanwhile.
   */
  async send(payload: Payload, options: CallOptions = {}): Promise<SendResult> {
    if (this.#release === undefined || this.#closing !== undefined) throw this.#closedError();
    if (this.#failure !== undefined) throw this.#failure;
    const { functionResponses = [] } = (payload.toolResponse ?? {}) as { functionResponses?: { id?: string }[] };
    this.#story.answered(functionResponses);
    return this.#outgoing.send(payload, options);
  }

  /** Resolves when a process has the session and room for more; rejects when there will be none, or `close` works. */
  async drained(): Promise<void> {
    this.#mustTakeMore();
    await this.#outgoing.drained();
    this.#mustTakeMore();
  }

  /** Changes settings, in this process and all after it. @throws SidecarRpcError; SidecarDownError without a process. */
  async configure(settings: SessionSettings, options?: CallOptions): Promise<ConfigureResult> {
    const result = await this.#present().call('session/configure', { sessionId: this.id, settings }, options);
    this.#params = { ...this.#params, settings: patched(this.#params.settings ?? {}, settings) };
    this.#outgoing.limits = backlogLimits(this.#params.settings ?? {});
    return result;
  }

  /** Makes a new connection now. A session that `failed` is opened again if it is gone. */
  reconnect(options?: CallOptions): Promise<SessionSnapshot> {
    this.#parked = false;
    return this.#sidecar === undefined ? this.#openAgain() : this.#ask('session/reconnect', options);
  }

  /** Gives the line up until `resume()`; what is sent is kept. */
  async suspend(options?: CallOptions): Promise<SessionSnapshot | undefined> {
    if (this.#release === undefined) throw this.#closedError();
    this.#parked = true;
    if (this.#sidecar !== undefined) {
      return this.#ask('session/suspend', options).catch((error: Error) => {
        if (error instanceof SidecarRpcError) this.#parked = false; // refused: all is as it was
        throw error;
      });
    }
    this.#tell(this.#story.parked(Date.now()));
    return undefined;
  }

  /** Ends a suspension; resolves when the session is usable. */
  resume(options?: CallOptions): Promise<SessionSnapshot> {
    this.#parked = false;
    return this.#sidecar === undefined ? this.#openAgain() : this.#ask('session/resume', options);
  }

  get(options?: CallOptions): Promise<SessionSnapshot> {
    return this.#ask('session/get', options);
  }

  async ping(options?: CallOptions): Promise<SessionPingResult> {
    return this.#present().call('session/ping', { sessionId: this.id }, options);
  }

  async stats(options?: CallOptions): Promise<StatsResult> {
    return this.#present().call('session/stats', { sessionId: this.id }, options);
  }

  /**
   * Closes the session, giving what was sent `drainMs` (default `deadlines.drainMs`, 1000) to be confirmed; never
   * rejects for the loss of the process. If that is lost, as long is waited for the next one before. What was neither
   * confirmed nor told as dropped by then is told as `dropped`. A second call gets the same answer.
   */
  close({ drainMs }: { readonly drainMs?: number | undefined } = {}): Promise<void> {
    if (this.#release === undefined) return Promise.resolve();
    return (this.#closing ??= this.#close(drainMs).finally(() => (this.#closing = undefined)));
  }

  on<E extends keyof LiveSessionEvents>(event: E, listener: Listener<LiveSessionEvents[E]>): Unsubscribe {
    return this.#events.on(event, listener);
  }

  once<E extends keyof LiveSessionEvents>(event: E, listener: Listener<LiveSessionEvents[E]>): Unsubscribe {
    return this.#events.once(event, listener);
  }

  off<E extends keyof LiveSessionEvents>(event: E, listener: Listener<LiveSessionEvents[E]>): void {
    this.#events.off(event, listener);
  }

  // --- processes ------------------------------------------------------------------------------------------------

  #listen(): void {
    const supervisor = this.#supervisor;
    const undo: (() => void)[] = [
      supervisor.hold(),
      supervisor.on('up', ({ sidecar }) => this.#attach(sidecar)),
      supervisor.on('down', (down) => this.#lost(down)),
      supervisor.on('gaveUp', (error) => this.#fail(error)),
      supervisor.on('stopped', () => this.#end('leaving', new SidecarClosedError('The sidecar was stopped'))),
    ];
    const mine = (name: ShortName, params: { readonly sessionId: string }): void => {
      if (params.sessionId === this.id) this.#receive(name, params);
    };
    for (const [method, name] of SESSION_NOTIFICATIONS) undo.push(supervisor.on(method, (params) => mine(name, params)));
    this.#release = () => {
      for (const step of undo) step();
    };
  }

  /** Asks a process to open the session, and offers it what is kept; it takes the lines in this order. */
  #attach(sidecar: Sidecar): void {
    const isClosing = this.#closing !== undefined && this.#lastProcess === undefined;
    const isUnwanted = this.#release === undefined || this.#parked || isClosing;
    if (isUnwanted || this.#sidecar === sidecar || this.state === 'failed') return;
    this.#sidecar = sidecar;
    this.#isBeingOpened = true;
    const past = this.#story.past(Date.now());
    const again = past.lineEndedAgoMs !== undefined;
    const { heard, kept, last } = this.#outgoing;
    const params = reopening(this.#params, { ...past, heard, kept });
    this.#roomyThrough = again && kept > 0 ? last : undefined;
    sidecar.call('session/open', params, again ? {} : this.#openOptions).then(
      (snapshot) => this.#opened(sidecar, snapshot),
      (error: Error) => {
        if (this.#sidecar === sidecar) this.#fail(error);
      },
    );
    this.#outgoing.attach(sidecar, { again, resumes: past.handle !== undefined });
  }

  #opened(sidecar: Sidecar, snapshot: SessionSnapshot): void {
    if (this.#sidecar !== sidecar) return;
    this.#isBeingOpened = false;
    this.#opening?.resolve(this.#story.snapshot(snapshot));
    this.#opening = undefined;
    this.#lastProcess?.resolve();
  }

  #receive(name: ShortName, params: object): void {
    if (name === 'queue') this.#confirmed((params as LiveSessionEvents['queue']).confirmedThrough ?? -1);
    const state = name === 'stateChanged' ? (params as LiveSessionEvents['stateChanged']).state : undefined;
    const isOver = (state === 'disconnecting' || state === 'disconnected') && this.#closing === undefined;
    // An opening that is refused ends as `failed`, not as `disconnected`: the session is still wanted.
    if (isOver && this.#isBeingOpened && this.#wasUsable) return;
    this.#tell(this.#story.receive(name, params, Date.now(), this.#outgoing.waiting));
    if (state === 'failed' && this.#wasUsable) {
      const { error } = params as LiveSessionEvents['stateChanged'];
      this.#events.emit('failed', new SessionFailedError(this.id, error));
    }
    // The sidecar itself ended the session: above all, because this process did not read what it wrote.
    if (state === 'disconnected' && isOver && !this.#isBeingOpened) this.#end('closed', this.#closedError());
  }

  #confirmed(through: number): void {
    this.#outgoing.confirmed(through);
    if (this.#roomyThrough === undefined || through < this.#roomyThrough) return;
    this.#roomyThrough = undefined;
    const { maxMessages } = this.#params.settings?.outbox ?? {};
    if (maxMessages === undefined) return;
    const params = { sessionId: this.id, settings: { outbox: { maxMessages } } };
    // It is of no matter if it ends before: the next one begins with the app's own settings.
    this.#sidecar?.call('session/configure', params).catch(() => undefined);
  }

  #lost({ retryInMs, atMs }: DownEvent): void {
    const hadSession = this.#sidecar !== undefined;
    this.#sidecar = undefined;
    this.#isBeingOpened = false;
    this.#outgoing.detach();
    if (this.#closing !== undefined) return; // its call is rejected, and it goes on from there
    if (this.state !== 'failed') {
      this.#tell(this.#parked ? this.#story.parked(atMs) : this.#story.lost(atMs, retryInMs));
    }
    if (hadSession) this.#events.emit('lost', { atMs, retryInMs });
  }

  async #openAgain(): Promise<SessionSnapshot> {
    if (this.#release === undefined) throw this.#closedError();
    const opening = (this.#opening ??= deferred<SessionSnapshot>());
    this.#failure = undefined;
    this.#tell(this.#story.away(Date.now(), 0));
    this.#start();
    return opening.promise;
  }

  #start(): void {
    // A start that fails is told by `gaveUp` as well; here it matters when that was before this session listened.
    this.#supervisor.start().then(
      (sidecar) => this.#attach(sidecar),
      (error: Error) => this.#fail(error),
    );
  }

  /** The session cannot be had: never usable, it ends; else it is `failed` until `reconnect()` or `close()`. */
  #fail(error: Error): void {
    this.#lastProcess?.resolve();
    if (this.#release === undefined || this.#closing !== undefined) return;
    if (!this.#wasUsable) return this.#end('closed', error);
    this.#sidecar = undefined;
    this.#isBeingOpened = false;
    this.#failure = error;
    this.#outgoing.detach();
    if (this.state !== 'failed') {
      this.#tell(this.#story.failed(error));
      this.#events.emit('failed', error);
    }
    this.#refuseAll(error);
  }

  async #close(drainMs = this.#params.settings?.deadlines?.drainMs ?? DRAIN_MS): Promise<void> {
    if (this.#outgoing.kept > 0 && this.#isOnItsWay) await this.#nextProcess(drainMs);
    let isTold = false;
    try {
      const params = { sessionId: this.id, drainMs };
      const timeoutMs = drainMs + CLOSE_MARGIN_MS;
      const closed = await this.#sidecar?.call('session/close', params, { timeoutMs });
      this.#outgoing.confirmed(closed?.queue.confirmedThrough ?? -1);
      isTold = closed !== undefined;
    } catch {
      // The process is gone, hangs, or never had the session: it is closed either way.
    }
    this.#outgoing.clear(!isTold);
    this.#end('closed', this.#closedError());
  }

  /** Resolves when a process has the session, will not get it, or has not got it within `waitMs`. */
  async #nextProcess(waitMs: number): Promise<void> {
    const next = (this.#lastProcess = deferred<void>());
    const timer = startTimer(next.resolve, waitMs);
    await next.promise;
    clearTimeout(timer);
    this.#lastProcess = undefined;
  }

  #end(reason: string, error: Error): void {
    if (this.#release === undefined) return;
    if (this.state !== 'disconnected') this.#tell([this.#story.moved('disconnected', reason)]);
    this.#release();
    this.#release = undefined;
    this.#sidecar = undefined;
    this.#isBeingOpened = this.#parked = false;
    this.#failure = undefined;
    this.#lastProcess?.resolve();
    this.#outgoing.clear(true);
    this.#refuseAll(error);
  }

  #refuseAll(error: Error): void {
    this.#opening?.reject(error);
    this.#opening = undefined;
    this.#outgoing.refuseAll(error);
  }

  #tell(all: readonly Told[]): void {
    for (const { name, params } of all) {
      if (!this.#muted.has(`session/${name}`)) this.#events.emit(name, params as never);
    }
  }

  get #wasUsable(): boolean {
    return this.#story.past(0).lineEndedAgoMs !== undefined;
  }

  /** Whether a process is about to have the session again. */
  get #isOnItsWay(): boolean {
    if (!this.#wasUsable || this.#parked || this.state === 'failed') return false;
    return this.#sidecar === undefined ? this.#supervisor.running : this.#isBeingOpened;
  }

  #newOutgoing(): Outgoing {
    const limits = backlogLimits(this.#params.settings ?? {});
    return new Outgoing(this.id, limits, (dropped) => this.#tell([this.#story.dropped(dropped)]));
  }

  #mustTakeMore(): void {
    if (this.#release === undefined || this.#closing !== undefined) throw this.#closedError();
    if (this.state === 'failed') throw this.#failure ?? new SessionFailedError(this.id);
  }

  #present(): Sidecar {
    if (this.#release === undefined) throw this.#closedError();
    if (this.#sidecar === undefined) throw new SidecarDownError(`a call for session ${this.id}`);
    return this.#sidecar;
  }

  async #ask(method: SessionMethod, options?: CallOptions): Promise<SessionSnapshot> {
    return this.#story.snapshot(await this.#present().call(method, { sessionId: this.id }, options));
  }

  #closedError(): SidecarClosedError {
    return new SidecarClosedError(`Session ${this.id} is not open`, undefined, 'Open it with `open()`.');
  }
}
