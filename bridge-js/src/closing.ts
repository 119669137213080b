/** The closing of a session: in the process that has it or, if that is lost, in the next one; in bounded time. */
import { deferred, type Deferred } from './deferred.js';
import type { Methods } from './generated/protocol.js';
import type { Sidecar } from './sidecar.js';
import { startTimer } from './timer.js';

/** Over what it was given: so long the sidecar has to answer `session/close`. One that hangs does not. */
const MARGIN_MS = 1_000;
/** Then it is given up. */
const PROCESSES = 2;

type Closed = Methods['session/close']['result'];

/** What is to be closed. */
export interface Closable {
  /** The process that has the session. */
  readonly sidecar: Sidecar | undefined;
  /** Whether something waits to be delivered, and a process is about to have the session again. */
  readonly needsProcess: boolean;
}

export class Closing {
  #next: Deferred<void> | undefined;

  /** Whether the next process is waited for. */
  get isWaiting(): boolean {
    return this.#next !== undefined;
  }

  /** A process has the session once more, or none will. */
  wakeUp(): void {
    this.#next?.resolve();
  }

  /** Resolves when it is done; with the last words of the process, if it was that which closed the session. */
  async close(sessionId: string, session: Closable, drainMs: number): Promise<Closed | undefined> {
    for (let left = PROCESSES; left > 0; left -= 1) {
      if (session.needsProcess) await this.#nextProcess(drainMs);
      const { sidecar } = session;
      if (sidecar === undefined) return undefined;
      try {
        return await sidecar.call('session/close', { sessionId, drainMs }, { timeoutMs: drainMs + MARGIN_MS });
      } catch {
        if (session.sidecar === sidecar) return undefined; // it hangs, or never had the session
      }
    }
    return undefined;
  }

  async #nextProcess(waitMs: number): Promise<void> {
    const next = (this.#next = deferred<void>());
    const timer = startTimer(next.resolve, waitMs);
    await next.promise;
    clearTimeout(timer);
    this.#next = undefined;
  }
}
