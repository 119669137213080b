/** The app's class. What it says and answers is in `table.ts` and `getters.ts`, what it does in `conversation.ts`. */
import { EventEmitter, errorMonitor } from 'node:events';
import type { AppEvent, AppEvents, Getter, Getters } from './contract.js';
import { Conversation } from './conversation.js';
import type { ConnectionState, HeartbeatStatus } from './enums.js';
import { GeminiLiveError } from './errors.js';
import { GETTERS } from './getters.js';
import { newMirror } from './mirror.js';
import { ignoredOptions, plan, type GeminiLiveConfig } from './options.js';
import { errorId, lostError } from './reduce.js';
import { Sender } from './sender.js';
import type * as Shapes from './shapes.js';
import { rethrow, Stage } from './stage.js';

const DESTROYED = 'The client was destroyed. Make another one.';

/**
 * The client that the app had, with the connection in a sidecar.
 *
 * ```ts
 * const client = new GeminiLiveWebSocketClient({ apiKey });
 * client.on('chatResponse', ({ text, isFinal }) => isFinal && show(text));
 * await client.connect();
 * await client.sendRealtimeInput({ audio: { data: base64, mimeType: 'audio/pcm;rate=16000' } });
 * ```
 *
 * Methods reject with a {@link GeminiLiveError}. Getters answer at once. docs/app-events.md has every event.
 */
export class GeminiLiveWebSocketClient extends EventEmitter implements Getters {
  readonly #stage: Stage;
  readonly #conversation: Conversation;
  readonly #sender: Sender;
  /** As any emitter: `events.captureRejections` of the moment it was made. */
  readonly #captures = EventEmitter.captureRejections;
  #destroying: Promise<void> | undefined;

  /** @throws TypeError when there is no key; RangeError for a number that makes no sense. */
  constructor(config: GeminiLiveConfig) {
    super();
    const made = plan(config, process.env);
    const outlet = {
      hears: (event: AppEvent) => this.#hears(event),
      emit: (event: string, ...args: readonly unknown[]) => this.emit(event as never, ...(args as never[])),
    };
    this.#stage = new Stage(outlet, config.compat ?? 'r2', newMirror(made.reconnection, made.heartbeat));
    this.#conversation = new Conversation(this.#stage, made, config.sidecar, {
      opened: () => this.#sender.sessionOpened(),
      reported: (queue) => this.#sender.reported(queue),
      dropped: (dropped) => this.#sender.dropped(dropped),
      ended: () => this.#sender.sessionEnded(),
    });
    this.#sender = new Sender(
      {
        session: () => this.#conversation.session,
        happen: (happening) => this.#stage.happen(happening),
        errorOf: (error) => this.#conversation.errorOf(error),
        fault: (fault) => this.#fault(fault),
        lost: (dropped) => new GeminiLiveError(lostError(dropped, errorId(this.#stage.mirror), Date.now())),
      },
      made.maxWaiting,
    );
    const ignored = ignoredOptions(config);
    const { logger = console } = config;
    if (ignored.length > 0)
      logger.warn(`live-sidecar: options without effect: ${ignored.join(', ')}; see docs/migration.md`);
  }

  // --- connecting ---------------------------------------------------------------------------------------------------

  /** Resolves when the session is usable: at once if it is. An attempt that waits is made now. */
  async connect(): Promise<void> {
    if (this.#destroying !== undefined) throw this.#invalid(DESTROYED);
    return this.#conversation.connect();
  }

  /** Sends what was accepted, and closes the session; resolves when it is gone. */
  disconnect(): Promise<void> {
    return this.#conversation.disconnect();
  }

  /** Disconnects, lets the sidecar go and removes all listeners. The client cannot be used any more. */
  destroy(): Promise<void> {
    return (this.#destroying ??= this.#destroy());
  }

  // --- sending ------------------------------------------------------------------------------------------------------

  /**
   * Resolves when the sidecar has accepted the input; what is accepted is kept until its arrival is confirmed. Before
   * there is a session the input waits. `options`: docs/migration.md.
   */
  sendRealtimeInput(input: Shapes.RealtimeInput, options?: Shapes.MessageSendOptions): Promise<void> {
    if (this.#destroying !== undefined) return Promise.reject(this.#invalid(DESTROYED));
    return this.#sender.input(input, options);
  }

  /** Says that the user's turn is over. */
  sendTurnCompletion(): Promise<void> {
    return this.#sender.message({ clientContent: { turnComplete: true } });
  }

  /** Answers a `toolCall`. A result that is no object is sent as `{ result }`. */
  sendToolCallResponse(id: string, name: string, result: unknown): Promise<void> {
    const isObject = typeof result === 'object' && result !== null && !Array.isArray(result);
    const response = isObject ? result : { result: result ?? null };
    return this.#sender.message({ toolResponse: { functionResponses: [{ id, name, response }] } });
  }

  // --- settings and sessions ----------------------------------------------------------------------------------------

  /** A value that makes no sense changes nothing, and is told as an `error` of the type `validation`. */
  updateReconnectionConfig(partial: Partial<Shapes.ReconnectionConfig>): void {
    this.#update(() => this.#conversation.changeReconnection(partial));
  }

  /** As `updateReconnectionConfig()`. */
  updateHeartbeatConfig(partial: Partial<Shapes.HeartbeatConfig>): void {
    this.#update(() => this.#conversation.changeHeartbeat(partial));
  }

  resetConnectionMetrics(): void {
    this.#stage.happen({ name: 'metricsReset', params: {} });
  }

  /** Gives the line up until `connect()` or `resumeSpecificSession()`; what is sent meanwhile is kept. */
  suspendCurrentSession(reason = 'manual'): void {
    this.#conversation.suspend(reason);
  }

  /** Goes on with a session of `getResumableSessions()`, in place of the present one. False: there is none. */
  resumeSpecificSession(sessionId: string): boolean {
    return this.#destroying === undefined && this.#conversation.resume(sessionId);
  }

  /** Forgets the sessions that could be resumed. The present one goes on. */
  clearAllSessions(): void {
    this.#conversation.forgetOthers();
  }

  // --- getters: see getters.ts -------------------------------------------------------------------------------------

  isConnected(): boolean {
    return this.#read('isConnected');
  }
  isSetupCompleted(): boolean {
    return this.#read('isSetupCompleted');
  }
  getConnectionState(): ConnectionState {
    return this.#read('getConnectionState');
  }
  getErrorStats(): Shapes.ErrorStats {
    return this.#read('getErrorStats');
  }
  getRecentErrors(limit?: number): Shapes.GeminiError[] {
    return this.#read('getRecentErrors', limit);
  }
  getConnectionMetrics(): Shapes.ConnectionMetrics {
    return this.#read('getConnectionMetrics');
  }
  getReconnectionState(): Shapes.ReconnectionState {
    return this.#read('getReconnectionState');
  }
  getConnectionHistory(): Shapes.ConnectionHistoryEntry[] {
    return this.#read('getConnectionHistory');
  }
  getHeartbeatStatus(): HeartbeatStatus {
    return this.#read('getHeartbeatStatus');
  }
  getHeartbeatMetrics(): Shapes.HeartbeatMetrics {
    return this.#read('getHeartbeatMetrics');
  }
  isConnectionHealthy(): boolean {
    return this.#read('isConnectionHealthy');
  }
  getQueueStatistics(): Shapes.QueueStatistics {
    return this.#read('getQueueStatistics');
  }
  getCurrentSession(): Shapes.SessionData | null {
    return this.#read('getCurrentSession');
  }
  getSessionStats(): Shapes.SessionStats {
    return this.#read('getSessionStats');
  }
  getResumableSessions(): Shapes.SessionData[] {
    return this.#read('getResumableSessions');
  }

  // --- listening ----------------------------------------------------------------------------------------------------

  /**
   * Calls the listeners. One that throws does not stop the others: its error reaches `uncaughtException`, as that of
   * any callback. An `error` that nobody listens to does not throw.
   */
  override emit<E extends AppEvent>(event: E, ...args: AppEvents[E]): boolean;
  override emit<E extends string | symbol>(event: Unknown<E>, ...args: any[]): boolean;
  override emit(event: string | symbol, ...args: any[]): boolean {
    if (event === 'error' && this.listenerCount(errorMonitor) > 0) this.emit(errorMonitor, ...args);
    const listeners = this.rawListeners(event);
    for (const listener of listeners) {
      try {
        const result: unknown = Reflect.apply(listener, this, args);
        if (this.#captures && result instanceof Promise) result.catch((error) => this.#rejected(error, event, args));
      } catch (error) {
        rethrow(error);
      }
    }
    return listeners.length > 0;
  }

  override on<E extends AppEvent>(event: E, listener: (...args: AppEvents[E]) => void): this;
  override on<E extends string | symbol>(event: Unknown<E>, listener: (...args: any[]) => void): this;
  override on(event: string | symbol, listener: (...args: any[]) => void): this {
    super.on(event, listener);
    if (event === 'reconnectionCountdown') this.#stage.watchCountdown();
    return this;
  }

  override addListener<E extends AppEvent>(event: E, listener: (...args: AppEvents[E]) => void): this;
  override addListener<E extends string | symbol>(event: Unknown<E>, listener: (...args: any[]) => void): this;
  override addListener(event: string | symbol, listener: (...args: any[]) => void): this {
    return this.on(event, listener);
  }

  override prependListener<E extends AppEvent>(event: E, listener: (...args: AppEvents[E]) => void): this;
  override prependListener<E extends string | symbol>(event: Unknown<E>, listener: (...args: any[]) => void): this;
  override prependListener(event: string | symbol, listener: (...args: any[]) => void): this {
    super.prependListener(event, listener);
    if (event === 'reconnectionCountdown') this.#stage.watchCountdown();
    return this;
  }

  /** An app that has an `emit` of its own hears everything. */
  #hears(event: AppEvent): boolean {
    if (this.listenerCount(event) > 0 || this.emit !== GeminiLiveWebSocketClient.prototype.emit) return true;
    return event === 'error' && this.listenerCount(errorMonitor) > 0;
  }

  /** Of a listener that is an async function, where the app captures them. */
  #rejected(error: unknown, event: string | symbol, args: unknown[]): void {
    const handler: unknown = Reflect.get(this, Symbol.for('nodejs.rejection'));
    if (typeof handler === 'function') Reflect.apply(handler, this, [error, event, ...args]);
    else if (event === 'error' || !this.emit('error', error as Shapes.GeminiError)) rethrow(error);
  }

  #update(change: () => void): void {
    try {
      change();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#conversation.failedQuietly(this.#invalid(error.message));
    }
  }

  #read<G extends Getter>(name: G, ...args: Parameters<Getters[G]>): ReturnType<Getters[G]> {
    return GETTERS[name].read(this.#stage.mirror, Date.now(), ...args);
  }

  #invalid(message: string): GeminiLiveError {
    return this.#fault({ type: 'validation', message });
  }

  #fault(fault: Pick<Shapes.GeminiError, 'type' | 'message' | 'code'>): GeminiLiveError {
    const id = errorId(this.#stage.mirror);
    return new GeminiLiveError({ ...fault, id, name: 'GeminiError', timestamp: Date.now(), retryable: false });
  }

  async #destroy(): Promise<void> {
    await this.#conversation.disconnect();
    this.#sender.giveUp(this.#invalid('The client was destroyed before there was a session.'));
    this.#stage.stop();
    await this.#conversation.release();
    this.removeAllListeners();
  }
}

/** Any name but those of the contract, whose listeners have their own arguments. */
type Unknown<E extends string | symbol> = E extends AppEvent ? never : E;

/** The other ways to listen, with the arguments of each event. */
export interface GeminiLiveWebSocketClient {
  once<E extends AppEvent>(event: E, listener: (...args: AppEvents[E]) => void): this;
  once<E extends string | symbol>(event: Unknown<E>, listener: (...args: any[]) => void): this;
  prependOnceListener<E extends AppEvent>(event: E, listener: (...args: AppEvents[E]) => void): this;
  prependOnceListener<E extends string | symbol>(event: Unknown<E>, listener: (...args: any[]) => void): this;
  off<E extends AppEvent>(event: E, listener: (...args: AppEvents[E]) => void): this;
  off<E extends string | symbol>(event: Unknown<E>, listener: (...args: any[]) => void): this;
  removeListener<E extends AppEvent>(event: E, listener: (...args: AppEvents[E]) => void): this;
  removeListener<E extends string | symbol>(event: Unknown<E>, listener: (...args: any[]) => void): this;
}
