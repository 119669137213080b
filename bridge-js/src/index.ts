export {
  configureSidecar,
  ConnectionQuality,
  ConnectionState,
  default,
  ErrorType,
  GeminiLiveError,
  GeminiLiveWebSocketClient,
  HeartbeatStatus,
  MessagePriority,
  MessageType,
  QueuePriority,
  ReconnectionStrategy,
  ResponseModality,
  type AppEvent,
  type AppEvents,
  type GeminiLiveConfig,
} from './app/index.js';
export type { Payload } from './backlog.js';
export type { CallArguments, CallOptions } from './calls.js';
export type { ProtocolViolation, RequestContext, RequestHandler } from './connection.js';
export {
  BacklogFullError,
  LineTooLongError,
  RequestRefusedError,
  SessionFailedError,
  SidecarAbortError,
  SidecarClosedError,
  SidecarCrashLoopError,
  SidecarDownError,
  SidecarError,
  SidecarExitError,
  SidecarProtocolError,
  SidecarRpcError,
  SidecarSpawnError,
  SidecarStuckError,
  SidecarTimeoutError,
  type Exit,
} from './errors.js';
export { type Listener, type Unsubscribe } from './events.js';
export * from './generated/protocol.js';
export { locate } from './locate.js';
export type { RestartPolicy } from './restart.js';
export { Secret } from './secret.js';
export type { LiveSessionEvents, LostEvent } from './session-events.js';
export { LiveSession } from './session.js';
export {
  Sidecar,
  type ExitEvent,
  type LogEvent,
  type SidecarEvents,
  type StartOptions,
  type StopOptions,
} from './sidecar.js';
export {
  Supervisor,
  type DownEvent,
  type SupervisorEvents,
  type SupervisorOptions,
  type UpEvent,
} from './supervisor.js';
export type { Watchdog } from './watchdog.js';
