export {
  type CallArguments,
  type CallOptions,
  type ProtocolViolation,
  type RequestContext,
  type RequestHandler,
} from './connection.js';
export {
  LineTooLongError,
  RequestRefusedError,
  SidecarAbortError,
  SidecarClosedError,
  SidecarError,
  SidecarExitError,
  SidecarProtocolError,
  SidecarRpcError,
  SidecarSpawnError,
  SidecarTimeoutError,
  type Exit,
} from './errors.js';
export { type Listener, type Unsubscribe } from './events.js';
export * from './generated/protocol.js';
export { locate } from './locate.js';
export { Secret } from './secret.js';
export {
  Sidecar,
  type ExitEvent,
  type LogEvent,
  type SidecarEvents,
  type StartOptions,
  type StopOptions,
} from './sidecar.js';
