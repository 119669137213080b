/** What a session sends: numbered, kept until confirmed, offered to one process after the other. */
import { Backlog, droppedOne, kindOf, type BacklogLimits, type Kept, type KeptMessage, type Payload } from './backlog.js';
import { DEFAULT_TIMEOUT_MS, limited, type CallOptions } from './calls.js';
import { deferred, type Deferred } from './deferred.js';
import { SidecarClosedError } from './errors.js';
import type { Dropped, SendResult } from './generated/protocol.js';
import { Offering } from './offering.js';
import type { Sidecar } from './sidecar.js';

export class Outgoing {
  readonly #sessionId: string;
  readonly #backlog: Backlog;
  readonly #dropped: (dropped: Dropped) => void;
  readonly #sends = new Map<KeptMessage, Deferred<SendResult>>();
  readonly #waitingForRoom = new Set<Deferred<void>>();
  /** Present while a process has the session. */
  #offering: Offering | undefined;
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

  /** False: there is no process, it does not keep up, or a message is before it. The chunk is kept in any case. */
  sendAudio(data: string | Uint8Array, mimeType: string | undefined): boolean {
    const kept = this.#backlog.keepAudio(typeof data === 'string' ? data : toBase64(data), mimeType);
    try {
      return this.#offering?.offer(kept) ?? false;
    } catch (error) {
      this.#backlog.remove(kept);
      throw error;
    } finally {
      this.#tell(this.#backlog.makeRoom(this.#offering !== undefined));
    }
  }

  /** Resolves when a process has accepted the message. */
  async send(payload: Payload, { signal, timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions): Promise<SendResult> {
    const sent = deferred<SendResult>();
    let kept: KeptMessage | undefined;
    const isSent = (): boolean => kept !== undefined && (this.#offering?.through ?? -1) >= kept.n;
    const release = limited('session/send', { signal, timeoutMs }, isSent, (error) => {
      this.#remove(kept!);
      sent.reject(error);
    });
    try {
      kept = this.#backlog.keepMessage(payload, JSON.stringify(payload).length);
      this.#sends.set(kept, sent);
      this.#offering?.offer(kept);
      return await sent.promise;
    } finally {
      release();
      if (kept !== undefined) this.#sends.delete(kept);
    }
  }

  /** Resolves when a process has the session and room for more; rejects when there will be none. */
  async drained(): Promise<void> {
    for (;;) {
      const offering = this.#offering;
      if (offering === undefined || offering.isHeld) {
        const hasRoom = deferred<void>();
        this.#waitingForRoom.add(hasRoom);
        await hasRoom.promise;
        continue;
      }
      try {
        return await offering.sidecar.drained();
      } catch (error) {
        if (this.#offering === offering) throw error;
      }
    }
  }

  /** `sidecar` was just asked to open the session: it is offered all that is kept. It takes the lines in order. */
  attach(sidecar: Sidecar, { again, resumes }: { readonly again: boolean; readonly resumes: boolean }): void {
    const offering: Offering = new Offering(this.#sessionId, sidecar, {
      accepted: (kept, result) => this.#sends.get(kept)?.resolve(result),
      refused: (kept, error) => this.#refused(kept, error),
      idle: () => this.#tellRoom(),
    });
    this.#offering?.end();
    this.#offering = offering;
    // Nobody would know the call it answers, and the service would end the connection for it.
    const isStray = (one: Kept): boolean =>
      again && !resumes && one.kind === 'message' && kindOf(one.payload) === 'toolResponse';
    const kept = this.#backlog.inOrder();
    for (const one of kept) if (isStray(one)) this.#lose(one, 'sessionLost');
    // An activity was going on: without its beginning the service would not listen.
    const payload = again ? this.#backlog.openActivity : undefined;
    const first = payload === undefined ? [] : [{ kind: 'unnumbered', payload } as const];
    offering.offerAll([...first, ...kept.filter((one) => !isStray(one))]);
    if (!offering.isHeld) this.#tellRoom();
  }

  /** The process is gone, or has the session no more. */
  detach(): void {
    this.#offeredThrough = Math.max(this.#offeredThrough, this.#offering?.through ?? -1);
    this.#offering?.end();
    this.#offering = undefined;
    this.#tell(this.#backlog.processLost());
  }

  /** All up to `through` has arrived, or was told as dropped. */
  confirmed(through: number): void {
    // A process that died after it had accepted a message, and before it had answered, may have said this much.
    for (const message of this.#backlog.confirmed(through)) this.#sends.get(message)?.resolve({ status: 'sent' });
  }

  /** The messages that wait for a process are refused with `error`; audio stays. */
  refuseAll(error: Error): void {
    for (const waiting of this.#waitingForRoom) waiting.reject(error);
    this.#waitingForRoom.clear();
    for (const [kept, sent] of this.#sends) {
      this.#remove(kept);
      sent.reject(error);
    }
  }

  /** Forgets everything, and offers no more; tells it as lost if no process told what became of it. */
  clear(isLost: boolean): void {
    this.#offering?.end();
    this.#offering = undefined;
    const lost = this.#backlog.clear();
    if (isLost) for (const dropped of lost) this.#dropped(dropped);
  }

  #refused(kept: Kept, error: Error): void {
    if (kept.kind === 'audio') return this.#lose(kept, 'outboxFull'); // it does not fit into a line
    const sent = this.#sends.get(kept);
    if (sent === undefined) return this.#lose(kept, 'deliveryUnknown'); // accepted before, by another process
    this.#remove(kept);
    sent.reject(error);
  }

  #lose(kept: Kept, reason: Dropped['reason']): void {
    this.#remove(kept);
    this.#dropped(droppedOne(kept, reason));
    if (kept.kind === 'audio') return;
    this.#sends.get(kept)?.reject(new SidecarClosedError(`The session that the message belonged to is lost (${reason})`));
  }

  #remove(kept: Kept): void {
    this.#backlog.remove(kept);
    if (kept.kind === 'message') this.#offering?.withdraw(kept);
  }

  #tellRoom(): void {
    for (const waiting of this.#waitingForRoom) waiting.resolve();
    this.#waitingForRoom.clear();
  }

  #tell(dropped: Dropped | undefined): void {
    if (dropped !== undefined) this.#dropped(dropped);
  }
}

function toBase64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}
