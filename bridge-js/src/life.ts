/**
 * What befalls one session: which process has it, how it is lost with one and comes back with the next, how it ends.
 * What it sends is in `outgoing.ts`, how it is told in `continuity.ts`.
 */
import type { Payload } from './backlog.js';
import type { CallOptions } from './calls.js';
import { Closing, type Closable } from './closing.js';
import { Continuity } from './continuity.js';
import { SessionFailedError, SidecarClosedError, SidecarDownError } from './errors.js';
import type { Emitter } from './events.js';
import type { OpenParams, SendResult, SessionSettings, SessionSnapshot, State } from './generated/protocol.js';
import { listen } from './listening.js';
import { Opening } from './opening.js';
import { Outgoing } from './outgoing.js';
import type { LiveSessionEvents, ShortName } from './session-events.js';
import type { Sidecar } from './sidecar.js';
import type { DownEvent, Supervisor } from './supervisor.js';
import { Telling } from './telling.js';
import { Terms } from './terms.js';

export class Life implements Closable {
  outgoing: Outgoing;
  /** The process that has the session, from the moment it is asked to open it. */
  sidecar: Sidecar | undefined;
  readonly #id: string;
  readonly #supervisor: Supervisor;
  readonly #telling: Telling;
  readonly #terms: Terms;
  #story: Continuity;
  /** The call of `session/open` is not answered. */
  #isBeingOpened = false;
  /** Present while the session is wanted. */
  #release: (() => void) | undefined;
  #opening: Opening | undefined;
  /** Suspended by the app: then no process is asked to open it. */
  #parked = false;
  readonly #isAsked = (): boolean => this.sidecar !== undefined;
  readonly #closing = new Closing();
  /** Present while it is being closed. */
  #closed: Promise<void> | undefined;
  /** The process said that the session is `disconnected`: told when it has ended here, too. */
  #lastWord: object | undefined;
  /** Why no process has the session any more, and none will be asked. */
  #failure: Error | undefined;

  constructor(supervisor: Supervisor, params: OpenParams, events: Emitter<LiveSessionEvents>) {
    this.#id = params.sessionId;
    this.#supervisor = supervisor;
    this.#terms = new Terms(params);
    this.#telling = new Telling(events, this.#terms.muted);
    this.#story = new Continuity(params);
    this.outgoing = this.#newOutgoing();
  }

  get state(): State {
    return this.#story.state;
  }

  /** From `open` until it has ended. */
  get isWanted(): boolean {
    return this.#release !== undefined;
  }

  get takesMore(): boolean {
    return this.isWanted && this.#closed === undefined;
  }

  /** Whether something waits to be delivered, and a process is about to have the session again. */
  get needsProcess(): boolean {
    if (this.outgoing.kept === 0 || !this.#story.wasUsable || this.#parked || this.state === 'failed') return false;
    return this.sidecar === undefined ? this.#supervisor.running : this.#isBeingOpened;
  }

  /** @throws SidecarClosedError, or why the session failed. */
  mustTakeMore(): void {
    if (!this.takesMore) throw this.#closedError();
    if (this.state === 'failed') throw this.#failure ?? new SessionFailedError(this.#id);
  }

  /** The process that has the session. @throws SidecarClosedError, SidecarDownError when there is none. */
  present(): Sidecar {
    if (!this.isWanted) throw this.#closedError();
    if (this.sidecar === undefined) throw new SidecarDownError(`a call for session ${this.#id}`);
    return this.sidecar;
  }

  /** A snapshot of the process, as the app knows the session. */
  seen(snapshot: SessionSnapshot): SessionSnapshot {
    return this.#story.snapshot(snapshot);
  }

  send(payload: Payload, options: CallOptions): Promise<SendResult> {
    this.mustTakeMore();
    this.#story.sent(payload);
    return this.outgoing.send(payload, options);
  }

  /** The process took these settings: they hold in all after it. */
  configured(settings: SessionSettings): void {
    this.#terms.configured(settings);
    this.outgoing.limits = this.#terms.limits;
  }

  async open(options: CallOptions): Promise<SessionSnapshot> {
    const opening = (this.#opening = new Opening(this.#terms.openingMs(false)));
    opening.limit(options, this.#isAsked, (error) => this.#fail(error));
    this.#story = new Continuity(this.#terms.params);
    this.outgoing = this.#newOutgoing();
    this.#release = listen(this.#supervisor, this.#id, {
      up: (sidecar) => this.#attach(sidecar),
      down: (down) => this.#lost(down),
      gaveUp: (error) => this.#fail(error),
      stopped: (error) => this.#end('leaving', error),
      receive: (name, params) => this.#receive(name, params),
    });
    this.#start(opening);
    return opening.promise;
  }

  /** The session is to have a line again. Undefined: a process has it, and must be asked. */
  revive(method: string, options: CallOptions = {}): Promise<SessionSnapshot> | undefined {
    if (this.sidecar === undefined) return this.#openAgain(method, options);
    return this.unpark();
  }

  /** The session is to have no line. False: a process has it, and must be asked. */
  park(): boolean {
    if (!this.isWanted) throw this.#closedError();
    this.#parked = true;
    if (this.sidecar !== undefined) return false;
    this.#parkedAlone(Date.now());
    return true;
  }

  unpark(): undefined {
    this.#parked = false;
    this.#opening?.leaveDeadline();
  }

  close(drainMs: number | undefined): Promise<void> {
    if (!this.isWanted) return Promise.resolve();
    return (this.#closed ??= this.#close(drainMs));
  }

  /** Asks a process to open the session, and offers it what is kept; it takes the lines in this order. */
  #attach(sidecar: Sidecar): void {
    const isClosing = this.#closed !== undefined && !this.#closing.isWaiting;
    if (!this.isWanted || this.#parked || isClosing) return;
    if (this.sidecar === sidecar || this.state === 'failed') return;
    this.sidecar = sidecar;
    this.#isBeingOpened = true;
    this.#lastWord = undefined;
    const past = this.#story.past(Date.now());
    const again = past.lineEndedAgoMs !== undefined;
    const { heard, kept, last } = this.outgoing;
    const params = this.#terms.next({ ...past, heard, kept }, last);
    sidecar.call('session/open', params, again ? {} : this.#opening?.callOptions).then(
      (snapshot) => this.#opened(sidecar, snapshot),
      (error: Error) => {
        if (this.sidecar === sidecar) this.#fail(error);
      },
    );
    this.#telling.after(() => this.outgoing.attach(sidecar, { again, resumes: past.handle !== undefined }));
  }

  #opened(sidecar: Sidecar, snapshot: SessionSnapshot): void {
    if (this.sidecar !== sidecar) return;
    this.#isBeingOpened = false;
    this.#opening = this.#opening?.resolve(this.#story.snapshot(snapshot));
    this.#closing.wakeUp();
  }

  #receive(name: ShortName, params: object): void {
    if (name === 'queue') this.#confirmed((params as LiveSessionEvents['queue']).confirmedThrough ?? -1);
    const state = name === 'stateChanged' ? (params as LiveSessionEvents['stateChanged']).state : undefined;
    const isOver = (state === 'disconnecting' || state === 'disconnected') && this.#closed === undefined;
    // An opening that is refused ends as `failed`, not as `disconnected`: the session is still wanted.
    if (isOver && this.#isBeingOpened && this.#story.wasUsable) return;
    if (state === 'disconnected') {
      this.#lastWord = params;
      // The sidecar itself ended the session: above all, because this process did not read what it wrote.
      return isOver && !this.#isBeingOpened ? this.#end('closed', this.#closedError()) : undefined;
    }
    const told = this.#story.receive(name, params, Date.now(), () => this.outgoing.waiting);
    if (state !== 'failed' || !this.#story.wasUsable) return this.#telling.tellAll(told);
    this.#failure = new SessionFailedError(this.#id, (params as LiveSessionEvents['stateChanged']).error);
    this.#telling.tellAll(told, this.#failure);
  }

  #confirmed(through: number): void {
    this.outgoing.confirmed(through);
    const settings = this.#terms.confirmed(through);
    if (settings === undefined) return;
    // It is of no matter if it ends before: the next one begins with the app's own settings.
    this.sidecar?.call('session/configure', { sessionId: this.#id, settings }).catch(() => undefined);
  }

  #lost({ retryInMs, atMs }: DownEvent): void {
    this.#telling.after(() => {
      const hadSession = this.sidecar !== undefined;
      this.#detach();
      // `close` goes on by itself: its call was rejected. There may be nothing that it needs another process for.
      if (this.#closed !== undefined && !this.needsProcess) return;
      if (this.#parked) this.#parkedAlone(atMs);
      else if (this.state !== 'failed') this.#telling.tellAll(this.#story.lost(atMs, retryInMs));
      if (hadSession) this.#telling.tell('lost', { atMs, retryInMs });
    });
  }

  #detach(): void {
    this.sidecar = undefined;
    this.#isBeingOpened = false;
    this.outgoing.detach();
  }

  /** Suspended, and no process knows of it: the deadline of an opening is kept here, as the sidecar would. */
  #parkedAlone(atMs: number): void {
    if (this.state !== 'failed') this.#telling.tellAll(this.#story.parked(atMs));
    this.#opening?.keepDeadline((error) => {
      if (!this.#story.wasUsable) return this.#end('closed', error);
      this.#opening = this.#opening?.reject(error);
    });
  }

  async #openAgain(method: string, options: CallOptions): Promise<SessionSnapshot> {
    if (!this.isWanted) throw this.#closedError();
    const opening = this.#opening ?? new Opening(this.#terms.openingMs(this.#story.wasUsable));
    const usable = opening.within(method, options, this.#isAsked);
    this.unpark();
    this.#opening = opening;
    this.#failure = undefined;
    this.#telling.after(() => {
      this.#telling.tellAll(this.#story.away(Date.now(), 0));
      this.#start(opening);
    });
    return usable;
  }

  #start(opening: Opening): void {
    // After the `stop()` that ends this session, too, there is to be no process.
    if (this.#supervisor.stopping) return this.#fail(new SidecarClosedError('The sidecar is being stopped'));
    // A start that fails is told by `gaveUp` as well; here it matters when that was before this session listened.
    this.#supervisor.start().then(
      (sidecar) => this.#attach(sidecar),
      (error: Error) => this.#opening === opening && this.#fail(error),
    );
  }

  /** The session cannot be had: never usable, it ends; else it is `failed` until `reconnect()` or `close()`. */
  #fail(error: Error): void {
    this.#closing.wakeUp();
    if (!this.takesMore) return;
    if (!this.#story.wasUsable) return this.#end('closed', error);
    this.#telling.after(() => {
      this.#detach();
      this.#refuseAll(error);
      this.#failure = error;
      if (this.state !== 'failed') this.#telling.tellAll(this.#story.failed(error), error);
    });
  }

  async #close(drainMs = this.#terms.drainMs): Promise<void> {
    const { outgoing } = this;
    const closed = await this.#closing.close(this.#id, this, drainMs);
    if (outgoing !== this.outgoing) return; // it ended otherwise, and was opened again
    outgoing.confirmed(closed?.queue.confirmedThrough ?? -1);
    outgoing.clear(closed === undefined);
    this.#end('closed', this.#closedError());
  }

  #end(reason: string, error: Error): void {
    if (!this.isWanted) return;
    this.#telling.after(() => {
      this.#release?.();
      this.#release = this.sidecar = this.#failure = this.#closed = undefined;
      this.#isBeingOpened = false;
      this.unpark();
      this.#closing.wakeUp();
      this.outgoing.clear(true);
      this.#refuseAll(error);
      this.#telling.tellAll(this.#story.ended(reason, this.#lastWord, Date.now()));
      this.#lastWord = undefined;
    });
  }

  #refuseAll(error: Error): void {
    this.#opening = this.#opening?.reject(error);
    this.outgoing.refuseAll(error);
  }

  #newOutgoing(): Outgoing {
    return new Outgoing(this.#id, this.#terms.limits, (lost) => this.#telling.tellAll([this.#story.dropped(lost)]));
  }

  #closedError(): SidecarClosedError {
    return new SidecarClosedError(`Session ${this.#id} is not open`, undefined, 'Open it with `open()`.');
  }
}
