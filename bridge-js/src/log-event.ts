/** A line of the log, from wherever it comes. */
import type { Log, LogLevel } from './generated/protocol.js';

/** A line of the sidecar's log. */
export interface LogEvent {
  /** `notification`: meant for this host. `stderr`: the log of the process. `host`: a handler of the app failed. */
  readonly source: 'notification' | 'stderr' | 'host';
  /** `raw`: a line on stderr that is not of the sidecar's log. */
  readonly level: LogLevel | 'raw';
  readonly message: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A handler of the app failed. */
export function fromHandler(method: string, why: unknown): LogEvent {
  const message = `the handler of ${method} failed: ${why instanceof Error ? (why.stack ?? why.message) : String(why)}`;
  return { source: 'host', level: 'error', message, data: { method } };
}

/** A note of the sidecar for this host. */
export function fromNotification({ level, message, data = {} }: Log): LogEvent {
  return { source: 'notification', level, message, data };
}

/** A line of the sidecar's log (JSON), or any other line as it is. */
export function fromStderr(line: string): LogEvent {
  try {
    const { level, msg, ...data } = JSON.parse(line) as Record<string, unknown>;
    if (typeof level === 'string' && typeof msg === 'string') {
      return { source: 'stderr', level: level as LogLevel, message: msg, data };
    }
  } catch {
    // Not JSON, or not an object: a traceback, or the note of a library.
  }
  return { source: 'stderr', level: 'raw', message: line, data: {} };
}
