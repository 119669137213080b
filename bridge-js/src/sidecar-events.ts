/** What a `Sidecar` is told, and what it tells. */
import type { ProtocolViolation } from './connection.js';
import type { Exit } from './errors.js';
import type { Listener } from './events.js';
import type { ClientInfo, LogLevel, Notifications } from './generated/protocol.js';
import type { LogEvent } from './log-event.js';

export interface StartOptions {
  /** The program. Default: see `locate`. */
  readonly command?: string | undefined;
  /** What comes before `serve` on its command line, as in `python -m sidecar serve`. */
  readonly args?: readonly string[] | undefined;
  readonly cwd?: string | undefined;
  /** Added to the part of the environment that is inherited; undefined removes a variable. Never for secrets. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The app, for the sidecar's log. */
  readonly client?: ClientInfo | undefined;
  /** What the sidecar writes to its log. Default `info`. */
  readonly logLevel?: LogLevel | undefined;
  /** Default 15 000. */
  readonly startTimeoutMs?: number | undefined;
  /** Gives the start up: it rejects with an `AbortError`, and the process is gone by then. */
  readonly signal?: AbortSignal | undefined;
  /** Listeners from the first moment on; `start()` returns after the first lines of the log were written. */
  readonly on?: { readonly [E in keyof SidecarEvents]?: Listener<SidecarEvents[E]> } | undefined;
}

export interface StopOptions {
  /** So long for closing the sessions gracefully; then the process is ended all the same. Default 3 000. */
  readonly graceMs?: number | undefined;
}

export interface ExitEvent extends Exit {
  /** Whether `stop()` was called before. */
  readonly expected: boolean;
}

export interface SidecarEvents extends Omit<Notifications, 'log'> {
  log: LogEvent;
  /** Every line on stderr as it came. */
  stderr: string;
  /** The process ended. Calls in flight were rejected, and nothing can be sent any more. */
  exit: ExitEvent;
  /** A line on stdout that is no message; the conversation goes on. */
  protocolError: ProtocolViolation;
}
