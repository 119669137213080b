/** The sessions of one client, one at a time: opened, gone on with, suspended and closed, as the app asks for it. */
import { randomUUID } from 'node:crypto';
import { SidecarClosedError, SidecarDownError, SidecarRpcError } from '../errors.js';
import type { Unsubscribe } from '../events.js';
import type { Dropped, OpenParams, QueueReport, State } from '../generated/protocol.js';
import type { Secret } from '../secret.js';
import { SESSION_NOTIFICATIONS } from '../session-events.js';
import { LiveSession } from '../session.js';
import { Changes } from './changes.js';
import { fromError, GeminiLiveError } from './errors.js';
import type { Happening } from './happenings.js';
import { laidOver, type GeminiLiveConfig, type Plan } from './options.js';
import { errorId } from './reduce.js';
import type { HeartbeatConfig, ReconnectionConfig, SessionData } from './shapes.js';
import { lease, type Lease } from './shared.js';
import type { Stage } from './stage.js';

/** Beyond the sidecar's own deadline of an opening: for a process that has to be started first. */
const OPEN_MARGIN_MS = 30_000;

/** The session gets its line by itself, or has it. */
const COMING: ReadonlySet<State> = new Set<State>(['connecting', 'reconnecting', 'connected']);

interface Running {
  readonly session: LiveSession;
  /** How long an app waits for it. */
  readonly openMs: number;
  readonly deafen: Unsubscribe;
}

interface Kept {
  readonly handle: Secret;
  readonly endedAtMs: number;
}

export interface ConversationHost {
  /** A session takes messages from now on. */
  opened(): void;
  /** `session/queue`. */
  reported(queue: QueueReport): void;
  /** `session/dropped`. */
  dropped(dropped: Dropped): void;
  /** The session takes no messages any more, and tells nothing. */
  ended(): void;
}

export class Conversation {
  readonly #stage: Stage;
  readonly #plan: Plan;
  readonly #own: GeminiLiveConfig['sidecar'];
  readonly #host: ConversationHost;
  readonly #changes: Changes;
  readonly #resumable = new Map<string, Kept>();
  #running: Running | undefined;
  /** The newest of the running session. */
  #handle: Secret | undefined;
  #lease: Lease | undefined;
  /** Every call that changes what is wanted makes the ones before it obsolete. */
  #turn = 0;
  #connecting: Promise<void> | undefined;
  #closing: Promise<void> = Promise.resolve();
  /** Settings that no process could be told yet. */
  #isDirty = false;

  constructor(stage: Stage, plan: Plan, own: GeminiLiveConfig['sidecar'], host: ConversationHost) {
    this.#stage = stage;
    this.#plan = plan;
    this.#own = own;
    this.#host = host;
    this.#changes = new Changes(stage, plan);
  }

  get session(): LiveSession | undefined {
    return this.#running?.session;
  }

  connect(): Promise<void> {
    if (this.#connecting !== undefined) return this.#connecting;
    if (this.#stage.mirror.state === 'connected') return Promise.resolve();
    const running = this.#running;
    // One that is being closed is not gone on with.
    const isAlive = running !== undefined && this.#stage.mirror.wanted && running.session.state !== 'disconnected';
    return this.#connect(isAlive ? () => this.#goOn(running) : () => this.#open(newSessionId()));
  }

  disconnect(): Promise<void> {
    this.#obsolete();
    const { wanted } = this.#stage.mirror;
    if (wanted) this.#happen({ name: 'disconnectCalled', params: {} });
    const running = this.#running;
    if (running === undefined) {
      const turn = this.#turn;
      const closed = (): void => {
        if (turn === this.#turn) this.#happen({ name: 'closed', params: { resumable: false } });
      };
      if (wanted) this.#closing = this.#closing.then(closed);
      return this.#closing;
    }
    // Even if it cannot be closed as it should, to the app it is gone.
    const closed = running.session.close().catch((error: unknown) => this.failedQuietly(error));
    return (this.#closing = closed.then(() => this.#end(running)));
  }

  suspend(reason: string): void {
    const { session } = this;
    if (session === undefined || !this.#stage.mirror.wanted) return;
    this.#obsolete();
    this.#happen({ name: 'suspendCalled', params: { reason } });
    session.suspend().catch((error: unknown) => this.failedQuietly(error));
  }

  resume(sessionId: string): boolean {
    const { mirror } = this.#stage;
    const isPresent = this.#running !== undefined && mirror.session?.sessionId === sessionId;
    const kept = this.#resumable.get(sessionId);
    if (!isPresent && kept === undefined) return false;
    if (!isPresent) void this.disconnect();
    const connected = isPresent ? this.connect() : this.#connect(() => this.#open(sessionId, kept));
    connected.catch(() => undefined); // told by events
    return true;
  }

  forgetOthers(): void {
    this.#resumable.clear();
    this.#happen({ name: 'sessionsCleared', params: {} });
  }

  /** @throws RangeError for a value that makes no sense: then nothing is changed. */
  changeReconnection(partial: Partial<ReconnectionConfig>): void {
    this.#configure(this.#changes.reconnection(partial));
  }

  /** @throws RangeError for a value that makes no sense: then nothing is changed. */
  changeHeartbeat(partial: Partial<HeartbeatConfig>): void {
    this.#configure(this.#changes.heartbeat(partial));
  }

  /** Tells the running session what `update...Config()` changed; one that is opened later learns it then. */
  #configure(takeBack: () => void = () => {}): void {
    const { session } = this;
    if (session === undefined) return;
    this.#isDirty = false;
    session.configure(this.#changes.settings).catch((error: unknown) => {
      this.#isDirty = error instanceof SidecarDownError;
      if (this.#isDirty) return;
      if (error instanceof SidecarRpcError && error.kind === 'invalidParams') takeBack();
      this.failedQuietly(error);
    });
  }

  /** The sidecar is not needed any more. */
  async release(): Promise<void> {
    await this.#lease?.release();
    this.#lease = undefined;
  }

  /** The error as the app knows it. */
  errorOf(error: unknown): GeminiLiveError {
    return error instanceof GeminiLiveError
      ? error
      : new GeminiLiveError(fromError(error, errorId(this.#stage.mirror), Date.now()), error);
  }

  failedQuietly(error: unknown): void {
    this.#happen({ name: 'failedQuietly', params: { error: this.errorOf(error).toGeminiError() } });
  }

  // --- one session --------------------------------------------------------------------------------------------------

  #connect(how: () => Promise<unknown>): Promise<void> {
    const turn = ++this.#turn;
    const connecting = (async () => {
      try {
        await how();
      } catch (cause) {
        const error = this.errorOf(turn === this.#turn ? cause : givenUp());
        const running = this.#running;
        // One that took too long for the caller, and still reconnects, has not failed.
        const goesOn = running !== undefined && COMING.has(running.session.state);
        if (turn === this.#turn && !goesOn) {
          this.#happen({ name: 'connectFailed', params: { error: error.toGeminiError() } });
          if (running?.session.state === 'disconnected') this.#forget(running);
        }
        throw error;
      } finally {
        if (turn === this.#turn) this.#connecting = undefined;
      }
    })();
    return (this.#connecting = connecting);
  }

  /** The session is there, without a line: it waits for its next attempt, failed, or is suspended. */
  #goOn({ session, openMs }: Running): Promise<unknown> {
    const isSuspended = this.#stage.mirror.session?.status === 'suspended';
    this.#happen({ name: 'resumeCalled', params: {} });
    const options = { timeoutMs: openMs };
    return isSuspended ? session.resume(options) : session.reconnect(options);
  }

  async #open(sessionId: string, kept?: Kept): Promise<unknown> {
    const turn = this.#turn;
    const closed = this.#closing;
    // The one before is over for the app now, whatever it still takes to close it.
    if (this.#running !== undefined) this.#end(this.#running);
    this.#happen({ name: 'connectCalled', params: { session: this.#describe(sessionId) } });
    this.#handle = kept?.handle;
    this.#resumable.delete(sessionId);
    await closed;
    if (turn !== this.#turn)
      throw givenUp();
    this.#lease ??= lease(this.#own);
    const params = this.#params(sessionId, kept);
    const session = new LiveSession(this.#lease.supervisor, params);
    const openMs = params.settings?.deadlines?.openMs ?? OPEN_MARGIN_MS;
    this.#running = { session, openMs, deafen: this.#listenTo(session) };
    const withinMs = openMs + OPEN_MARGIN_MS;
    const opened = session.open({ timeoutMs: withinMs, signal: AbortSignal.timeout(withinMs) });
    this.#host.opened();
    return opened;
  }

  #listenTo(session: LiveSession): Unsubscribe {
    const undo = SESSION_NOTIFICATIONS.map(([, name]) =>
      session.on(name, (params) => {
        const happening = { name, params } as Happening;
        this.#happen(happening);
        this.#learn(happening);
      }),
    );
    return () => {
      for (const step of undo) step();
    };
  }

  #learn({ name, params }: Happening): void {
    if (name === 'resumption' && params.resumable && params.handle !== undefined) this.#handle = params.handle;
    if (name === 'queue') this.#host.reported(params);
    if (name === 'dropped') this.#host.dropped(params);
    if (name !== 'stateChanged') return;
    const { stateRestored, state } = params;
    if (stateRestored === 'fresh' || stateRestored === 'reseeded') this.#handle = undefined;
    if (state === 'connected' && this.#isDirty) this.#configure();
  }

  #end(running: Running): void {
    if (this.#running !== running) return;
    const { id } = running.session;
    const handle = this.#handle;
    this.#forget(running);
    if (handle !== undefined) this.#resumable.set(id, { handle, endedAtMs: Date.now() });
    const params = { resumable: handle !== undefined };
    // A session that ended by itself was not closed by the app.
    this.#happen(this.#stage.mirror.wanted ? { name: 'sessionEnded', params } : { name: 'closed', params });
  }

  #forget({ deafen }: Running): void {
    deafen();
    this.#running = undefined;
    this.#handle = undefined;
    this.#host.ended();
  }

  #obsolete(): void {
    this.#turn++;
    this.#connecting = undefined;
  }

  #describe(sessionId: string): SessionData {
    const { model, modalities, systemInstruction } = this.#plan;
    const now = new Date();
    const known = this.#stage.mirror.pastSessions.find((past) => past.sessionId === sessionId);
    return {
      sessionId,
      modelId: model,
      createdAt: known?.createdAt ?? now,
      lastActivity: now,
      status: 'active',
      config: { model, responseModalities: [...modalities], systemInstruction },
      connectionHistory: known?.connectionHistory ?? [],
      messageCount: known?.messageCount ?? 0,
      turnCount: known?.turnCount ?? 0,
    };
  }

  #params(sessionId: string, kept: Kept | undefined): OpenParams {
    const { params } = this.#plan;
    const resumption = kept && {
      resumption: { handle: kept.handle, previousCloseAgeMs: Math.max(0, Date.now() - kept.endedAtMs) },
    };
    const settings = laidOver(laidOver(params.settings ?? {}, this.#changes.settings), resumption ?? {});
    return { ...params, sessionId, settings };
  }

  #happen(happening: Happening): void {
    this.#stage.happen(happening);
  }
}

function givenUp(): SidecarClosedError {
  const why = 'disconnect() or suspendCurrentSession() was called before the session was open';
  return new SidecarClosedError(why, undefined, 'Call `connect()` again.');
}

function newSessionId(): string {
  return `gemini_${randomUUID()}`;
}
