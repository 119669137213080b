/**
 * What one process is offered of a session, in order and one message at a time. A process that has taken a number takes
 * no lower one any more, and one that is busy (`overloaded`) takes none: so nothing passes a message without an answer.
 */
import type { Kept, KeptMessage, Payload } from './backlog.js';
import { SidecarClosedError, SidecarExitError, SidecarRpcError } from './errors.js';
import type { SendResult } from './generated/protocol.js';
import type { Sidecar } from './sidecar.js';
import { startTimer } from './timer.js';

/** So long a process that is busy is left alone. */
const BUSY_MS = 20;

/** Said to a process for which it has no number: nothing waits for the answer. */
export interface Unnumbered {
  readonly kind: 'unnumbered';
  readonly payload: Payload;
}

type Offered = Kept | Unnumbered;

/** What becomes of what is offered. */
export interface OfferingOwner {
  accepted(kept: KeptMessage, result: SendResult): void;
  refused(kept: Kept, error: Error): void;
  /** Nothing waits for its turn any more. */
  idle(): void;
}

export class Offering {
  readonly sidecar: Sidecar;
  readonly #sessionId: string;
  readonly #owner: OfferingOwner;
  #waiting: Offered[] = [];
  readonly #withdrawn = new WeakSet<Offered>();
  #unanswered = false;
  #isOver = false;
  #busy: NodeJS.Timeout | undefined;
  #through = -1;

  constructor(sessionId: string, sidecar: Sidecar, owner: OfferingOwner) {
    this.#sessionId = sessionId;
    this.sidecar = sidecar;
    this.#owner = owner;
  }

  /** Whether something waits for its turn. */
  get isHeld(): boolean {
    return this.#waiting.length > 0;
  }

  /** The highest number that the process was offered; -1 before the first. */
  get through(): number {
    return this.#through;
  }

  /** False: it waits for its turn, or the process does not keep up. @throws LineTooLongError at once, for audio. */
  offer(kept: Kept): boolean {
    if (!this.#unanswered && !this.isHeld) return this.#give(kept);
    this.#waiting.push(kept);
    return false;
  }

  /** To begin with: each in its turn. */
  offerAll(all: readonly Offered[]): void {
    this.#waiting.push(...all);
    this.#go();
  }

  /** It is given up: it is not offered, or not again. */
  withdraw(kept: KeptMessage): void {
    this.#withdrawn.add(kept);
  }

  /** Nothing more is offered, and nothing is told. */
  end(): void {
    this.#isOver = true;
    this.#waiting = [];
    clearTimeout(this.#busy);
  }

  #go(): void {
    if (!this.isHeld) return;
    while (!this.#unanswered && !this.#isOver && this.isHeld) {
      const next = this.#waiting.shift()!;
      if (this.#withdrawn.has(next)) continue;
      try {
        this.#give(next);
      } catch (error) {
        this.#owner.refused(next as Kept, error as Error);
      }
    }
    if (!this.isHeld && !this.#isOver) this.#owner.idle();
  }

  #give(offered: Offered): boolean {
    const sessionId = this.#sessionId;
    if (offered.kind === 'audio') {
      try {
        const hasRoom = this.sidecar.notify('session/sendAudio', { sessionId, n: offered.n, ...offered.chunk });
        this.#through = offered.n;
        return hasRoom;
      } catch (error) {
        if (!isGone(error)) throw error;
        this.end(); // kept for the next one
        return false;
      }
    }
    this.#unanswered = true;
    const number = offered.kind === 'message' ? { n: (this.#through = offered.n) } : {};
    this.sidecar.call('session/send', { sessionId, ...number, ...offered.payload }, { timeoutMs: Infinity }).then(
      (result) => this.#answered(() => offered.kind === 'message' && this.#owner.accepted(offered, result)),
      (error: Error) => this.#denied(offered, error),
    );
    return true;
  }

  #denied(offered: Offered, error: Error): void {
    if (isGone(error)) return this.end();
    if (error instanceof SidecarRpcError && error.kind === 'overloaded') {
      if (this.#isOver) return;
      this.#waiting.unshift(offered);
      this.#busy = startTimer(() => this.#answered(() => {}), BUSY_MS);
      return;
    }
    this.#answered(() => offered.kind === 'message' && this.#owner.refused(offered, error));
  }

  #answered(tell: () => unknown): void {
    if (this.#isOver) return;
    this.#unanswered = false;
    tell();
    this.#go();
  }
}

/** Whether the process is gone, or has no such session (its opening is being refused): nothing was accepted. */
function isGone(error: unknown): boolean {
  if (error instanceof SidecarRpcError) return error.kind === 'unknownSession' || error.kind === 'shuttingDown';
  return error instanceof SidecarExitError || error instanceof SidecarClosedError;
}
