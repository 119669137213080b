/** One session over as many processes as it takes, as an app sees it. What befalls it is in `life.ts`. */
import type { Payload } from './backlog.js';
import type { CallOptions } from './calls.js';
import { SidecarError, SidecarRpcError } from './errors.js';
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
import { Life } from './life.js';
import type { LiveSessionEvents } from './session-events.js';
import type { Supervisor } from './supervisor.js';

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
  readonly #events = new Emitter<LiveSessionEvents>();
  readonly #life: Life;

  /** `params` are those of `session/open`; secrets in them are best given as `Secret`. */
  constructor(supervisor: Supervisor, params: OpenParams) {
    this.id = params.sessionId;
    this.#life = new Life(supervisor, params, this.#events);
  }

  get state(): State {
    return this.#life.state;
  }

  /** The number of the last message given to it, audio too, as `queue` and `dropped` name them; -1 before the first. */
  get lastNumber(): number {
    return this.#life.outgoing.last;
  }

  /**
   * Opens the session, starting the sidecar if need be; resolves when it is usable. A crash on the way is survived
   * like any other.
   * @throws SidecarRpcError when the service or the sidecar refuses, AbortError, or what `Supervisor.start` throws.
   */
  async open(options: CallOptions = {}): Promise<SessionSnapshot> {
    if (this.#life.isWanted) throw new SidecarError(`Session ${this.id} is open already. Close it first.`);
    return this.#life.open(options);
  }

  /**
   * Sends a chunk of PCM16 audio, base64 or bytes. False: wait for `drained()`, if whoever speaks can wait; the chunk
   * is kept all the same. In the states `failed` and `disconnected` it is not taken, which is false, too.
   * @throws LineTooLongError when the chunk does not fit into a line.
   */
  sendAudio(data: string | Uint8Array, mimeType?: string): boolean {
    return this.#life.takesMore && this.state !== 'failed' && this.#life.outgoing.sendAudio(data, mimeType);
  }

  /**
   * Sends one message; resolves when a process has accepted it, whichever that is.
   * @throws SidecarRpcError when it is refused, BacklogFullError, SidecarTimeoutError, AbortError, SidecarClosedError,
   * or why the session failed meanwhile.
   */
  async send(payload: Payload, options: CallOptions = {}): Promise<SendResult> {
    return this.#life.send(payload, options);
  }

  /** Resolves when a process has the session and room for more; rejects when there will be none, or `close` works. */
  async drained(): Promise<void> {
    this.#life.mustTakeMore();
    await this.#life.outgoing.drained();
    this.#life.mustTakeMore();
  }

  /** Changes settings, in this process and all after it. @throws SidecarRpcError; SidecarDownError without a process. */
  async configure(settings: SessionSettings, options?: CallOptions): Promise<ConfigureResult> {
    const result = await this.#life.present().call('session/configure', { sessionId: this.id, settings }, options);
    this.#life.configured(settings);
    return result;
  }

  /** Makes a new connection now. A session that `failed` is opened again if it is gone. */
  reconnect(options?: CallOptions): Promise<SessionSnapshot> {
    return this.#life.revive('session/reconnect', options) ?? this.#ask('session/reconnect', options);
  }

  /** Gives the line up until `resume()`; what is sent is kept. */
  async suspend(options?: CallOptions): Promise<SessionSnapshot | undefined> {
    if (this.#life.park()) return undefined;
    return this.#ask('session/suspend', options).catch((error: Error) => {
      if (error instanceof SidecarRpcError) this.#life.unpark(); // refused: all is as it was
      throw error;
    });
  }

  /** Ends a suspension; resolves when the session is usable. */
  resume(options?: CallOptions): Promise<SessionSnapshot> {
    return this.#life.revive('session/resume', options) ?? this.#ask('session/resume', options);
  }

  get(options?: CallOptions): Promise<SessionSnapshot> {
    return this.#ask('session/get', options);
  }

  async ping(options?: CallOptions): Promise<SessionPingResult> {
    return this.#life.present().call('session/ping', { sessionId: this.id }, options);
  }

  async stats(options?: CallOptions): Promise<StatsResult> {
    return this.#life.present().call('session/stats', { sessionId: this.id }, options);
  }

  /**
   * Closes the session, giving what was sent `drainMs` (default `deadlines.drainMs`, 1000) to be confirmed; never
   * rejects for the loss of the process. If that is lost, before or meanwhile, as long is waited for the next one, twice
   * at most. What was neither confirmed nor told as dropped by then is told as `dropped`. A second call gets the same
   * answer.
   */
  close({ drainMs }: { readonly drainMs?: number | undefined } = {}): Promise<void> {
    return this.#life.close(drainMs);
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

  async #ask(method: SessionMethod, options?: CallOptions): Promise<SessionSnapshot> {
    return this.#life.seen(await this.#life.present().call(method, { sessionId: this.id }, options));
  }
}
