/** Whoever waits for a session to be usable: told when it is, why it will not be, or that it took too long. */
import { limited, type CallOptions } from './calls.js';
import { deferred } from './deferred.js';
import { SidecarTimeoutError } from './errors.js';
import type { SessionSnapshot } from './generated/protocol.js';
import { startTimer } from './timer.js';

const ADVICE = ' The session is suspended, and no process has it. Call `resume()` in time.';

export class Opening {
  readonly #answer = deferred<SessionSnapshot>();
  readonly #limitMs: number;
  readonly #endsAtMs: number;
  #timer: NodeJS.Timeout | undefined;
  #callOptions: CallOptions = {};

  /** `limitMs`: so long it may take. The process that has the session sees to it, and answers by then. */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    this.#endsAtMs = performance.now() + limitMs;
  }

  get promise(): Promise<SessionSnapshot> {
    return this.#answer.promise;
  }

  /** The limits of whoever called `open`: `giveUp` is called when he waits no longer, whichever process has it then. */
  limit(options: CallOptions, isSent: () => boolean, giveUp: (error: Error) => void): void {
    const asking = new AbortController();
    const release = limited('session/open', options, isSent, (error) => {
      giveUp(error);
      asking.abort();
    });
    this.promise.catch(() => undefined).finally(release);
    const timeoutMs = options.timeoutMs === undefined ? undefined : Infinity; // it is kept here
    this.#callOptions = { signal: asking.signal, timeoutMs };
  }

  /** For the calls of `session/open` that it takes. */
  get callOptions(): CallOptions {
    return this.#callOptions;
  }

  /** `promise` for a caller with limits of his own: they end his wait, not the opening. @throws as `limited`. */
  within(method: string, options: CallOptions, isSent: () => boolean): Promise<SessionSnapshot> {
    const his = deferred<SessionSnapshot>();
    const release = limited(method, options, isSent, his.reject);
    return Promise.race([this.promise, his.promise]).finally(release);
  }

  resolve(snapshot: SessionSnapshot): undefined {
    this.#answer.resolve(snapshot);
    this.leaveDeadline();
  }

  reject(error: Error): undefined {
    this.#answer.reject(error);
    this.leaveDeadline();
  }

  /** No process has the session or will be asked: `late` is called when the time is up. */
  keepDeadline(late: (error: Error) => void): void {
    this.leaveDeadline();
    const error = (): Error =>
      new SidecarTimeoutError({ method: 'session/open', sent: false }, this.#limitMs, ADVICE);
    this.#timer = startTimer(() => late(error()), Math.max(0, this.#endsAtMs - performance.now()));
  }

  /** A process is asked to open it again. */
  leaveDeadline(): void {
    clearTimeout(this.#timer);
  }
}
