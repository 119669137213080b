/** Keeps the order of inputs while one of them has been refused for want of room: later ones wait behind it. */
import { startTimer } from '../timer.js';

const RETRY_DELAY_MS = 1_000;

interface Waiting {
  readonly place: number;
  readonly go: () => void;
  readonly refuse: (error: Error) => void;
}

export class Lane {
  /** In the order in which they were given. */
  #waiting: Waiting[] = [];
  /** The one that goes at present: nobody else may before it is done. */
  #going: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #places = 0;

  /** Whether a new input has to wait. */
  get isBlocked(): boolean {
    return this.#waiting.length > 0 || this.#going !== undefined;
  }

  /** One for each input, in the order in which they are given. */
  newPlace(): number {
    return this.#places++;
  }

  /** Resolves when all that was given before has gone; rejects with `late()` when that takes longer. */
  async turn(place: number, timeoutMs: number, late: () => Error): Promise<void> {
    const timer = startTimer(() => this.#refuse(place, late()), timeoutMs);
    try {
      await this.#enter(place);
    } finally {
      clearTimeout(timer);
    }
  }

  /** It has several parts, and goes: others wait until it is done. */
  hold(place: number): void {
    this.#going = place;
  }

  /** It was refused: resolves when it is to be tried again. */
  again(place: number): Promise<void> {
    this.#timer ??= startTimer(() => {
      this.#timer = undefined;
      this.#next();
    }, RETRY_DELAY_MS);
    const entered = this.#enter(place);
    if (this.#going === place) this.#going = undefined; // others wait for the timer, too
    return entered;
  }

  /** It has gone, or never will: the next one may. */
  done(place: number): void {
    if (this.#going !== place) return;
    this.#going = undefined;
    if (this.#timer === undefined) this.#next();
  }

  /** Nobody goes any more. */
  refuseAll(error: Error): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const all = this.#waiting;
    this.#waiting = [];
    for (const { refuse } of all) refuse(error);
  }

  #enter(place: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ place, go: resolve, refuse: reject });
      this.#waiting.sort((a, b) => a.place - b.place);
    });
  }

  #next(): void {
    if (this.#going !== undefined) return;
    const first = this.#waiting.shift();
    this.#going = first?.place;
    first?.go();
  }

  #refuse(place: number, error: Error): void {
    const index = this.#waiting.findIndex((each) => each.place === place);
    const [late] = index === -1 ? [] : this.#waiting.splice(index, 1);
    late?.refuse(error);
  }
}
