/** Every error of this package. Each message says what happened and what to do next; none holds a secret. */
import { markClasses } from './copies.js';
import { ERROR_CODES, type ErrorData, type ErrorKind, type FaultKind } from './generated/protocol.js';

/** Of the end of stderr, so many lines stand in a message; the error's `stderrTail` has more. */
const LAST_LINES_SHOWN = 20;

/** How the process ended, and the last lines it wrote to stderr. */
export interface Exit {
  /** The exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderrTail: readonly string[];
}

/** A call that ended without an answer. */
export interface UnansweredCall {
  readonly method: string;
  /** Whether it had left this process. If so, the sidecar may have carried it out; if not, it surely did not. */
  readonly sent: boolean;
}

/** The base of all errors of this package. */
export class SidecarError extends Error {
  override name: string = 'SidecarError';
}

/** The sidecar answered the call with an error. */
export class SidecarRpcError extends SidecarError {
  override name = 'SidecarRpcError';
  /** The stable name to test for: of the call, or of a fault of the connection to the service. */
  readonly kind: ErrorKind | FaultKind | (string & {});

  constructor(
    readonly method: string,
    /** The JSON-RPC code. */
    readonly code: number,
    message: string,
    /** All the sidecar says about it; absent only if the answer came from something else. */
    readonly data?: ErrorData,
  ) {
    const words = data?.message ?? message;
    const end = /[.!?]$/.test(words) ? '' : '.';
    super(`${method} failed: ${words}${data?.remediation === undefined ? '' : `${end} ${data.remediation}`}`);
    this.kind = data?.kind ?? kindOf(code);
  }
}

/** Thrown by a handler of the app: its message is passed on to the sidecar, and shown to nobody as it is. */
export class RequestRefusedError extends Error {
  override name = 'RequestRefusedError';
  /** False: asking again is of no use before the user has done something, such as signing in. */
  readonly retryable: boolean;

  constructor(message: string, { retryable = true }: { readonly retryable?: boolean } = {}) {
    super(message);
    this.retryable = retryable;
  }
}

/** The sidecar's process ended, or never came up. */
export class SidecarExitError extends SidecarError {
  override name = 'SidecarExitError';
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderrTail: readonly string[];
  /** Of the call that is rejected with this: see {@link UnansweredCall}. Absent where there was no call. */
  readonly sent?: boolean;

  constructor(exit: Exit, call?: UnansweredCall, note = '') {
    const how = exit.signal === null ? `with code ${exit.code}` : `by signal ${exit.signal}`;
    super(`The sidecar ended ${how}${aboutCall(call)}.${note}${aboutStderr(exit.stderrTail)}`);
    this.code = exit.code;
    this.signal = exit.signal;
    this.stderrTail = exit.stderrTail;
    if (call !== undefined) this.sent = call.sent;
  }
}

/** No answer came in time. The call was cancelled; a late answer is ignored. */
export class SidecarTimeoutError extends SidecarError {
  override name = 'SidecarTimeoutError';
  readonly sent: boolean;

  constructor(
    call: UnansweredCall,
    readonly timeoutMs: number,
    note = ' Give the call a longer `timeoutMs`, or look into the log for what it waits for.',
  ) {
    super(`No answer to ${call.method} within ${timeoutMs} ms.${note}`);
    this.sent = call.sent;
  }
}

/** The call was given up through its `AbortSignal`; `cause` is the signal's reason. */
export class SidecarAbortError extends SidecarError {
  /** The name that all of Node and the web use, so that the usual test for it works. */
  override name = 'AbortError';
  readonly code = 'ABORT_ERR';
  readonly sent: boolean;

  constructor(call: UnansweredCall, reason: unknown) {
    super(`${call.method} was aborted by its signal.`, { cause: reason });
    this.sent = call.sent;
  }
}

/** The conversation is over: `stop()` was called, or the sidecar closed its end. */
export class SidecarClosedError extends SidecarError {
  override name = 'SidecarClosedError';
  readonly sent?: boolean;

  constructor(why: string, call?: UnansweredCall, remedy = 'Start a new one with `Sidecar.start()`.') {
    super(`${why}${aboutCall(call)}. ${remedy}`);
    if (call !== undefined) this.sent = call.sent;
  }
}

/** The program could not be started at all. */
export class SidecarSpawnError extends SidecarError {
  override name = 'SidecarSpawnError';
  constructor(
    message: string,
    /** What was tried, in order. */
    readonly tried: readonly string[],
    cause?: unknown,
  ) {
    super(message, { cause });
  }

  /** The system's name for it, such as `ENOENT`; absent when no program was found to be tried. */
  get code(): string | undefined {
    return (this.cause as NodeJS.ErrnoException | undefined)?.code;
  }
}

/** The process does not end, not even by force. No other takes its place before the next `start()`. */
export class SidecarStuckError extends SidecarError {
  override name = 'SidecarStuckError';

  constructor(
    readonly pid: number | undefined,
    /** Why it was to end, if that was not asked for. */
    cause?: unknown,
  ) {
    const why = cause instanceof Error ? ` It was to end because: ${cause.message}` : '';
    super(
      `The sidecar (process ${pid}) did not end on SIGKILL; it hangs in the operating system, and may still hold its ` +
        `connections. End it by hand before another is started.${why}`,
      cause === undefined ? undefined : { cause },
    );
  }
}

/** The sidecar is down and is being started again. Nothing was sent. */
export class SidecarDownError extends SidecarError {
  override name = 'SidecarDownError';
  readonly sent = false;

  constructor(method: string) {
    super(`The sidecar is down and is being started again; ${method} was not sent. Call again after \`up\`.`);
  }
}

/** The sidecar ended too often in a row, and is not started again. `cause` tells how it ended the last time. */
export class SidecarCrashLoopError extends SidecarError {
  override name = 'SidecarCrashLoopError';
  readonly stderrTail: readonly string[];

  constructor(
    /** How often it ended in a row. */
    readonly ends: number,
    healthyMs: number,
    last: SidecarError,
  ) {
    super(
      `The sidecar ended ${ends} times in a row, never after ${healthyMs} ms of work, and is not started again. ` +
        'Look for the reason in its last lines, then call `start()` to try again; ' +
        `if it goes on, install it anew. The last time: ${last.message}`,
      { cause: last },
    );
    this.stderrTail = last instanceof SidecarExitError ? last.stderrTail : [];
  }
}

/** The sidecar gave the session up; `session.reconnect()` tries again. */
export class SessionFailedError extends SidecarError {
  override name = 'SessionFailedError';

  constructor(
    sessionId: string,
    /** All the sidecar says about it. */
    readonly data?: ErrorData,
  ) {
    const end = /[.!?]$/.test(data?.message ?? '') ? '' : '.';
    super(`Session ${sessionId} failed: ${data?.message ?? 'no reason was told'}${end} ${data?.remediation ?? ''}`.trim());
  }
}

/** The message was not taken: so much waits for its confirmation that no more may be kept. */
export class BacklogFullError extends SidecarError {
  override name = 'BacklogFullError';

  constructor(keptBytes: number, maxBytes: number) {
    super(
      `The message was not taken: ${keptBytes} bytes of earlier ones are not confirmed yet, and ${maxBytes} may be ` +
        'kept. Send it again when `queue` tells that more is confirmed.',
    );
  }
}

/** What speaks at the other end is not a sidecar that this package understands. */
export class SidecarProtocolError extends SidecarError {
  override name = 'SidecarProtocolError';
}

/** The message is longer than one line may be. Nothing was sent. */
export class LineTooLongError extends SidecarError {
  override name = 'LineTooLongError';
  constructor(
    readonly sizeBytes: number,
    readonly maxLineBytes: number,
  ) {
    super(`The message takes ${sizeBytes} bytes and a line may hold ${maxLineBytes}. Send it in smaller parts.`);
  }
}

markClasses({
  SidecarError,
  SidecarRpcError,
  RequestRefusedError,
  SidecarExitError,
  SidecarTimeoutError,
  SidecarAbortError,
  SidecarClosedError,
  SidecarSpawnError,
  SidecarStuckError,
  SidecarDownError,
  SidecarCrashLoopError,
  SessionFailedError,
  BacklogFullError,
  SidecarProtocolError,
  LineTooLongError,
});

function kindOf(code: number): string {
  return Object.entries(ERROR_CODES).find(([, known]) => known === code)?.[0] ?? 'unknown';
}

function aboutCall(call: UnansweredCall | undefined): string {
  if (call === undefined) return '';
  return call.sent
    ? ` before it answered ${call.method}, which it may have carried out`
    : ` before ${call.method} was sent`;
}

/** The end of stderr, as the last words of a message. */
export function aboutStderr(tail: readonly string[]): string {
  const last = tail.slice(-LAST_LINES_SHOWN);
  return last.length === 0 ? ' It wrote nothing to stderr.' : ` The last it wrote to stderr:\n${last.join('\n')}`;
}
