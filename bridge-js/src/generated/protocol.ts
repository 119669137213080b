// Made from sidecar/rpc/protocol.py by build/generate.py. Do not edit: change that file, run `make generate`.

import type { Secret } from '../secret.js';

export type State =
  | 'disconnected'
  | 'connecting'
  | 'connected'
  | 'reconnecting'
  | 'suspended'
  | 'disconnecting'
  | 'failed';

export type Phase =
  | 'dialing'
  | 'handshaking'
  | 'setup'
  | 'waiting'
  | 'parked'
  | 'active'
  | 'suspect'
  | 'draining';

export type StateRestored = 'resumed' | 'reseeded' | 'fresh';

export type FaultAction = 'retry' | 'resume' | 'fresh' | 'refreshToken' | 'slowDown' | 'stop';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type EventName =
  | 'session/stateChanged'
  | 'session/setupSent'
  | 'session/message'
  | 'session/invalidMessage'
  | 'session/transcript'
  | 'session/turn'
  | 'session/toolCall'
  | 'session/toolCallCancelled'
  | 'session/goAway'
  | 'session/resumption'
  | 'session/reconnecting'
  | 'session/reconnected'
  | 'session/health'
  | 'session/queue'
  | 'session/dropped'
  | 'session/error';

/** On every notification of a session, before its own fields. */
export interface Stamp {
  sessionId: string;
  instanceId: string;
  /** Per session from 1, without gaps, given at the moment of writing. */
  seq: number;
}

/** Always in `error.data`: what happened, why, and what to do next. */
export interface ErrorData {
  /** Stable name of what happened, for code. */
  kind: string;
  /** For the developer. */
  message: string;
  /** Plain words for the person at the screen. */
  userMessage: string;
  /** Whether the same call may succeed later, unchanged. */
  retryable: boolean;
  /** What the sidecar does, or the host should do, next. */
  action: FaultAction;
  remediation?: string;
  retryAfterMs?: number;
  wsCode?: number;
  httpStatus?: number;
  sessionId?: string;
}

/** The opening call. The sidecar watches `parentPid` and ends when that process does. */
export interface InitializeParams {
  protocolVersion: string;
  client: ClientInfo;
  parentPid?: number;
}

export interface ClientInfo {
  name: string;
  version: string;
}

export interface InitializeResult {
  protocolVersion: string;
  /** New for each start of the process; stamped on every notification. */
  instanceId: string;
  sidecar: SidecarInfo;
  limits: Limits;
  capabilities: Record<string, unknown>;
}

export interface SidecarInfo {
  version: string;
  python: string;
  platform: string;
}

export interface Limits {
  maxLineBytes: number;
}

/** No params, or an empty object. */
export type NoParams = Record<string, never>;

/** The protocol as an OpenRPC document; the sidecar's own notifications stand under `x-notifications`. */
export interface OpenRpcDocument {
  openrpc: string;
  info: Record<string, unknown>;
  methods: Record<string, unknown>[];
  components: Record<string, unknown>;
}

export interface PingResult {
  uptimeMs: number;
  sessions: number;
}

/** An empty object: the call was carried out. */
export type Empty = Record<string, never>;

/** Cancel the call with this id; unless it was answered already, its answer is `requestCancelled`. */
export interface CancelParams {
  id: number | string;
}

/** Open a session; answered when it is usable. Transient faults are retried until `openMs`. */
export interface OpenParams {
  /** Chosen by the host; unique among open sessions. */
  sessionId: string;
  auth: ApiKeyAuth;
  /** The Live API's setup message, as it is; `model` is required. */
  setup: Record<string, unknown>;
  endpoint?: Endpoint;
  settings?: SessionSettings;
  notifications?: NotificationChoice;
}

/** An API key, sent as the header `x-goog-api-key`; never in a URL. */
export interface ApiKeyAuth {
  type: 'apiKey';
  apiKey: string | Secret;
}

/** Where the service is. `baseUrl` may be ws, wss, http or https; plain text only to loopback. */
export interface Endpoint {
  /** Default "developer". */
  family?: 'developer';
  /** Default "v1beta". */
  apiVersion?: string;
  /** Default "wss://generativelanguage.googleapis.com". */
  baseUrl?: string;
}

/** All settings of a session; what is absent keeps its default. */
export interface SessionSettings {
  heartbeat?: HeartbeatSettings;
  reconnect?: ReconnectSettings;
  deadlines?: DeadlineSettings;
  outbox?: OutboxSettings;
  resumption?: ResumptionSettings;
}

/** Liveness. Silence runs from the first ping that is unanswered, not from the last message. */
export interface HeartbeatSettings {
  /** tolerant: dead after 35 s of silence; strict: after 2 s. */
  preset?: 'strict' | 'tolerant';
  /** Between pings on an idle line. Default 30000. */
  intervalMs?: number;
  /** Default 5000; strict 1000. */
  suspectAfterMs?: number;
  /** Default 35000; strict 2000. */
  deadAfterMs?: number;
}

/** When and how often to try again. Exponential backoff with full jitter. */
export interface ReconnectSettings {
  enabled?: boolean;
  /** Attempts that reached the service and failed. Default 5. */
  maxAttempts?: number;
  /** Default 600000. */
  maxElapsedMs?: number;
  /** Default 1000. */
  baseDelayMs?: number;
  /** Default 30000. */
  maxDelayMs?: number;
  /** Default 2. */
  factor?: number;
  /** A connection this old with a sign of life resets the counters. Default 10000. */
  stableAfterMs?: number;
}

/** Deadlines of each step of an attempt, of the close, and of `session/open` as a whole. */
export interface DeadlineSettings {
  /** DNS and TCP. Default 5000. */
  dialMs?: number;
  /** TLS and upgrade. Default 5000, floor 500. */
  handshakeMs?: number;
  /** Default 8000. */
  setupMs?: number;
  /** One whole attempt. Default 15000, floor 1000. */
  attemptMs?: number;
  /** Wait for the close echo. Default 2000. */
  closeMs?: number;
  /** On close, wait so long for what was accepted to be confirmed. Default 1000. */
  drainMs?: number;
  /** `session/open` rejects after this. Default 30000. */
  openMs?: number;
}

/** What is kept for the service while the line is down or unconfirmed. */
export interface OutboxSettings {
  /** Audio kept until confirmed. Default 45000; never under deadAfter. */
  ringMs?: number;
  /** All that is kept. Default 16777216. */
  maxBytes?: number;
  /** Send again after a cut what was written and not confirmed. Default true. */
  replayUnconfirmed?: boolean;
  /** Backlog leaves at this multiple of real time. Default 4. */
  flushRate?: number;
}

/** Session resumption. */
export interface ResumptionSettings {
  /** Ask the service for handles and resume with them. Default true. */
  enabled?: boolean;
  /** A handle exported earlier: the session resumes with it. */
  handle?: string | Secret;
}

export interface NotificationChoice {
  /** Kinds this session must not send. `session/stateChanged` cannot be excluded. */
  exclude?: EventName[];
}

/** A session as it stands. */
export interface SessionSnapshot {
  sessionId: string;
  state: State;
  phase?: Phase;
  /** Grows with every change of state or phase; the newer one wins. */
  revision: number;
  attempt: number;
  reason?: string;
  retryInMs?: number;
  stateRestored?: StateRestored;
  connectionId?: string;
  resumable: boolean;
  rttMs?: number;
  queue: QueueReport;
  error?: ErrorData;
}

/** The outbox in figures. They always balance: offered = accepted + refused; accepted = held + unconfirmed + confirmed + dropped (all in ms of audio). */
export interface QueueReport {
  /** Highest chunk number accepted; -1 before the first. Absent means -1. */
  acceptedThrough?: number;
  /** Highest number written on the present line or confirmed. Absent means -1. */
  sentThrough?: number;
  /** All up to here is confirmed or reported dropped. Absent means -1. */
  confirmedThrough?: number;
  offeredMs: number;
  acceptedMs: number;
  refusedMs: number;
  /** Accepted, not written on the present line. */
  heldMs: number;
  /** Written, no pong yet for a ping written after it. */
  unconfirmedMs: number;
  confirmedMs: number;
  /** Ended without delivery, or nobody knows; `session/dropped` tells each range. */
  droppedMs: number;
  /** Of the confirmed, what no pong confirmed but TCP and later inbound bytes did. */
  presumedMs: number;
  /** Written more than once. */
  replayedMs: number;
  /** Of the replayed, what may have arrived the first time. */
  maybeDoubledMs: number;
  heldMessages: number;
  unconfirmedMessages: number;
}

/** Stop input, let what was accepted be confirmed until `drainMs`, close with 1000. Idempotent. */
export interface CloseParams {
  /** Chosen by the host; unique among open sessions. */
  sessionId: string;
  /** Default `settings.deadlines.drainMs`. */
  drainMs?: number;
}

export interface SessionRef {
  /** Chosen by the host; unique among open sessions. */
  sessionId: string;
}

export interface SessionList {
  sessions: SessionSnapshot[];
}

/** Answer as soon as the session is in one of `states`, or with `deadlineExceeded`. */
export interface WaitParams {
  /** Chosen by the host; unique among open sessions. */
  sessionId: string;
  states: State[];
  /** Default 30000. */
  timeoutMs?: number;
}

export interface SessionPingResult {
  rttMs: number;
}

/** One client message, exactly one of the three, in the Live API's own shape. */
export interface SendParams {
  /** Chosen by the host; unique among open sessions. */
  sessionId: string;
  /** Given by the host, growing within a session; it names a message for ever. */
  n?: number;
  realtimeInput?: Record<string, unknown>;
  clientContent?: Record<string, unknown>;
  toolResponse?: Record<string, unknown>;
}

/** `sent`: written to the line. `held`: accepted, and waits for the line or its turn. */
export interface SendResult {
  status: 'held' | 'sent';
}

/** One chunk of PCM16 audio. `data` is base64, standard or URL-safe; it is checked, not re-encoded. A number that was accepted before is taken as an offer repeated, and ignored. */
export interface SendAudioParams {
  /** Chosen by the host; unique among open sessions. */
  sessionId: string;
  /** Given by the host, growing within a session; it names a message for ever. */
  n: number;
  data: string;
  /** Default "audio/pcm;rate=16000". */
  mimeType?: string;
}

/** The state or phase changed. */
export interface StateChanged {
  revision: number;
  state: State;
  phase?: Phase;
  previous: State;
  previousPhase?: Phase;
  /** Why: a documented reason code. */
  reason: string;
  attempt: number;
  retryInMs?: number;
  stateRestored?: StateRestored;
  connectionId?: string;
  error?: ErrorData;
}

/** The setup message went out; without the handle. */
export interface SetupSent {
  connectionId: string;
  resuming: boolean;
  setup: Record<string, unknown>;
}

/** A server message exactly as it came (a secret handle inside `sessionResumptionUpdate` apart). */
export interface Message {
  message: Record<string, unknown>;
}

/** A frame that is not a JSON object in UTF-8. The session lives on. */
export interface InvalidMessage {
  reason: string;
  sizeBytes: number;
}

/** Text of the user or the model. Deltas have `final: false`; one final a turn carries the whole text. */
export interface Transcript {
  source: 'model' | 'user';
  text: string;
  final: boolean;
  turnId: number;
  /** Absent means false. */
  cut?: boolean;
}

/** The model's turn began, ended its generation, was interrupted, or is complete. */
export interface Turn {
  turnId: number;
  event: 'complete' | 'generationComplete' | 'interrupted' | 'started';
  /** The line was cut in the middle: no `complete` follows, and what comes is a new turn. Absent means false. */
  cut?: boolean;
}

/** One function call; answer with `session/send` `toolResponse`. */
export interface ToolCall {
  id: string;
  name: string;
  args: Record<string, unknown>;
}

/** These calls must not be answered any more. */
export interface ToolCallCancelled {
  ids: string[];
}

/** The service will end this connection; the sidecar moves the session in time. */
export interface GoAway {
  timeLeftMs: number;
}

/** The newest handle. The only notification that carries a secret: keep it out of logs. */
export interface Resumption {
  resumable: boolean;
  handle?: string;
}

/** A reconnect was decided. */
export interface Reconnecting {
  attempt: number;
  delayMs: number;
  mode: 'fresh' | 'resume';
  planned: boolean;
  reason: string;
  error?: ErrorData;
}

/** The session is usable again. */
export interface Reconnected {
  attempt: number;
  /** From the cut, or the start of the hand-over, to setupComplete. */
  gapMs: number;
  stateRestored: StateRestored;
  /** Audio that waits to be sent, the replayed part included. */
  heldMs: number;
  /** Of it, what was written on an earlier line and is sent again. */
  replayedMs: number;
}

/** Round trip of the newest pong, and its moving average. */
export interface Health {
  rttMs: number;
  rttAverageMs: number;
  silenceMs: number;
}

/** Accepted messages that will not arrive for certain, or of which it is not known. */
export interface Dropped {
  reason: 'deliveryUnknown' | 'hostNotReading' | 'outboxFull' | 'sessionClosed' | 'sessionLost';
  kind: 'activity' | 'audio' | 'content' | 'control' | 'modelAudio' | 'text' | 'toolResponse' | 'video';
  count: number;
  /** Absent means 0. */
  durationMs?: number;
  fromN?: number;
  throughN?: number;
  /** Of tool responses. */
  ids?: string[];
}

/** Something went wrong. `fatal`: the session stays `failed` until `session/reconnect`. */
export interface SessionError {
  error: ErrorData;
  fatal: boolean;
  n?: number;
}

/** A note of the process: above all, why a notification of the host was not obeyed. */
export interface Log {
  level: LogLevel;
  message: string;
  instanceId: string;
  data?: Record<string, unknown>;
}

/** Requests of the host: `call(method, params)` gives the result. */
export interface Methods {
  /** Open the conversation; must come first. */
  'initialize': { params: InitializeParams; result: InitializeResult };
  /** The OpenRPC document of this protocol. */
  'rpc.discover': { params: NoParams; result: OpenRpcDocument };
  /** Answered at once by a process that is well. */
  'ping': { params: NoParams; result: PingResult };
  /** Close every session gracefully; then send `exit` or end stdin. */
  'shutdown': { params: NoParams; result: Empty };
  /** Open a session; answered when it is usable. */
  'session/open': { params: OpenParams; result: SessionSnapshot };
  /** Close a session gracefully. */
  'session/close': { params: CloseParams; result: SessionSnapshot };
  /** The session as it stands. */
  'session/get': { params: SessionRef; result: SessionSnapshot };
  /** All open sessions. */
  'session/list': { params: NoParams; result: SessionList };
  /** Wait for a state. */
  'session/wait': { params: WaitParams; result: SessionSnapshot };
  /** Reconnect now: ends a wait, revives a failed session, replaces a live line. */
  'session/reconnect': { params: SessionRef; result: SessionSnapshot };
  /** Ping the service and measure the round trip. */
  'session/ping': { params: SessionRef; result: SessionPingResult };
  /** Send one message; order of acceptance is order on the wire. */
  'session/send': { params: SendParams; result: SendResult };
}

/** Notifications of the host: `notify(method, params)`. */
export interface HostNotifications {
  /** End the process now. */
  'exit': NoParams;
  /** Cancel a call in flight. */
  '$/cancelRequest': CancelParams;
  /** Send one chunk of audio. */
  'session/sendAudio': SendAudioParams;
}

/** What the sidecar sends unasked: `on(name, listener)`. */
export interface Notifications {
  /** The state or phase changed. */
  'session/stateChanged': Stamp & StateChanged;
  /** The setup message went out; without the handle. */
  'session/setupSent': Stamp & SetupSent;
  /** A server message exactly as it came (a secret handle inside `sessionResumptionUpdate` apart). */
  'session/message': Stamp & Message;
  /** A frame that is not a JSON object in UTF-8. The session lives on. */
  'session/invalidMessage': Stamp & InvalidMessage;
  /** Text of the user or the model. Deltas have `final: false`; one final a turn carries the whole text. */
  'session/transcript': Stamp & Transcript;
  /** The model's turn began, ended its generation, was interrupted, or is complete. */
  'session/turn': Stamp & Turn;
  /** One function call; answer with `session/send` `toolResponse`. */
  'session/toolCall': Stamp & ToolCall;
  /** These calls must not be answered any more. */
  'session/toolCallCancelled': Stamp & ToolCallCancelled;
  /** The service will end this connection; the sidecar moves the session in time. */
  'session/goAway': Stamp & GoAway;
  /** The newest handle. The only notification that carries a secret: keep it out of logs. */
  'session/resumption': Stamp & Resumption;
  /** A reconnect was decided. */
  'session/reconnecting': Stamp & Reconnecting;
  /** The session is usable again. */
  'session/reconnected': Stamp & Reconnected;
  /** Round trip of the newest pong, and its moving average. */
  'session/health': Stamp & Health;
  /** The outbox in figures. They always balance: offered = accepted + refused; accepted = held + unconfirmed + confirmed + dropped (all in ms of audio). */
  'session/queue': Stamp & QueueReport;
  /** Accepted messages that will not arrive for certain, or of which it is not known. */
  'session/dropped': Stamp & Dropped;
  /** Something went wrong. `fatal`: the session stays `failed` until `session/reconnect`. */
  'session/error': Stamp & SessionError;
  /** A note of the process: above all, why a notification of the host was not obeyed. */
  'log': Log;
}

/** JSON-RPC error codes by `error.data.kind`. */
export const ERROR_CODES = {
  /** The line is not valid JSON in UTF-8. */
  parseError: -32700,
  /** The line is JSON, but not a JSON-RPC 2.0 call. */
  invalidRequest: -32600,
  /** No method of that name. */
  methodNotFound: -32601,
  /** The params do not fit the method; the message names the field. */
  invalidParams: -32602,
  /** A defect of the sidecar; the log has the details. */
  internalError: -32603,
  /** The line is longer than `limits.maxLineBytes`. */
  lineTooLong: -32000,
  /** Too many calls wait for their answer, or the batch is too long. */
  overloaded: -32001,
  /** The first call must be `initialize`. */
  notInitialized: -32002,
  /** `initialize` was called twice. */
  alreadyInitialized: -32003,
  /** The host asks for a protocol version not spoken here. */
  unsupportedProtocolVersion: -32004,
  /** A call with this id is still in flight. */
  duplicateId: -32005,
  /** The call was cancelled with `$/cancelRequest`. */
  requestCancelled: -32006,
  /** The sidecar is going away. */
  shuttingDown: -32007,
  /** No open session has this id. */
  unknownSession: -32010,
  /** A session with this id is open. */
  sessionExists: -32011,
  /** The session was closed before the call was answered. */
  sessionClosed: -32012,
  /** The session's state does not allow this call. */
  wrongState: -32013,
  /** The session holds as much as it may; the message was not accepted. */
  outboxFull: -32014,
  /** The deadline of the call passed. */
  deadlineExceeded: -32015,
  /** The message cannot be sent: bad base64, chunk number, or shape. */
  invalidMessage: -32016,
  /** The service could not be reached or refused; `kind` names the fault. */
  connectionFailed: -32020,
} as const;

export type ErrorKind = keyof typeof ERROR_CODES;

export const PROTOCOL_VERSION = '1';

/** The longest line either side writes, until `initialize` announces another limit. */
export const MAX_LINE_BYTES = 16777216;
