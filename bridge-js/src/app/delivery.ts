/** How one input is given to a session: its parts, tries and deadlines. */
import { SidecarError } from '../errors.js';
import type { LiveSession } from '../session.js';
import { startTimer } from '../timer.js';
import type { GeminiLiveError } from './errors.js';
import type { Happening } from './happenings.js';
import type { Lane } from './lane.js';
import type { GeminiError, MessageSendOptions, RealtimeInput } from './shapes.js';

export const TIMEOUT_MS = 30_000;
const MAX_RETRIES = 3;

export type Payload = Parameters<LiveSession['send']>[0];
export type Status = 'sent' | 'held';

export interface Delivered {
  readonly status: Status;
  /** The number of its last part. */
  readonly last: number;
}

export interface DeliveryHost {
  happen(happening: Happening): void;
  /** The error as the app knows it. */
  errorOf(error: unknown): GeminiLiveError;
  fault(fault: Pick<GeminiError, 'type' | 'message' | 'code'>): GeminiLiveError;
}

export class Delivery {
  readonly #host: DeliveryHost;
  readonly #lane: Lane;
  #activeRetries = 0;

  constructor(host: DeliveryHost, lane: Lane) {
    this.#host = host;
    this.#lane = lane;
  }

  /** One input may have several parts. Until the last of them is given, no later input goes. */
  async give(
    session: LiveSession,
    { audio, text, audioStreamEnd }: RealtimeInput,
    place: number,
    options: MessageSendOptions,
  ): Promise<Delivered> {
    let hasRoom = true;
    const speak = ({ data, mimeType }: NonNullable<RealtimeInput['audio']>): Delivered => {
      const status = statusIn(session);
      hasRoom = session.sendAudio(data, mimeType);
      return { status, last: session.lastNumber };
    };
    const parts: (() => Delivered | Promise<Delivered>)[] = [];
    if (text) parts.push(() => this.send(session, realtimeInput({ text }), place, options));
    if (audio !== undefined) parts.push(() => speak(audio));
    if (audioStreamEnd) parts.push(() => this.send(session, realtimeInput({ audioStreamEnd: true }), place, options));
    if (parts.length > 1) this.#lane.hold(place);
    let delivered: Delivered | undefined;
    for (const part of parts) delivered = await part();
    this.#lane.done(place);
    if (!hasRoom) await this.room(session, options.timeout);
    return delivered!;
  }

  /** Tried again where that may help; meanwhile nothing that is given later passes it. */
  async send(
    session: LiveSession,
    payload: Payload,
    place: number,
    { timeout = TIMEOUT_MS, maxRetries = MAX_RETRIES }: MessageSendOptions,
  ): Promise<Delivered> {
    for (let tries = 0; ; tries++) {
      try {
        const sent = session.send(payload, { timeoutMs: timeout });
        const last = session.lastNumber;
        return { status: (await sent).status, last };
      } catch (error) {
        const known = this.#host.errorOf(error);
        if (tries >= maxRetries || !known.retryable || known.type === 'timeout') throw known;
      }
      this.#countRetries(+1);
      await this.#lane.again(place).finally(() => this.#countRetries(-1));
    }
  }

  #countRetries(change: 1 | -1): void {
    this.#activeRetries += change;
    this.#host.happen({ name: 'retriesChanged', params: { active: this.#activeRetries } });
  }

  /** What was taken is kept, however long the sidecar takes: it is never tried again. */
  async room(session: LiveSession, timeout = TIMEOUT_MS): Promise<void> {
    if (session.state === 'failed') {
      const message = `Session ${session.id} failed. Call connect() to try again.`;
      throw this.#host.fault({ type: 'session_error', message });
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const why = 'the audio is kept and will be sent, but the sidecar does not keep up: send less';
      timer = startTimer(() => reject(this.late(timeout, why)), timeout);
    });
    try {
      await Promise.race([session.drained(), late]); // rejects when the session is being closed, and took nothing
    } finally {
      clearTimeout(timer);
    }
  }

  late(timeout: number, why: string): GeminiLiveError {
    return this.#host.errorOf(new InputTimeoutError(`After ${timeout} ms ${why}.`));
  }
}

export const statusIn = (session: LiveSession): Status => (session.state === 'connected' ? 'sent' : 'held');

const realtimeInput = (part: object): Payload => ({ realtimeInput: part }) as Payload;

class InputTimeoutError extends SidecarError {
  override name = 'SidecarTimeoutError';
}
