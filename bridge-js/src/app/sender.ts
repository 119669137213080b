/** How inputs of the app reach its session: at once, or when there is one; tried again where that may help. */
import type { Dropped, QueueReport } from '../generated/protocol.js';
import type { LiveSession } from '../session.js';
import { startTimer } from '../timer.js';
import { Arrivals } from './arrivals.js';
import { DEFAULT_MIME_TYPE, isPcm } from './audio.js';
import { Delivery, statusIn, TIMEOUT_MS, type DeliveryHost, type Payload, type Status } from './delivery.js';
import type { GeminiLiveError } from './errors.js';
import { Lane } from './lane.js';
import { Queued } from './queued.js';
import type { MessageSendOptions, RealtimeInput } from './shapes.js';
import { type WaitingInput, WaitingInputs } from './waiting.js';

const NORMAL = 1;
const DONE = Promise.resolve();
const NO_OPTIONS: MessageSendOptions = {};

export interface SenderHost extends DeliveryHost {
  session(): LiveSession | undefined;
  lost(dropped: Dropped): GeminiLiveError;
}

export class Sender {
  readonly #host: SenderHost;
  readonly #waiting: WaitingInputs;
  readonly #lane = new Lane();
  readonly #arrivals = new Arrivals();
  readonly #queued = new Queued();
  readonly #delivery: Delivery;
  /** One error tells all inputs that gave way since there was last a session. */
  #overflow: GeminiLiveError | undefined;
  #isOverflowTold = false;

  constructor(host: SenderHost, maxWaiting: number) {
    this.#host = host;
    this.#delivery = new Delivery(host, this.#lane);
    this.#waiting = new WaitingInputs(maxWaiting);
  }

  /** Resolves when the sidecar has accepted it; with `expectResponse`, when its arrival is confirmed. */
  input(input: RealtimeInput, options: MessageSendOptions = NO_OPTIONS): Promise<void> {
    const inputType = typeOf(input ?? {});
    if (inputType === undefined) {
      const message = 'The input has neither audio, nor text, nor audioStreamEnd. Give one of them.';
      return Promise.reject(this.#host.fault({ type: 'validation', message }));
    }
    const { mimeType } = input.audio ?? {};
    if (mimeType !== undefined && !isPcm(mimeType)) {
      const message = `audio.mimeType is ${JSON.stringify(mimeType)}. The service hears PCM16: "${DEFAULT_MIME_TYPE}".`;
      return Promise.reject(this.#host.fault({ type: 'validation', message }));
    }
    const session = this.#host.session();
    if (session === undefined) return this.#wait(input, inputType, options);
    if (inputType === 'audio' && !input.audioStreamEnd && !options.expectResponse && !this.#lane.isBlocked) {
      return this.#audio(session, input, options);
    }
    return this.#give(session, input, inputType, options);
  }

  /** A message that is no input; tried again like one. */
  async message(payload: Payload): Promise<void> {
    const session = this.#host.session();
    if (session === undefined) {
      throw this.#host.fault({ type: 'validation', message: 'There is no session. Call connect() first.' });
    }
    await this.#inTurn(TIMEOUT_MS, (place) => this.#delivery.send(session, payload, place, {}));
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

  /** The session is over. */
  sessionEnded(): void {
    const message = 'The session ended before the input had arrived for certain. Say it again if it matters.';
    const error = this.#host.fault({ type: 'session_error', message });
    this.#queued.clear();
    this.#arrivals.ended(error);
    this.#lane.refuseAll(error);
  }

  /** `session/queue`. */
  reported(queue: QueueReport): void {
    this.#arrivals.reported(queue);
    if (queue.heldMessages > 0 || this.#queued.isEmpty || this.#host.session()?.state !== 'connected') return;
    for (const params of this.#queued.takeAll()) this.#host.happen({ name: 'inputLeft', params });
  }

  /** `session/dropped`. */
  dropped(dropped: Dropped): void {
    this.#arrivals.dropped(dropped);
    this.#queued.dropped(dropped);
  }

  /** Nothing will be sent any more. */
  giveUp(error: Error): void {
    this.#lane.refuseAll(error);
    for (const { giveUp } of this.#waiting.takeAll()) giveUp(error);
  }

  // --- before there is a session ------------------------------------------------------------------------------------

  #wait(input: RealtimeInput, inputType: string, options: MessageSendOptions): Promise<void> {
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
          this.#give(this.#host.session()!, input, inputType, options, true).then(resolve, fail);
        },
        giveUp: fail,
      };
      if (expectResponse) {
        timer = startTimer(() => {
          this.#waiting.remove(waiting);
          this.#host.happen({ name: 'inputsLeft', params: { waiting: this.#waiting.byPriority } });
          reject(this.#delivery.late(timeout, 'the input was not sent: there is no session'));
        }, timeout);
      }
      const dropped = this.#waiting.add(waiting);
      this.#host.happen({ name: 'inputWaits', params: { inputType, priority, waiting: this.#waiting.byPriority } });
      dropped?.giveUp((this.#overflow ??= this.#tooMany()));
      if (!expectResponse) resolve();
    });
  }

  // --- with a session -----------------------------------------------------------------------------------------------

  /** The usual input, and nothing before it: it goes at once. */
  #audio(session: LiveSession, input: RealtimeInput, options: MessageSendOptions): Promise<void> {
    const status = statusIn(session);
    try {
      const { data, mimeType } = input.audio!;
      if (!session.sendAudio(data, mimeType)) return this.#untilDrained(session, input, options, status);
    } catch (error) {
      return Promise.reject(this.#host.errorOf(error));
    }
    this.#accepted(input, 'audio', status, options);
    return DONE;
  }

  async #untilDrained(
    session: LiveSession,
    input: RealtimeInput,
    options: MessageSendOptions,
    status: Status,
  ): Promise<void> {
    try {
      await this.#delivery.room(session, options.timeout);
    } catch (error) {
      throw this.#host.errorOf(error);
    }
    this.#accepted(input, 'audio', status, options);
  }

  async #give(
    session: LiveSession,
    input: RealtimeInput,
    inputType: string,
    options: MessageSendOptions,
    hasWaited = false,
  ): Promise<void> {
    const { timeout = TIMEOUT_MS, expectResponse } = options;
    return this.#inTurn(timeout, async (place) => {
      const deadlineMs = performance.now() + timeout;
      const arrival = expectResponse ? this.#arrivals.watch(session.lastNumber + 1, kindsOf(input)) : undefined;
      try {
        const { status, last } = await this.#delivery.give(session, input, place, options);
        this.#accepted(input, inputType, status, options, hasWaited);
        await arrival?.confirmed(last, deadlineMs, {
          late: () => this.#delivery.late(timeout, 'the input was accepted, and its arrival is not confirmed'),
          lost: (dropped) => this.#host.lost(dropped),
        });
      } finally {
        arrival?.end();
      }
    });
  }

  #accepted(
    input: RealtimeInput,
    inputType: string,
    status: Status,
    { priority = NORMAL }: MessageSendOptions,
    hasWaited = false,
  ): void {
    if (status === 'held') this.#queued.add({ input, inputType });
    this.#host.happen({ name: 'inputAccepted', params: { input, inputType, status, priority, hasWaited } });
  }

  /** Does it now, or when all that was given before has gone. */
  async #inTurn<T>(timeout: number, action: (place: number) => Promise<T>): Promise<T> {
    const place = this.#lane.newPlace();
    const why = 'the input was not sent: it waits behind one that was refused for want of room';
    try {
      if (this.#lane.isBlocked) await this.#lane.turn(place, timeout, () => this.#delivery.late(timeout, why));
      return await action(place);
    } catch (error) {
      throw this.#host.errorOf(error);
    } finally {
      this.#lane.done(place);
    }
  }

  #tooMany(): GeminiLiveError {
    const message = 'Inputs are dropped: more than `maxQueueSize` wait for a session. Call connect().';
    return this.#host.fault({ type: 'session_error', code: 'outboxFull', message });
  }
}

function typeOf({ audio, text, audioStreamEnd }: RealtimeInput): string | undefined {
  if (audio?.data) return 'audio';
  if (text) return 'text';
  return audioStreamEnd ? 'audioStreamEnd' : undefined;
}

/** The sidecar's names for its parts. */
function kindsOf({ audio, text, audioStreamEnd }: RealtimeInput): Dropped['kind'][] {
  const parts = { audio, text, control: audioStreamEnd };
  return (['audio', 'text', 'control'] as const).filter((kind) => parts[kind]);
}
