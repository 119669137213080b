/**
 * What a session would lose with its process: every message from when it is given until it is confirmed. Pure.
 *
 * Audio gives way when there is too much, the oldest first. Everything else must be delivered, and is refused instead.
 */
import { BacklogFullError } from './errors.js';
import type { Dropped, SendAudioParams, SendParams } from './generated/protocol.js';

export interface BacklogLimits {
  /** Audio that is kept, in milliseconds of sound. */
  readonly audioMs: number;
  /** All that is kept, as characters of base64 and JSON. */
  readonly maxBytes: number;
}

export type Payload = Omit<SendParams, 'sessionId' | 'n'>;

export interface KeptAudio {
  readonly kind: 'audio';
  readonly n: number;
  readonly durationMs: number;
  readonly bytes: number;
  readonly chunk: Omit<SendAudioParams, 'sessionId' | 'n'>;
}

export interface KeptMessage {
  readonly kind: 'message';
  readonly n: number;
  readonly bytes: number;
  readonly payload: Payload;
}

export type Kept = KeptAudio | KeptMessage;
type Shed = Pick<KeptAudio, 'n' | 'durationMs'>;

export class Backlog {
  limits: BacklogLimits;
  #audio: KeptAudio[] = [];
  #messages: KeptMessage[] = [];
  /** Audio that had to give way while a process had it: lost only if that process is. */
  #shed: Shed[] = [];
  #audioMs = 0;
  #audioBytes = 0;
  #bytes = 0;
  #next = 0;
  #confirmedThrough = -1;
  #openActivity: Payload | undefined;

  constructor(limits: BacklogLimits) {
    this.limits = limits;
  }

  /** Audio that waits for its confirmation. */
  get audioMs(): number {
    return this.#audioMs;
  }

  /** The part of it up to this number. */
  audioMsThrough(n: number): number {
    return this.#audio.reduce((sum, chunk) => (chunk.n <= n ? sum + chunk.durationMs : sum), 0);
  }

  /** The highest number given; -1 before the first. */
  get last(): number {
    return this.#next - 1;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The highest number of all that are confirmed, or were reported as dropped; -1 before the first. */
  get confirmedThrough(): number {
    return this.#confirmedThrough;
  }

  /** The `activityStart` that was confirmed while its end was not: another process must say it first. */
  get openActivity(): Payload | undefined {
    return this.#openActivity;
  }

  /** Messages that are kept, audio too. */
  get length(): number {
    return this.#audio.length + this.#messages.length;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** Keeps a chunk under the next number. */
  keepAudio(data: string, mimeType: string | undefined): KeptAudio {
    const chunk = mimeType === undefined ? { data } : { data, mimeType };
    const kept: KeptAudio = { kind: 'audio', n: this.#next++, durationMs: durationMs(chunk), bytes: data.length, chunk };
    this.#audio.push(kept);
    this.#count(kept, 1);
    return kept;
  }

  /** Keeps a message under the next number. @throws BacklogFullError when it has no room. */
  keepMessage(payload: Payload, bytes: number): KeptMessage {
    const { maxBytes } = this.limits;
    const mustStayBytes = this.#bytes - this.#audioBytes;
    if (mustStayBytes + bytes > maxBytes) throw new BacklogFullError(mustStayBytes, maxBytes);
    const kept: KeptMessage = { kind: 'message', n: this.#next++, bytes, payload };
    this.#messages.push(kept);
    this.#count(kept, 1);
    return kept;
  }

  /**
   * Lets the oldest audio go until the limits hold. `held`: a process has it too, so that it is not lost yet.
   * Returns what is lost by it.
   */
  makeRoom(held: boolean): Dropped | undefined {
    const shed: Shed[] = [];
    while (this.#audio.length > 0 && (this.#audioMs > this.limits.audioMs || this.#bytes > this.limits.maxBytes)) {
      const oldest = this.#audio.shift()!;
      this.#count(oldest, -1);
      shed.push(oldest);
    }
    if (!held) return dropped(shed, 'outboxFull');
    this.#shed.push(...shed);
    return undefined;
  }

  /** Takes a message back: it was refused, or given up. */
  remove(kept: Kept): void {
    const queue: Kept[] = kept.kind === 'audio' ? this.#audio : this.#messages;
    const index = queue.indexOf(kept);
    if (index === -1) return;
    queue.splice(index, 1);
    this.#count(kept, -1);
  }

  /** All numbers up to `through` need not be kept any more. Returns the messages among them. */
  confirmed(through: number): KeptMessage[] {
    if (through <= this.#confirmedThrough) return [];
    this.#confirmedThrough = through;
    while (this.#shed.length > 0 && this.#shed[0]!.n <= through) this.#shed.shift();
    while (this.#audio.length > 0 && this.#audio[0]!.n <= through) this.#count(this.#audio.shift()!, -1);
    const done: KeptMessage[] = [];
    while (this.#messages.length > 0 && this.#messages[0]!.n <= through) done.push(this.#messages.shift()!);
    for (const message of done) {
      this.#count(message, -1);
      const { realtimeInput } = message.payload;
      if (realtimeInput?.['activityStart'] !== undefined) this.#openActivity = message.payload;
      if (realtimeInput?.['activityEnd'] !== undefined) this.#openActivity = undefined;
    }
    return done;
  }

  /** The process is lost. Returns what had been let go and was not confirmed. */
  processLost(): Dropped | undefined {
    const lost = dropped(this.#shed, 'deliveryUnknown');
    this.#shed = [];
    return lost;
  }

  /** All that is kept, in the order in which it was given: to be offered to another process. */
  inOrder(): Kept[] {
    return [...this.#audio, ...this.#messages].sort((a, b) => a.n - b.n);
  }

  /** Forgets everything. Returns what is lost by it, a line for each kind. */
  clear(): Dropped[] {
    const audio = dropped([...this.#shed, ...this.#audio], 'sessionClosed');
    const messages = this.#messages.map((message) => droppedOne(message, 'sessionClosed'));
    this.#audio = [];
    this.#messages = [];
    this.#shed = [];
    this.#audioMs = this.#audioBytes = this.#bytes = 0;
    return audio === undefined ? messages : [audio, ...messages];
  }

  #count(kept: Kept, sign: 1 | -1): void {
    this.#bytes += sign * kept.bytes;
    if (kept.kind !== 'audio') return;
    this.#audioMs += sign * kept.durationMs;
    this.#audioBytes += sign * kept.bytes;
  }
}

/** What became of one message. */
export function droppedOne(kept: Kept, reason: Dropped['reason']): Dropped {
  if (kept.kind === 'audio') return dropped([kept], reason)!;
  return { reason, kind: kindOf(kept.payload), count: 1, fromN: kept.n, throughN: kept.n };
}

function dropped(chunks: readonly Shed[], reason: Dropped['reason']): Dropped | undefined {
  if (chunks.length === 0) return undefined;
  return {
    reason,
    kind: 'audio',
    count: chunks.length,
    durationMs: chunks.reduce((sum, chunk) => sum + chunk.durationMs, 0),
    fromN: chunks[0]!.n,
    throughN: chunks.at(-1)!.n,
  };
}

/** The sidecar's own names for what a message is. */
export function kindOf({ realtimeInput, clientContent }: Payload): Dropped['kind'] {
  if (clientContent !== undefined) return 'content';
  if (realtimeInput === undefined) return 'toolResponse';
  if ('text' in realtimeInput) return 'text';
  if ('activityStart' in realtimeInput || 'activityEnd' in realtimeInput) return 'activity';
  return 'video' in realtimeInput ? 'video' : 'control';
}

/** Of PCM16, mono, in base64. */
function durationMs({ data, mimeType = '' }: KeptAudio['chunk']): number {
  const rate = rateOf(mimeType);
  const padding = data.endsWith('==') ? 2 : data.endsWith('=') ? 1 : 0;
  return ((data.length * 0.75 - padding) / 2 / rate) * 1000;
}

let lastType = '';
let lastRate = 16_000;

/** In Hz: that of the type, 16 kHz if it names none. The type is the same for all chunks of a microphone. */
function rateOf(mimeType: string): number {
  if (mimeType !== lastType) {
    lastRate = Number(/\brate=(\d+)/.exec(mimeType)?.[1] ?? 16_000);
    lastType = mimeType;
  }
  return lastRate;
}
