/** What the app was told as queued, though the sidecar has it: until it has left, or is lost. Pure. */
import type { Dropped } from '../generated/protocol.js';
import type { RealtimeInput } from './shapes.js';

export interface QueuedInput {
  readonly input: RealtimeInput;
  readonly inputType: string;
}

/** The sidecar's names for what the app calls the type of an input. */
const TYPES: { readonly [K in Dropped['kind']]?: string } = { audio: 'audio', text: 'text', control: 'audioStreamEnd' };

export class Queued {
  #inputs: QueuedInput[] = [];

  get isEmpty(): boolean {
    return this.#inputs.length === 0;
  }

  add(input: QueuedInput): void {
    this.#inputs.push(input);
  }

  /** The oldest give way first. What was written, and may have arrived, has left. */
  dropped({ reason, kind, count }: Dropped): void {
    if (this.isEmpty || reason === 'deliveryUnknown') return;
    let left = count;
    this.#inputs = this.#inputs.filter(({ inputType }) => inputType !== TYPES[kind] || left-- <= 0);
  }

  /** All of them have left. */
  takeAll(): QueuedInput[] {
    const all = this.#inputs;
    this.#inputs = [];
    return all;
  }

  clear(): void {
    this.#inputs = [];
  }
}
