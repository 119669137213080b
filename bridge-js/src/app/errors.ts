/** From what the sidecar calls a fault to what the app calls it. */
import { markClasses } from '../copies.js';
import { SidecarAbortError, SidecarError, SidecarRpcError, SidecarTimeoutError } from '../errors.js';
import type { ErrorData, ErrorKind, FaultKind } from '../generated/protocol.js';
import type { ErrorType } from './enums.js';
import type { GeminiError } from './shapes.js';

/** Errors of calls. Typed by the protocol's own list: a new one does not compile. */
const CALL_KINDS: { readonly [K in ErrorKind]: ErrorType } = {
  parseError: 'parse_error',
  invalidRequest: 'validation',
  methodNotFound: 'validation',
  invalidParams: 'validation',
  internalError: 'unknown',
  lineTooLong: 'validation',
  overloaded: 'rate_limit',
  notInitialized: 'session_error',
  alreadyInitialized: 'session_error',
  unsupportedProtocolVersion: 'validation',
  duplicateId: 'validation',
  requestCancelled: 'session_error',
  shuttingDown: 'session_error',
  unknownSession: 'session_error',
  sessionExists: 'session_error',
  sessionClosed: 'session_error',
  wrongState: 'session_error',
  outboxFull: 'rate_limit',
  deadlineExceeded: 'timeout',
  invalidMessage: 'validation',
  connectionFailed: 'network',
};

/** Faults of the connection, docs/errors.md; typed likewise. */
const FAULT_KINDS: { readonly [K in Exclude<FaultKind, ErrorKind>]: ErrorType } = {
  aborted: 'websocket',
  accessDenied: 'authentication',
  apiDisabled: 'authentication',
  attemptTimeout: 'timeout',
  authentication: 'authentication',
  billing: 'quota_exceeded',
  caFileUnusable: 'ssl_error',
  certificateExpired: 'ssl_error',
  certificateHostMismatch: 'ssl_error',
  certificateInvalid: 'ssl_error',
  certificateNotYetValid: 'ssl_error',
  certificateSelfSigned: 'ssl_error',
  certificateUntrusted: 'ssl_error',
  closedByService: 'websocket',
  connectTimeout: 'timeout',
  connectionRefused: 'connection_refused',
  deadlineExpired: 'websocket',
  dnsError: 'dns_error',
  dnsTimeout: 'dns_error',
  endpointNotFound: 'api',
  goAway: 'websocket',
  goAwayOverrun: 'websocket',
  goingAway: 'websocket',
  handleExpired: 'session_error',
  handleInvalid: 'session_error',
  handshakeDropped: 'websocket',
  handshakeInvalid: 'websocket',
  handshakeRefused: 'api',
  handshakeTimeout: 'timeout',
  hostNotReading: 'session_error',
  invalidArgument: 'validation',
  lineLost: 'network',
  lineSilent: 'timeout',
  maxAttempts: 'network',
  maxElapsed: 'network',
  messageTooBig: 'websocket',
  modelUnavailable: 'model_error',
  networkChanged: 'network',
  networkError: 'network',
  openTimeout: 'timeout',
  policyViolation: 'api',
  protocolError: 'websocket',
  protocolViolation: 'validation',
  proxyAuthenticationRequired: 'authentication',
  proxyCertificateInvalid: 'ssl_error',
  proxyError: 'network',
  proxyRefused: 'network',
  proxyTimeout: 'timeout',
  proxyUnavailable: 'network',
  proxyUnreachable: 'network',
  proxyUnusable: 'network',
  quotaExceeded: 'quota_exceeded',
  reconnectDisabled: 'network',
  recycle: 'websocket',
  redirected: 'api',
  regionBlocked: 'api',
  requested: 'websocket',
  serviceError: 'api',
  serviceRestart: 'service_unavailable',
  serviceUnavailable: 'service_unavailable',
  setupInvalid: 'validation',
  setupTimeout: 'timeout',
  stalled: 'timeout',
  tlsError: 'ssl_error',
  tlsNotSpoken: 'ssl_error',
  tlsVersionUnsupported: 'ssl_error',
  tokenDenied: 'authentication',
  tokenExpired: 'authentication',
  tokenSpent: 'authentication',
  tokenUnavailable: 'authentication',
  tryAgainLater: 'rate_limit',
  unimplemented: 'api',
};

/** Told by this package, not by the sidecar. What befalls the process is no word of the service. */
const OWN_KINDS: Readonly<Record<string, ErrorType>> = {
  sidecarExited: 'session_error',
  sidecarGone: 'session_error',
  BacklogFullError: 'rate_limit',
  LineTooLongError: 'validation',
  SessionFailedError: 'session_error',
  SidecarAbortError: 'session_error',
  SidecarClosedError: 'session_error',
  SidecarCrashLoopError: 'session_error',
  SidecarDownError: 'session_error',
  SidecarExitError: 'session_error',
  SidecarProtocolError: 'validation',
  SidecarSpawnError: 'session_error',
  SidecarStuckError: 'session_error',
  SidecarTimeoutError: 'timeout',
};

/** `overloaded` is the service's own word too; there it means what the call's does. */
const TYPES = new Map<string, ErrorType>(Object.entries({ ...OWN_KINDS, ...FAULT_KINDS, ...CALL_KINDS }));

/** Every kind that this release knows, with the app's type of it. */
export const errorTypes = (): readonly (readonly [string, ErrorType])[] => [...TYPES];

/** The app's type of a kind; `unknown` for one that this release does not know. */
export function errorType(kind: string): ErrorType {
  return TYPES.get(kind) ?? 'unknown';
}

/** Types for which the app has an event of its own beside `error`. */
export const NETWORK_TYPES: ReadonlySet<ErrorType> = new Set<ErrorType>([
  'network',
  'connection_refused',
  'dns_error',
  'ssl_error',
  'timeout',
]);
export const API_TYPES: ReadonlySet<ErrorType> = new Set<ErrorType>([
  'api',
  'authentication',
  'model_error',
  'quota_exceeded',
  'rate_limit',
  'service_unavailable',
  'validation',
]);

/** What the sidecar told about a fault. `id` is unique within the client. */
export function fromErrorData(data: ErrorData, id: string, nowMs: number): GeminiError {
  const { kind, message, userMessage, retryable, action, remediation, retryAfterMs, wsCode, httpStatus, problems } =
    data;
  const details = { kind, userMessage, action, remediation, retryAfterMs, problems };
  return {
    id,
    name: 'GeminiError',
    type: errorType(kind),
    code: wsCode ?? httpStatus ?? kind,
    message,
    details: Object.fromEntries(Object.entries(details).filter(([, value]) => value !== undefined)),
    timestamp: nowMs,
    ...(data.sessionId === undefined ? {} : { context: { sessionId: data.sessionId } }),
    retryable,
  };
}

/** An error of this package. */
export function fromError(error: unknown, id: string, nowMs: number): GeminiError {
  if (error instanceof GeminiLiveError) return error.toGeminiError();
  if (error instanceof SidecarRpcError && error.data !== undefined) {
    return { ...fromErrorData(error.data, id, nowMs), message: error.message };
  }
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
  const kind =
    error instanceof SidecarRpcError ? error.kind : error instanceof SidecarAbortError ? 'SidecarAbortError' : name;
  const retryable = error instanceof SidecarTimeoutError || RETRYABLE.has(kind);
  const details = { kind };
  return { id, name: 'GeminiError', type: errorType(kind), code: kind, message, details, timestamp: nowMs, retryable };
}

const RETRYABLE = new Set(['BacklogFullError', 'SidecarDownError', 'SidecarExitError', 'outboxFull', 'overloaded']);

/** What the methods of the app's class reject with: a {@link GeminiError} that is an `Error`. */
export class GeminiLiveError extends SidecarError implements GeminiError {
  override name = 'GeminiLiveError';
  readonly id: string;
  readonly type: ErrorType;
  readonly code?: string | number;
  readonly details?: Record<string, unknown>;
  readonly timestamp: number;
  readonly retryable: boolean;

  constructor({ id, type, code, message, details, timestamp, retryable }: GeminiError, cause?: unknown) {
    super(message, { cause });
    this.id = id;
    this.type = type;
    if (code !== undefined) this.code = code;
    if (details !== undefined) this.details = details;
    this.timestamp = timestamp;
    this.retryable = retryable;
  }

  /** As the events carry it: a plain object. */
  toGeminiError(): GeminiError {
    const { id, type, code, message, details, timestamp, retryable } = this;
    return {
      id,
      name: 'GeminiError',
      type,
      ...(code === undefined ? {} : { code }),
      message,
      ...(details === undefined ? {} : { details }),
      timestamp,
      retryable,
    };
  }
}

markClasses({ GeminiLiveError });
