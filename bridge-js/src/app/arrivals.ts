/**
 * Whether an input has arrived, for those that ask. A session numbers what it is given from 0; so does this, as nobody
 * else gives it anything. Where it is not certain that a message took a number, the count is lost until the next
 * session; then an input is known only to be among those that were accepted after one report and before another.
 */
import { SidecarDownError } from '../errors.js';
import type { Dropped, QueueReport } from '../generated/protocol.js';
import type { LiveSession } from '../session.js';
import { startTimer } from '../timer.js';

export class Arrivals {
  readonly #watches = new Set<Watch>();
  /** The number of the next message; undefined: not known any more. */
  #next: number | undefined = 0;
  #acceptedThrough = -1;

  get next(): number | undefined {
    return this.#next;
  }

  /** A message was given, and took a number. */
  gave(): void {
    if (this.#next !== undefined) this.#next++;
  }

  /** A message was given, and may have taken none. */
  mayHaveGiven(): void {
    this.#next = undefined;
    for (const watch of this.#watches) watch.begins(this.#acceptedThrough + 1);
  }

  /** To be called right before the input is given, in the same tick. */
  watch(session: LiveSession, kinds: readonly Dropped['kind'][]): Watch {
    const from = this.#next ?? this.#acceptedThrough + 1;
    const watch = new Watch(session, kinds, from, () => this.#watches.delete(watch));
    this.#watches.add(watch);
    return watch;
  }

  /** `session/queue`. */
  reported({ acceptedThrough = -1, confirmedThrough = -1 }: QueueReport): void {
    if (this.#next !== undefined && acceptedThrough >= this.#next) this.#next = undefined;
    this.#acceptedThrough = Math.max(this.#acceptedThrough, acceptedThrough);
    for (const watch of this.#watches) watch.reported(confirmedThrough);
  }

  /** `session/dropped`. */
  dropped(dropped: Dropped): void {
    for (const watch of this.#watches) watch.dropped(dropped);
  }

  /** The session is over: nothing more will be told of it, and the next one counts anew. */
  ended(error: Error): void {
    this.#next = 0;
    this.#acceptedThrough = -1;
    for (const watch of this.#watches) watch.ended(error);
  }
}

export interface ArrivalErrors {
  late(): Error;
  lost(dropped: Dropped): Error;
}

export class Watch {
  readonly #session: LiveSession;
  readonly #kinds: readonly Dropped['kind'][];
  #from: number;
  readonly #end: () => void;
  readonly #drops: Dropped[] = [];
  #confirmedThrough = -1;
  #over: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(session: LiveSession, kinds: readonly Dropped['kind'][], from: number, end: () => void) {
    this.#session = session;
    this.#kinds = kinds;
    this.#from = from;
    this.#end = end;
  }

  /**
   * Resolves when all numbers up to `through` are confirmed. Rejects when one of its own was dropped.
   * `through` undefined: not known; then what was accepted until now.
   */
  async confirmed(through: number | undefined, deadlineMs: number, { late, lost }: ArrivalErrors): Promise<void> {
    for (;;) {
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) throw late();
      through ??= await this.#acceptedThrough(leftMs);
      const dropped = this.#drops.find((drop) => through !== undefined && this.#isMine(drop, through));
      if (dropped !== undefined) throw lost(dropped);
      if (through !== undefined && this.#confirmedThrough >= through) return;
      if (this.#over !== undefined) throw this.#over;
      await this.#news(leftMs);
    }
  }

  /** Its numbers may be as low as this. */
  begins(from: number): void {
    this.#from = Math.min(this.#from, from);
  }

  reported(confirmedThrough: number): void {
    this.#confirmedThrough = Math.max(this.#confirmedThrough, confirmedThrough);
    this.#wake?.();
  }

  dropped(dropped: Dropped): void {
    this.#drops.push(dropped);
    this.#wake?.();
  }

  ended(error: Error): void {
    this.#over = error;
    this.#wake?.();
  }

  /** Nobody asks any more. */
  end(): void {
    this.#end();
  }

  async #acceptedThrough(timeoutMs: number): Promise<number | undefined> {
    try {
      const { queue } = await this.#session.get({ timeoutMs });
      this.reported(queue.confirmedThrough ?? -1);
      return queue.acceptedThrough ?? -1;
    } catch (error) {
      if (error instanceof SidecarDownError) return undefined;
      throw error;
    }
  }

  #isMine({ kind, fromN = Infinity, throughN = -1 }: Dropped, through: number): boolean {
    return this.#kinds.includes(kind) && throughN >= this.#from && fromN <= through;
  }

  #news(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = startTimer(wake, withinMs);
      this.#wake = wake;
    });
  }
}
