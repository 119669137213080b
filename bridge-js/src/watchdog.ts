/**
 * Finds out that a process hangs: it does not answer `ping`.
 *
 * Time is counted in ticks of this process's own event loop, not by a clock. A host that was blocked, or a machine
 * that slept, ticks once however long it took, and between two ticks Node reads what has come. So only silence that
 * the host was awake for is held against the sidecar.
 */
import { LONGEST_TIMER_MS } from './timer.js';

/** The deadline is so many ticks: one of them may be cut short by the end of a blockage. */
const TICKS_PER_DEADLINE = 5;
const SHORTEST_TICK_MS = 10;

export interface Watchdog {
  /** From an answer to the next `ping`. Default 5 000. */
  readonly intervalMs?: number | undefined;
  /** So long a `ping` may stay unanswered. Default 5 000. */
  readonly timeoutMs?: number | undefined;
}

export const WATCHDOG_DEFAULTS = { intervalMs: 5_000, timeoutMs: 5_000 } as const;

/** What is to be done at a tick. */
export type Verdict = 'rest' | 'ask' | 'wait' | 'hung';

/** The judgement. Pure: it is told of ticks and answers. */
export class Vigil {
  readonly #restTicks: number;
  readonly #patienceTicks: number;
  #asked = false;
  #ticks = 0;

  constructor(restTicks: number, patienceTicks: number) {
    this.#restTicks = restTicks;
    this.#patienceTicks = patienceTicks;
  }

  tick(): Verdict {
    this.#ticks += 1;
    if (this.#asked) return this.#ticks > this.#patienceTicks ? 'hung' : 'wait';
    if (this.#ticks < this.#restTicks) return 'rest';
    this.#asked = true;
    this.#ticks = 0;
    return 'ask';
  }

  answered(): void {
    this.#asked = false;
    this.#ticks = 0;
  }
}

/**
 * Asks with `ping` until the function it returns is called; calls `onHung` once, and asks no more then. It does not
 * keep Node alive.
 * @throws RangeError when a time is not above 0.
 */
export function watch(ping: () => Promise<unknown>, times: Watchdog, onHung: () => void): () => void {
  const { intervalMs = WATCHDOG_DEFAULTS.intervalMs, timeoutMs = WATCHDOG_DEFAULTS.timeoutMs } = times;
  if (!(intervalMs > 0 && timeoutMs > 0)) throw new RangeError('`watchdog` times must be above 0 ms.');
  const tickMs = Math.min(Math.max(SHORTEST_TICK_MS, timeoutMs / TICKS_PER_DEADLINE), LONGEST_TIMER_MS);
  const vigil = new Vigil(Math.max(1, Math.round(intervalMs / tickMs)), Math.ceil(timeoutMs / tickMs));
  const timer = setInterval(() => {
    const verdict = vigil.tick();
    if (verdict === 'ask') {
      // An error is an answer too, except that of a process that is gone; and then nobody watches any more.
      ping().then(
        () => vigil.answered(),
        () => vigil.answered(),
      );
    }
    if (verdict === 'hung') {
      clearInterval(timer);
      onHung();
    }
  }, tickMs);
  timer.unref();
  return () => clearInterval(timer);
}
