/** Tells a session's listeners what befell it, in the order in which it did, also what they themselves cause. */
import type { Emitter } from './events.js';
import type { LiveSessionEvents, Told } from './session-events.js';

type Name = keyof LiveSessionEvents;

export class Telling {
  readonly #events: Emitter<LiveSessionEvents>;
  readonly #muted: ReadonlySet<string>;
  readonly #untold: { readonly name: Name; readonly value: LiveSessionEvents[Name] }[] = [];
  #isBusy = false;

  /** `muted`: what the app does not want to hear. */
  constructor(events: Emitter<LiveSessionEvents>, muted: ReadonlySet<string>) {
    this.#events = events;
    this.#muted = muted;
  }

  tell<E extends Name>(name: E, value: LiveSessionEvents[E]): void {
    this.after(() => void this.#untold.push({ name, value }));
  }

  /** `failure`: told after them. */
  tellAll(all: readonly Told[], failure?: Error): void {
    this.after(() => {
      for (const { name, params } of all) if (!this.#muted.has(`session/${name}`)) this.tell(name, params as never);
      if (failure !== undefined) this.tell('failed', failure);
    });
  }

  /** What `step` tells is told after it: a listener finds all of it done, and may go on from there. */
  after<Result>(step: () => Result): Result {
    if (this.#isBusy) return step();
    this.#isBusy = true;
    try {
      return step();
    } finally {
      for (let next; (next = this.#untold.shift()) !== undefined; ) this.#events.emit(next.name, next.value as never);
      this.#isBusy = false;
    }
  }
}
