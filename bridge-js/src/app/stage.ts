/** Drives the pure core: what happens goes in, the mirror is kept, and the app's listeners hear the events in order. */
import type { EventEmitter } from 'node:events';
import type { Compat } from './contract.js';
import { ended, gather } from './finals.js';
import type { Happening, Utterance } from './happenings.js';
import type { Mirror } from './mirror.js';
import { translate, type Emission } from './table.js';

const COUNTDOWN_MS = 100;

export class Stage {
  readonly #emitter: EventEmitter;
  readonly #compat: Compat;
  #mirror: Mirror;
  #openFinal: Utterance | undefined;
  #flush: NodeJS.Immediate | undefined;
  #countdown: NodeJS.Timeout | undefined;
  /** What was decided and is still to be emitted: a listener that calls back does not change the order. */
  readonly #emissions: Iterable<Emission>[] = [];
  #isEmitting = false;

  constructor(emitter: EventEmitter, compat: Compat, mirror: Mirror) {
    this.#emitter = emitter;
    this.#compat = compat;
    this.#mirror = mirror;
  }

  get mirror(): Mirror {
    return this.#mirror;
  }

  /** The mirror is changed when this returns; so are the events emitted, unless it is called by a listener. */
  happen(happening: Happening): void {
    const { open, happenings } = gather(this.#openFinal, happening);
    this.#openFinal = open;
    for (const each of happenings) this.#apply(each);
    if (open !== undefined) this.#flush ??= setImmediate(() => this.#close());
    this.#emitAll();
    this.watchCountdown();
  }

  /** Ticks while there is a wait and somebody listens. */
  watchCountdown(): void {
    const { dueAtMs } = this.#mirror.recovery;
    const isHeard = this.#emitter.listenerCount('reconnectionCountdown') > 0;
    if (dueAtMs > 0 && isHeard) this.#countdown ??= setInterval(() => this.#tick(), COUNTDOWN_MS).unref();
    else this.#stopCountdown();
  }

  /** Stops all timers. */
  stop(): void {
    this.#stopCountdown();
    if (this.#flush !== undefined) clearImmediate(this.#flush);
  }

  #tick(): void {
    const isOver = Date.now() >= this.#mirror.recovery.dueAtMs;
    this.happen({ name: 'ticked', params: {} });
    if (isOver) this.#stopCountdown();
  }

  #stopCountdown(): void {
    clearInterval(this.#countdown);
    this.#countdown = undefined;
  }

  /** Nothing came after the final text in the same breath: it is whole. */
  #close(): void {
    this.#flush = undefined;
    for (const each of ended(this.#openFinal)) this.#apply(each);
    this.#openFinal = undefined;
    this.#emitAll();
  }

  #apply(happening: Happening): void {
    const { mirror, emissions } = translate(this.#mirror, happening, {
      nowMs: Date.now(),
      compat: this.#compat,
      isHeard: (event) => this.#emitter.listenerCount(event) > 0,
    });
    this.#mirror = mirror;
    this.#emissions.push(emissions);
  }

  #emitAll(): void {
    if (this.#isEmitting) return;
    this.#isEmitting = true;
    for (let next = this.#emissions.shift(); next !== undefined; next = this.#emissions.shift()) {
      for (const emission of next) this.#emit(emission);
    }
    this.#isEmitting = false;
  }

  /** A listener that throws does not stop the others; its error reaches `uncaughtException`, as that of any callback. */
  #emit({ event, args }: Emission): void {
    for (const listener of this.#emitter.rawListeners(event)) {
      try {
        Reflect.apply(listener, this.#emitter, args);
      } catch (error) {
        process.nextTick(() => {
          throw error;
        });
      }
    }
  }
}
