/** On what terms a session is had: the app's own, with every change of them, and those of the present process. */
import type { BacklogLimits } from './backlog.js';
import type { OpenParams, SessionSettings } from './generated/protocol.js';
import { backlogLimits, firstOpening, isNeeded, openingMs, patched, reopening, type Past } from './reopening.js';

/** The sidecar's default (docs/settings.md). */
const DRAIN_MS = 1_000;

export class Terms {
  /** What the app does not want to hear, though the sidecar must tell it. */
  readonly muted: ReadonlySet<string>;
  /** With every patch of `configure` in its settings. */
  #params: OpenParams;
  /** When this number is confirmed, the process has taken what it was given more room for. */
  #roomyThrough: number | undefined;

  constructor(params: OpenParams) {
    this.#params = firstOpening(params);
    this.muted = new Set((params.notifications?.exclude ?? []).filter(isNeeded));
  }

  get params(): OpenParams {
    return this.#params;
  }

  get limits(): BacklogLimits {
    return backlogLimits(this.#params.settings ?? {});
  }

  get drainMs(): number {
    return this.#params.settings?.deadlines?.drainMs ?? DRAIN_MS;
  }

  /** How long an opening may take; `again`: its line was lost. */
  openingMs(again: boolean): number {
    return openingMs(this.#params, again);
  }

  /** A process took these settings: they hold in all after it. */
  configured(settings: SessionSettings): void {
    this.#params = { ...this.#params, settings: patched(this.#params.settings ?? {}, settings) };
  }

  /** For another process, which is offered `past.kept` messages, the last of them `last`. */
  next(past: Past, last: number): OpenParams {
    this.#roomyThrough = past.lineEndedAgoMs !== undefined && past.kept > 0 ? last : undefined;
    return reopening(this.#params, past);
  }

  /** All up to `through` is confirmed. Settings that the process was given for what it was offered are set back. */
  confirmed(through: number): SessionSettings | undefined {
    if (this.#roomyThrough === undefined || through < this.#roomyThrough) return undefined;
    this.#roomyThrough = undefined;
    const { maxMessages } = this.#params.settings?.outbox ?? {};
    return maxMessages === undefined ? undefined : { outbox: { maxMessages } };
  }
}
