/** Whoever waits for a session to be usable: told when it is, why it will not be, or that it took too long. */
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

  /** `limitMs`: so long it may take. The process that has the session sees to it, and answers by then. */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    this.#endsAtMs = performance.now() + limitMs;
  }

  get promise(): Promise<SessionSnapshot> {
    return this.#answer.promise;
  }

  resolve(snapshot: SessionSnapshot): void {
    this.#answer.resolve(snapshot);
    this.leaveDeadline();
  }

  reject(error: Error): void {
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
