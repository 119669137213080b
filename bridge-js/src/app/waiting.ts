/** Inputs that the app gave before there was a session. When they are too many, the least important give way. Pure. */
import type { RealtimeInput } from './shapes.js';

export interface WaitingInput {
  readonly input: RealtimeInput;
  readonly priority: number;
  /** The session is there: send it. */
  readonly send: () => void;
  readonly giveUp: (error: Error) => void;
}

export class WaitingInputs {
  readonly #max: number;
  #inputs: WaitingInput[] = [];

  constructor(max: number) {
    this.#max = Math.max(0, max);
  }

  /** How many wait, by priority. */
  get byPriority(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { priority } of this.#inputs) counts[priority] = (counts[priority] ?? 0) + 1;
    return counts;
  }

  get length(): number {
    return this.#inputs.length;
  }

  /** Returns what had to give way: of the lowest priority the oldest. */
  add(input: WaitingInput): WaitingInput | undefined {
    this.#inputs.push(input);
    if (this.#inputs.length <= this.#max) return undefined;
    const lowest = Math.min(...this.#inputs.map(({ priority }) => priority));
    const [dropped] = this.#inputs.splice(
      this.#inputs.findIndex(({ priority }) => priority === lowest),
      1,
    );
    return dropped;
  }

  remove(input: WaitingInput): void {
    this.#inputs = this.#inputs.filter((other) => other !== input);
  }

  /** Everything, in the order in which it was given. */
  takeAll(): WaitingInput[] {
    const all = this.#inputs;
    this.#inputs = [];
    return all;
  }
}
