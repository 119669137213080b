/** Drives the pure core: what happens goes in, the mirror is kept, and the app's listeners hear the events in order. */
import type { AppEvent, Compat } from './contract.js';
import { gather, isGathered } from './finals.js';
import type { Happening, Utterance } from './happenings.js';
import type { Mirror } from './mirror.js';
import type { Scene } from './row.js';
import { isHeard, isTold, next, tell } from './table.js';

const COUNTDOWN_MS = 100;

export interface StageHost {
  /** Whether it would hear the event; what nobody hears is not made. */
  hears(event: AppEvent): boolean;
  emit(event: AppEvent, ...args: readonly unknown[]): unknown;
}

export class Stage {
  readonly #host: StageHost;
  readonly #compat: Compat;
  readonly #hears: (event: AppEvent) => boolean;
  readonly #emit: (event: AppEvent, args: readonly unknown[]) => void;
  #mirror: Mirror;
  /** Inputs that are not in the mirror yet, and when the last of them was accepted. */
  #uncounted = 0;
  #countedAtMs = 0;
  #openFinal: Utterance | undefined;
  #countdown: NodeJS.Timeout | undefined;
  /** What happened while something else was told: a listener that calls back does not change the order. */
  readonly #untold: { readonly happening: Happening; readonly scene: Scene }[] = [];
  #isTelling = false;

  constructor(host: StageHost, compat: Compat, mirror: Mirror) {
    this.#host = host;
    this.#compat = compat;
    this.#mirror = mirror;
    this.#hears = (event) => host.hears(event);
    this.#emit = (event, args) => {
      try {
        host.emit(event, ...args);
      } catch (error) {
        rethrow(error); // of an app's own `emit`
      }
    };
  }

  get mirror(): Mirror {
    this.#count();
    return this.#mirror;
  }

  /** The mirror is changed when this returns; so are the events emitted, unless it is called by a listener. */
  happen(happening: Happening): void {
    if (happening.name === 'inputAccepted' && !isHeard('inputAccepted', this.#hears)) {
      this.#uncounted += 1; // 50 times a second: counted when somebody looks
      this.#countedAtMs = Date.now();
      return;
    }
    this.#count();
    if (isGathered(this.#openFinal, happening)) {
      const { open, happenings } = gather(this.#openFinal, happening);
      this.#openFinal = open;
      for (const each of happenings) this.#apply(each);
    } else this.#apply(happening);
    this.watchCountdown();
  }

  /** Ticks while there is a wait and somebody listens. */
  watchCountdown(): void {
    if (this.#mirror.recovery.dueAtMs > 0 && this.#host.hears('reconnectionCountdown')) {
      this.#countdown ??= setInterval(() => this.#tick(), COUNTDOWN_MS).unref();
    } else if (this.#countdown !== undefined) this.#stopCountdown();
  }

  /** Stops all timers. */
  stop(): void {
    this.#stopCountdown();
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

  #count(): void {
    if (this.#uncounted === 0) return;
    const happening: Happening = { name: 'inputsCounted', params: { count: this.#uncounted } };
    this.#mirror = next(this.#mirror, happening, this.#countedAtMs);
    this.#uncounted = 0;
  }

  #apply(happening: Happening): void {
    const before = this.#mirror;
    const nowMs = Date.now();
    const after = (this.#mirror = next(before, happening, nowMs));
    if (!isTold(happening)) return;
    const scene = { before, after, nowMs, compat: this.#compat };
    if (this.#isTelling) this.#untold.push({ happening, scene });
    else this.#tellAll(happening, scene);
  }

  #tellAll(happening: Happening, scene: Scene): void {
    this.#isTelling = true;
    try {
      tell(happening, scene, this.#hears, this.#emit);
      for (let later = this.#untold.shift(); later !== undefined; later = this.#untold.shift()) {
        tell(later.happening, later.scene, this.#hears, this.#emit);
      }
    } finally {
      this.#isTelling = false;
    }
  }
}

/** On its own, where it reaches `uncaughtException`, as that of any callback. */
export function rethrow(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
