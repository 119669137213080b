/** What a session sends: numbered, kept until confirmed, offered to one process after the other. */
import { Backlog, droppedMessage, kindOf, type BacklogLimits, type Kept, type KeptMessage, type Payload } from './backlog.js';
import { DEFAULT_TIMEOUT_MS, type CallOptions } from './calls.js';
import { deferred, type Deferred } from './deferred.js';
import {
  SidecarAbortError,
  SidecarClosedError,
  SidecarExitError,
  SidecarRpcError,
  SidecarTimeoutError,
} from './errors.js';
import type { Dropped, SendResult } from './generated/protocol.js';
import type { Sidecar } from './sidecar.js';
import { startTimer } from './timer.js';

export class Outgoing {
  readonly #sessionId: string;
  readonly #backlog: Backlog;
  readonly #dropped: (dropped: Dropped) => void;
  readonly #sends = new Map<KeptMessage, Deferred<SendResult>>();
  readonly #waitingForProcess = new Set<Deferred<void>>();
  #sidecar: Sidecar | undefined;
  /** By processes that are gone. */
  #offeredThrough = -1;

  /** `dropped` is told what is lost. */
  constructor(sessionId: string, limits: BacklogLimits, dropped: (dropped: Dropped) => void) {
    this.#sessionId = sessionId;
    this.#backlog = new Backlog(limits);
    this.#dropped = dropped;
  }

  set limits(limits: BacklogLimits) {
    this.#backlog.limits = limits;
  }

  /** Audio that waits for its confirmation, and the part of it that a process before this one was offered. */
  get waiting(): { heldMs: number; replayedMs: number } {
    return { heldMs: this.#backlog.audioMs, replayedMs: this.#backlog.audioMsThrough(this.#offeredThrough) };
  }

  /** Whether something has arrived. */
  get heard(): boolean {
    return this.#backlog.confirmedThrough >= 0;
  }

  /** The highest number given; -1 before the first. */
  get last(): number {
    return this.#backlog.last;
  }

  /** Messages, audio too, that wait for their confirmation. */
  get kept(): number {
    return this.#backlog.length;
  }

  /** False: there is no process, or it does not keep up. The chunk is kept in any case. */
  sendAudio(data: string | Uint8Array, mimeType: string | undefined): boolean {
    const kept = this.#backlog.keepAudio(typeof data === 'string' ? data : toBase64(data), mimeType);
    const sidecar = this.#sidecar;
    try {
      return sidecar !== undefined && this.#offer(kept, sidecar);
    } finally {
      this.#tell(this.#backlog.makeRoom(sidecar !== undefined));
    }
  }

  /** Resolves when a process has accepted the message. */
  async send(payload: Payload, { signal, timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions): Promise<SendResult> {
    const call = { method: 'session/send', sent: false };
    if (signal?.aborted) throw new SidecarAbortError(call, signal.reason);
    const kept = this.#backlog.keepMessage(payload, JSON.stringify(payload).length);
    const sent = deferred<SendResult>();
    this.#sends.set(kept, sent);
    const giveUp = (why: typeof SidecarAbortError | typeof SidecarTimeoutError, detail: unknown): void => {
      this.#backlog.remove(kept);
      sent.reject(new why({ ...call, sent: this.#sidecar !== undefined }, detail as never));
    };
    const onAbort = (): void => giveUp(SidecarAbortError, signal?.reason);
    const timer = startTimer(() => giveUp(SidecarTimeoutError, timeoutMs), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (this.#sidecar !== undefined) this.#offer(kept, this.#sidecar);
    try {
      return await sent.promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      this.#sends.delete(kept);
    }
  }

  /** Resolves when a process has the session and room for more; rejects when there will be none. */
  async drained(): Promise<void> {
    for (;;) {
      const sidecar = this.#sidecar;
      if (sidecar === undefined) {
        const attached = deferred<void>();
        this.#waitingForProcess.add(attached);
        await attached.promise;
        continue;
      }
      try {
        return await sidecar.drained();
      } catch (error) {
        if (this.#sidecar === sidecar) throw error;
      }
    }
  }

  /** `sidecar` was just asked to open the session: it is offered all that is kept. It takes the lines in order. */
  attach(sidecar: Sidecar, { again, resumes }: { readonly again: boolean; readonly resumes: boolean }): void {
    this.#sidecar = sidecar;
    const kept = this.#backlog.inOrder();
    if (again && this.#backlog.openActivity !== undefined) this.#sayAgain(this.#backlog.openActivity, sidecar);
    for (const one of kept) {
      // Nobody would know the call it answers, and the service would end the connection for it.
      const isStray = again && !resumes && one.kind === 'message' && kindOf(one.payload) === 'toolResponse';
      if (isStray) this.#lose(one, 'sessionLost');
      else this.#offer(one, sidecar);
    }
    for (const waiting of this.#waitingForProcess) waiting.resolve();
    this.#waitingForProcess.clear();
  }

  /** The process is gone, or has the session no more. */
  detach(): void {
    if (this.#sidecar !== undefined) this.#offeredThrough = this.#backlog.last;
    this.#sidecar = undefined;
    this.#tell(this.#backlog.processLost());
  }

  /** All up to `through` has arrived, or was told as dropped. */
  confirmed(through: number): void {
    // A process that died after it had accepted a message, and before it had answered, may have said this much.
    for (const message of this.#backlog.confirmed(through)) this.#sends.get(message)?.resolve({ status: 'sent' });
  }

  /** The messages that wait for a process are refused with `error`; audio stays. */
  refuseAll(error: Error): void {
    for (const waiting of this.#waitingForProcess) waiting.reject(error);
    this.#waitingForProcess.clear();
    for (const [kept, sent] of this.#sends) {
      this.#backlog.remove(kept);
      sent.reject(error);
    }
  }

  /** Forgets everything; tells it as lost if no process told what became of it. */
  clear(isLost: boolean): void {
    const lost = this.#backlog.clear();
    if (isLost) for (const dropped of lost) this.#dropped(dropped);
  }

  #offer(kept: Kept, sidecar: Sidecar): boolean {
    const { n } = kept;
    const sessionId = this.#sessionId;
    if (kept.kind === 'audio') {
      try {
        return sidecar.notify('session/sendAudio', { sessionId, n, ...kept.chunk });
      } catch (error) {
        if (isGone(error)) return false; // kept for the next one
        this.#backlog.remove(kept);
        throw error;
      }
    }
    sidecar.call('session/send', { sessionId, n, ...kept.payload }, { timeoutMs: Infinity }).then(
      (result) => this.#sends.get(kept)?.resolve(result),
      (error: Error) => {
        if (sidecar === this.#sidecar && !isGone(error)) this.#refused(kept, error);
      },
    );
    return true;
  }

  #refused(kept: KeptMessage, error: Error): void {
    const sent = this.#sends.get(kept);
    if (sent === undefined) return this.#lose(kept, 'deliveryUnknown'); // accepted before, by another process
    this.#backlog.remove(kept);
    sent.reject(error);
  }

  #lose(kept: KeptMessage, reason: Dropped['reason']): void {
    this.#backlog.remove(kept);
    const dropped = droppedMessage(kept, reason);
    this.#dropped(dropped);
    this.#sends.get(kept)?.reject(new SidecarClosedError(`The session that the message belonged to is lost (${reason})`));
  }

  /** An activity was going on: without its beginning the service would not listen. Nothing waits for the answer. */
  #sayAgain(activity: Payload, sidecar: Sidecar): void {
    const params = { sessionId: this.#sessionId, ...activity };
    sidecar.call('session/send', params, { timeoutMs: Infinity }).catch(() => undefined);
  }

  #tell(dropped: Dropped | undefined): void {
    if (dropped !== undefined) this.#dropped(dropped);
  }
}

/** Whether the process is gone, or has no such session (its opening is being refused): nothing was accepted. */
function isGone(error: unknown): boolean {
  if (error instanceof SidecarRpcError) return error.kind === 'unknownSession' || error.kind === 'shuttingDown';
  return error instanceof SidecarExitError || error instanceof SidecarClosedError;
}

function toBase64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}
