/** What a `Supervisor` is told, and what it tells. */
import type { Exit } from './errors.js';
import type { Listener } from './events.js';
import type { RestartPolicy } from './restart.js';
import type { Sidecar, SidecarEvents, StartOptions } from './sidecar.js';
import type { Watchdog } from './watchdog.js';

export interface SupervisorOptions extends Omit<StartOptions, 'on' | 'signal'> {
  /** Listeners from the first moment on. */
  readonly on?: { readonly [E in keyof SupervisorEvents]?: Listener<SupervisorEvents[E]> } | undefined;
  /** When and how often a process that ended is replaced; false: never. */
  readonly restart?: RestartPolicy | false | undefined;
  /** How a process that hangs is found; false: it is not looked for. */
  readonly watchdog?: Watchdog | false | undefined;
}

export interface UpEvent {
  readonly sidecar: Sidecar;
  /** Processes before this one, since `start()`. */
  readonly restarts: number;
}

export interface DownEvent {
  readonly exit: Exit;
  /** Until the next process is started; undefined: there will be none, and `gaveUp` follows. */
  readonly retryInMs: number | undefined;
  /** Unix time, ms. */
  readonly atMs: number;
}

/** Those of every process, one after the other, and what becomes of the processes. */
export interface SupervisorEvents extends SidecarEvents {
  /** A process is there and can be called. */
  up: UpEvent;
  /** The process ended without being asked to, or did not come up. */
  down: DownEvent;
  /** A process does not answer `ping`; it is killed, and `down` follows. */
  hung: { readonly pid: number };
  /** No process is started any more, until the next `start()`: a SidecarCrashLoopError, or why it cannot be started. */
  gaveUp: Error;
  /** `stop()` was called, and the process is gone. */
  stopped: undefined;
}
