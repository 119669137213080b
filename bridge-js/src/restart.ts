/** Whether a process that ended is started again, and when. Pure: time and chance are arguments. */
import { SidecarError, SidecarProtocolError, SidecarRpcError, SidecarSpawnError, SidecarStuckError } from './errors.js';

/** Failures to start that may be gone the next time: the machine was short of something, or a scanner held the file. */
const PASSING = new Set(['EAGAIN', 'EBUSY', 'EMFILE', 'ENFILE', 'ENOMEM', 'ETXTBSY']);
/** The last of these for another reason: beside a process that does not end there must be no second one. */
const PERMANENT = [SidecarProtocolError, SidecarRpcError, SidecarStuckError];
import { LONGEST_TIMER_MS } from './timer.js';

export interface RestartPolicy {
  /** Before the first restart. Default 250. */
  readonly baseDelayMs?: number | undefined;
  /** The wait grows by this with each end in a row. Default 2. */
  readonly factor?: number | undefined;
  /** The longest wait, before its jitter. Default 10 000. */
  readonly maxDelayMs?: number | undefined;
  /** Share of the wait to either side that chance decides. Default 0.2. */
  readonly jitter?: number | undefined;
  /** A process that worked so long was well: counting starts anew. Default 30 000. */
  readonly healthyMs?: number | undefined;
  /** So many restarts in a row, none of a process that was well; then no more. Default 5. */
  readonly maxRestarts?: number | undefined;
}

export type CompleteRestartPolicy = { readonly [F in keyof RestartPolicy]-?: number };

export const RESTART_DEFAULTS: CompleteRestartPolicy = {
  baseDelayMs: 250,
  factor: 2,
  maxDelayMs: 10_000,
  jitter: 0.2,
  healthyMs: 30_000,
  maxRestarts: 5,
};

const RANGES: { readonly [F in keyof RestartPolicy]-?: readonly [from: number, to: number] } = {
  baseDelayMs: [0, Infinity],
  factor: [1, Infinity],
  maxDelayMs: [0, Infinity],
  jitter: [0, 1],
  healthyMs: [0, Infinity],
  maxRestarts: [0, Infinity],
};

export class Restarts {
  readonly policy: CompleteRestartPolicy;
  readonly #random: () => number;
  #inARow = 0;

  /** @throws RangeError naming the setting that makes no sense. */
  constructor(policy: RestartPolicy = {}, random: () => number = Math.random) {
    const given = Object.entries(policy).filter(([, value]) => value !== undefined);
    this.policy = { ...RESTART_DEFAULTS, ...Object.fromEntries(given) };
    for (const [field, [from, to]] of Object.entries(RANGES)) {
      const value = this.policy[field as keyof RestartPolicy];
      if (!(value >= from && value <= to)) throw new RangeError(`\`restart.${field}\` must be from ${from} to ${to}.`);
    }
    this.#random = random;
  }

  /** Ends since a process was last well. */
  get inARow(): number {
    return this.#inARow;
  }

  /** A process ended after `workedMs` of work (0: it never came up). The wait before the next, or undefined: no more. */
  afterEnd(workedMs: number): number | undefined {
    const { baseDelayMs, factor, maxDelayMs, jitter, healthyMs, maxRestarts } = this.policy;
    if (workedMs > 0 && workedMs >= healthyMs) this.#inARow = 0;
    this.#inARow += 1;
    if (this.#inARow > maxRestarts) return undefined;
    const delayMs = Math.min(baseDelayMs * factor ** (this.#inARow - 1), maxDelayMs);
    return Math.min(Math.round(delayMs * (1 + jitter * (2 * this.#random() - 1))), LONGEST_TIMER_MS);
  }
}

/** Whether trying again is of no use before somebody has done something. */
export function isPermanent(error: Error): boolean {
  if (error instanceof SidecarSpawnError) return !PASSING.has(error.code ?? '');
  return PERMANENT.some((type) => error instanceof type) || !(error instanceof SidecarError);
}
