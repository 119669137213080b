/** Whether an input has arrived, for those that ask: by the numbers that its session gave to its parts. */
import type { Dropped, QueueReport } from '../generated/protocol.js';
import { startTimer } from '../timer.js';

export class Arrivals {
  readonly #watches = new Set<Watch>();

  /** To be called before the input is given. `from`: the lowest number that a part of it can get. */
  watch(from: number, kinds: readonly Dropped['kind'][]): Watch {
    const watch = new Watch(from, kinds, () => this.#watches.delete(watch));
    this.#watches.add(watch);
    return watch;
  }

  /** `session/queue`. */
  reported({ confirmedThrough = -1 }: QueueReport): void {
    for (const watch of this.#watches) watch.reported(confirmedThrough);
  }

  /** `session/dropped`. */
  dropped(dropped: Dropped): void {
    for (const watch of this.#watches) watch.dropped(dropped);
  }

  /** The session is over: nothing more will be told of it. */
  ended(error: Error): void {
    for (const watch of this.#watches) watch.ended(error);
  }
}

export interface ArrivalErrors {
  late(): Error;
  lost(dropped: Dropped): Error;
}

export class Watch {
  readonly #from: number;
  readonly #kinds: readonly Dropped['kind'][];
  readonly #end: () => void;
  readonly #drops: Dropped[] = [];
  #confirmedThrough = -1;
  #over: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(from: number, kinds: readonly Dropped['kind'][], end: () => void) {
    this.#from = from;
    this.#kinds = kinds;
    this.#end = end;
  }

  /** Resolves when all numbers up to `through` are confirmed. Rejects when one of its own was dropped. */
  async confirmed(through: number, deadlineMs: number, { late, lost }: ArrivalErrors): Promise<void> {
    for (;;) {
      const dropped = this.#drops.find((drop) => this.#isMine(drop, through));
      if (dropped !== undefined) throw lost(dropped);
      if (this.#confirmedThrough >= through) return;
      if (this.#over !== undefined) throw this.#over;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) throw late();
      await this.#news(leftMs);
    }
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
