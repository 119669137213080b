/** How inputs of the app reach its session: at once, or when there is one; tried again where that may help. */
import { SidecarDownError, SidecarError } from '../errors.js';
import type { LiveSession } from '../session.js';
import { GeminiLiveError } from './errors.js';
import type { Happening } from './happenings.js';
import type { MessageSendOptions, RealtimeInput } from './shapes.js';
import { type WaitingInput, WaitingInputs } from './waiting.js';

const TIMEOUT_MS = 30_000;
const MAX_RETRIES = 3;
const RETRY_DELAY_MS = 1_000;
const NORMAL = 1;
const OVERFLOW = 'Inputs are dropped: more than `maxQueueSize` wait for a session. Call connect().';

type Payload = Parameters<LiveSession['send']>[0];
type Status = 'sent' | 'held';

export interface SenderHost {
  session(): LiveSession | undefined;
  happen(happening: Happening): void;
  /** The error as the app knows it. */
  errorOf(error: unknown): GeminiLiveError;
  invalid(message: string): GeminiLiveError;
}

export class Sender {
  readonly #host: SenderHost;
  readonly #waiting: WaitingInputs;
  readonly #reports = new Set<(confirmedThrough: number) => void>();
  #activeRetries = 0;
  /** One error tells all inputs that gave way since there was last a session. */
  #overflow: SidecarError | undefined;
  #isOverflowTold = false;

  constructor(host: SenderHost, maxWaiting: number) {
    this.#host = host;
    this.#waiting = new WaitingInputs(maxWaiting);
  }

  /** Resolves when the sidecar has accepted it; with `expectResponse`, when its arrival is confirmed. */
  async input(input: RealtimeInput, options: MessageSendOptions = {}): Promise<void> {
    if (typeOf(input ?? {}) === undefined) {
      throw this.#host.invalid('The input has neither audio, nor text, nor audioStreamEnd. Give one of them.');
    }
    const session = this.#host.session();
    return session === undefined ? this.#wait(input, options) : this.#accept(session, input, options);
  }

  /** A message that is no input; tried again like one. */
  async message(
    payload: Payload,
    { timeout = TIMEOUT_MS, maxRetries = MAX_RETRIES }: MessageSendOptions = {},
  ): Promise<void> {
    const session = this.#host.session();
    if (session === undefined) throw this.#host.invalid('There is no session. Call connect() first.');
    await this.#retried(() => session.send(payload, { timeoutMs: timeout }), maxRetries);
  }

  /** The session is there: all that waited goes first. */
  sessionOpened(): void {
    this.#overflow = undefined;
    this.#isOverflowTold = false;
    if (this.#waiting.length === 0) return;
    const all = this.#waiting.takeAll();
    this.#host.happen({ name: 'inputsLeft', params: { waiting: {} } });
    for (const { send } of all) send();
  }

  /** `session/queue` told how much is confirmed. */
  reported(confirmedThrough: number): void {
    for (const report of this.#reports) report(confirmedThrough);
  }

  /** Nothing will be sent any more. */
  giveUp(error: Error): void {
    for (const { giveUp } of this.#waiting.takeAll()) giveUp(error);
  }

  #wait(input: RealtimeInput, options: MessageSendOptions): Promise<void> {
    const { priority = NORMAL, expectResponse = false, timeout = TIMEOUT_MS } = options;
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const fail = (error: Error): void => {
        clearTimeout(timer);
        if (expectResponse) reject(error);
        else if (error !== this.#overflow || !this.#isOverflowTold) {
          this.#isOverflowTold ||= error === this.#overflow;
          this.#host.happen({ name: 'failedQuietly', params: { error: this.#host.errorOf(error).toGeminiError() } });
        }
      };
      const waiting: WaitingInput = {
        input,
        priority,
        send: () => {
          clearTimeout(timer);
          this.#accept(this.#host.session()!, input, options).then(resolve, fail);
        },
        giveUp: fail,
      };
      if (expectResponse) {
        timer = setTimeout(() => {
          this.#waiting.remove(waiting);
          this.#host.happen({ name: 'inputsLeft', params: { waiting: this.#waiting.byPriority } });
          reject(this.#host.errorOf(timedOut(timeout, 'the input was not sent: there is no session')));
        }, timeout);
      }
      const dropped = this.#waiting.add(waiting);
      const params = { inputType: typeOf(input)!, priority, waiting: this.#waiting.byPriority };
      this.#host.happen({ name: 'inputWaits', params });
      dropped?.giveUp((this.#overflow ??= new SidecarError(OVERFLOW)));
      if (!expectResponse) resolve();
    });
  }

  async #accept(session: LiveSession, input: RealtimeInput, options: MessageSendOptions): Promise<void> {
    const { priority = NORMAL, timeout = TIMEOUT_MS, maxRetries = MAX_RETRIES, expectResponse } = options;
    const deadlineMs = performance.now() + timeout;
    const status = await this.#deliver(session, input, timeout, maxRetries);
    this.#host.happen({ name: 'inputAccepted', params: { input, inputType: typeOf(input)!, status, priority } });
    if (expectResponse) await this.#confirmed(session, deadlineMs, timeout);
  }

  /** One input may have several parts. All are given away in this tick, so that no later input comes between. */
  async #deliver(
    session: LiveSession,
    { audio, text, audioStreamEnd }: RealtimeInput,
    timeoutMs: number,
    maxRetries: number,
  ): Promise<Status> {
    const say = async (realtimeInput: object): Promise<Status> => {
      const payload = { realtimeInput } as Payload;
      return (await this.#retried(() => session.send(payload, { timeoutMs }), maxRetries)).status;
    };
    const parts: Promise<Status>[] = [];
    if (text) parts.push(say({ text }));
    if (audio !== undefined) parts.push(speak(session, audio, timeoutMs));
    if (audioStreamEnd) parts.push(say({ audioStreamEnd: true }));
    return (await Promise.all(parts)).at(-1)!;
  }

  async #retried<T>(attempt: () => Promise<T>, maxRetries: number): Promise<T> {
    for (let tries = 0; ; tries++) {
      try {
        return await attempt();
      } catch (error) {
        const known = this.#host.errorOf(error);
        if (tries >= maxRetries || !known.retryable || known.type === 'timeout') throw known;
      }
      this.#countRetries(+1);
      await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
      this.#countRetries(-1);
    }
  }

  #countRetries(change: 1 | -1): void {
    this.#activeRetries += change;
    this.#host.happen({ name: 'retriesChanged', params: { active: this.#activeRetries } });
  }

  /** All that was accepted until now has arrived. */
  async #confirmed(session: LiveSession, deadlineMs: number, timeout: number): Promise<void> {
    let through: number | undefined;
    let confirmedThrough = -1;
    for (;;) {
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0)
        throw this.#host.errorOf(timedOut(timeout, 'the input was accepted, and its arrival is not confirmed'));
      if (through === undefined) {
        try {
          const { queue } = await session.get({ timeoutMs: leftMs });
          through = queue.acceptedThrough ?? -1;
          confirmedThrough = Math.max(confirmedThrough, queue.confirmedThrough ?? -1);
        } catch (error) {
          if (!(error instanceof SidecarDownError)) throw this.#host.errorOf(error);
        }
      }
      if (through !== undefined && confirmedThrough >= through) return;
      confirmedThrough = Math.max(confirmedThrough, await this.#nextReport(leftMs));
    }
  }

  #nextReport(withinMs: number): Promise<number> {
    return new Promise((resolve) => {
      const done = (confirmedThrough: number): void => {
        clearTimeout(timer);
        this.#reports.delete(done);
        resolve(confirmedThrough);
      };
      const timer = setTimeout(() => done(-1), withinMs);
      this.#reports.add(done);
    });
  }
}

/** Never tried again: a chunk that was taken is kept, however long the sidecar takes. */
async function speak(
  session: LiveSession,
  { data, mimeType }: NonNullable<RealtimeInput['audio']>,
  timeoutMs: number,
): Promise<Status> {
  const status = session.state === 'connected' ? 'sent' : 'held';
  if (!session.sendAudio(data, mimeType)) {
    if (session.state === 'failed')
      throw new SidecarError(`Session ${session.id} failed. Call connect() to try again.`);
    await within(session.drained(), timeoutMs); // rejects when the session is being closed, and took nothing
  }
  return status;
}

function typeOf({ audio, text, audioStreamEnd }: RealtimeInput): string | undefined {
  if (audio?.data) return 'audio';
  if (text) return 'text';
  return audioStreamEnd ? 'audioStreamEnd' : undefined;
}

async function within(promise: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const why = 'the audio is kept and will be sent, but the sidecar does not keep up: send less';
    timer = setTimeout(() => reject(timedOut(timeoutMs, why)), timeoutMs);
  });
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

class InputTimeoutError extends SidecarError {
  override name = 'SidecarTimeoutError';
}

function timedOut(timeoutMs: number, why: string): SidecarError {
  return new InputTimeoutError(`After ${timeoutMs} ms ${why}.`);
}
