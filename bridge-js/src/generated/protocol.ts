// Made from sidecar/rpc/protocol/ by build/generate.py. Change that package and run `make generate`.

import type { Secret } from '../secret.js';

export type BreakerState = 'closed' | 'open' | 'halfOpen';

export type Phase =
  | 'dialing'
  | 'handshaking'
  | 'setup'
  | 'waiting'
  | 'parked'
  | 'active'
  | 'suspect'
  | 'draining';

export type Quality = 'excellent' | 'good' | 'poor' | 'unstable';

export type State =
  | 'disconnected'
  | 'connecting'
  | 'connected'
  | 'reconnecting'
  | 'suspended'
  | 'disconnecting'
  | 'failed';

export type StateRestored = 'resumed' | 'reseeded' | 'fresh';

export type FaultAction = 'retry' | 'resume' | 'fresh' | 'refreshToken' | 'slowDown' | 'stop';

export type Demand = 'turnComplete' | 'audioStreamEnd' | 'activityEnd' | 'toolResponse' | 'text' | 'speech';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type Family = 'developer' | 'vertex';

export type TokenReason = 'open' | 'expired' | 'refused';

export type TokenType = 'bearer' | 'ephemeralToken';

export type EventName =
  | 'session/stateChanged'
  | 'session/setupSent'
  | 'session/message'
  | 'session/invalidMessage'
  | 'session/transcript'
  | 'session/turn'
  | 'session/usage'
  | 'session/toolCall'
  | 'session/toolCallCancelled'
  | 'session/goAway'
  | 'session/resumption'
  | 'session/reconnecting'
  | 'session/reconnected'
  | 'session/health'
  | 'session/breaker'
  | 'session/stalled'
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
  kind: ErrorKind | FaultKind | (string & {});
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
  /** Of `invalidParams`, `invalidMessage`: every field that is wrong, not only one. */
  problems?: FieldProblem[];
}

/** One wrong field. */
export interface FieldProblem {
  /** Its path, such as `settings.reconnect.factor`. */
  field: string;
  problem: string;
  /** What may stand there. */
  allowed?: string;
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
  auth: ApiKeyAuth | EphemeralTokenAuth | BearerAuth | HostAuth | ServiceAccountAuth | ApplicationDefaultAuth;
  /** The Live API's setup message, as it is; see docs/messages.md. */
  setup: Record<string, unknown>;
  /** Setup and messages are checked before they leave. lenient: names and values that this release does not know pass, and what was only seen to be refused. Default strict. Default "strict". */
  checks?: 'lenient' | 'strict';
  endpoint?: Endpoint;
  settings?: SessionSettings;
  notifications?: NotificationChoice;
  tls?: Tls;
  proxy?: SystemProxy | DirectProxy | ExplicitProxy;
}

/** An API key, sent as the header `x-goog-api-key`; in the URL only when `sendAs` asks for it. */
export interface ApiKeyAuth {
  type: 'apiKey';
  apiKey: string | Secret;
  /** Default "header". */
  sendAs?: 'header' | 'query';
}

/** A token of the Developer API for one client. It cannot be renewed: see `host`. */
export interface EphemeralTokenAuth {
  type: 'ephemeralToken';
  /** Its whole name, "auth_tokens/...". */
  token: string | Secret;
  /** Default "query". */
  sendAs?: 'header' | 'query';
}

/** An OAuth access token or a JWT. It cannot be renewed: see `host`. */
export interface BearerAuth {
  type: 'bearer';
  token: string | Secret;
  /** Who is billed, sent as `x-goog-user-project`; empty: the credential's own project. Default "". */
  quotaProject?: string;
}

/** The sidecar asks the host for tokens: the host answers the call `auth/token`. */
export interface HostAuth {
  type: 'host';
  /** Default "bearer". */
  tokenType?: TokenType;
  /** How long the host may take for one answer. Default 20000. */
  timeoutMs?: number;
  /** Who is billed, sent as `x-goog-user-project`; empty: the credential's own project. Default "". */
  quotaProject?: string;
}

/** A service account's key: either its file's path or its content. Needs `live-sidecar[google]`. */
export interface ServiceAccountAuth {
  type: 'serviceAccount';
  keyFile?: string;
  key?: Record<string, unknown>;
  /** Who is billed, sent as `x-goog-user-project`; empty: the credential's own project. Default "". */
  quotaProject?: string;
}

/** The machine's application default credentials. Needs `live-sidecar[google]`. */
export interface ApplicationDefaultAuth {
  type: 'applicationDefault';
  /** Who is billed, sent as `x-goog-user-project`; empty: the credential's own project. Default "". */
  quotaProject?: string;
}

/** Where the service is, and which of the two: the Developer API, or Vertex AI. */
export interface Endpoint {
  /** Default "developer". */
  family?: Family;
  /** Developer: `v1beta` (default), `v1`, `v1alpha`. Vertex: `v1beta1` (default), `v1`. */
  apiVersion?: 'v1' | 'v1alpha' | 'v1beta' | 'v1beta1';
  /** Vertex: a region, `us`, `eu`, `global`. Default: that of `setup.model`, `global`. */
  location?: string;
  /** In place of Google's: ws(s) or http(s), also with a path; plain only to loopback. */
  baseUrl?: string;
}

/** All settings of a session; what is absent keeps its value, at the open its default. */
export interface SessionSettings {
  heartbeat?: HeartbeatSettings;
  reconnect?: ReconnectSettings;
  breaker?: BreakerSettings;
  stall?: StallSettings;
  deadlines?: DeadlineSettings;
  outbox?: OutboxSettings;
  handOver?: HandOverSettings;
  resumption?: ResumptionSettings;
}

/** Liveness. Silence runs from the first ping that is unanswered, not from the last message. */
export interface HeartbeatSettings {
  /** tolerant (default): dead after 35 s of silence; strict: after 1.5 s, with a ping every 500 ms on an idle line too. Sets intervalMs, suspectAfterMs and deadAfterMs. */
  preset?: 'strict' | 'tolerant';
  /** Between pings on an idle line. Default 30000; strict 500. */
  intervalMs?: number;
  /** Between pings while audio is sent. Default 500. */
  audioIntervalMs?: number;
  /** So long a silence makes the line suspect. Default 5000; strict 1000. */
  suspectAfterMs?: number;
  /** So long a silence ends the line. Default 35000; strict 1500. */
  deadAfterMs?: number;
  /** After a sleep or a change of network a ping must be answered in this. Default 2000. */
  probeMs?: number;
}

/** When and how often to try again. */
export interface ReconnectSettings {
  /** Whether a lost line is replaced at all. Default true. */
  enabled?: boolean;
  /** Failed attempts in a row that reached the service, until the session gives up. Default 5. */
  maxAttempts?: number;
  /** An outage that lasts so long ends the session. Default 600000. */
  maxElapsedMs?: number;
  /** How the delay grows with each failure. Default exponential. */
  backoff?: 'exponential' | 'fibonacci' | 'linear' | 'list';
  /** The first delay. Default 1000. */
  baseDelayMs?: number;
  /** The longest delay before its jitter, but for a list. Default 30000. */
  maxDelayMs?: number;
  /** Growth of the exponential backoff. Default 2. */
  factor?: number;
  /** For `list`: the n-th failure waits the n-th entry, later ones the last. */
  delaysMs?: number[];
  /** full (default): uniform between 0 and the delay; proportional: within jitterRange of it; none: the delay itself. */
  jitter?: 'full' | 'none' | 'proportional';
  /** For `proportional`: the share of the delay to either side. Default 0.1. */
  jitterRange?: number;
  /** A connection this old with a sign of life resets the counters. Default 10000. */
  stableAfterMs?: number;
  /** Shortest wait after a quota was refused. Default 65000. */
  slowLaneMs?: number;
}

/** The circuit breaker: who is refused again and again stops asking for a while. */
export interface BreakerSettings {
  /** Whether there is a breaker at all. Default true. */
  enabled?: boolean;
  /** So many within windowMs open it. Default 5. */
  failures?: number;
  /** How far back failures count. Default 120000. */
  windowMs?: number;
  /** So long no attempt is made; then one. Default 30000. */
  openMs?: number;
  /** A line that the service closed before this age counts as a failure. Default 60000. */
  shortLifeMs?: number;
}

/** An answer that was asked for and does not come. An open microphone alone asks for nothing. */
export interface StallSettings {
  /** So long an answer may take. Default 30000. */
  afterMs?: number;
  /** event (default): `session/stalled` tells it; reconnect: and a new line is made. */
  action?: 'event' | 'reconnect';
}

/** Deadlines of each step of an attempt, of the close, and of `session/open` as a whole. */
export interface DeadlineSettings {
  /** Name resolution and TCP; once more for a proxy's own way. Default 5000. */
  dialMs?: number;
  /** TLS and upgrade. Default 5000. */
  handshakeMs?: number;
  /** From setup to setupComplete. Default 8000. */
  setupMs?: number;
  /** One whole attempt. Default 15000. */
  attemptMs?: number;
  /** Wait for the answer to our close frame. Default 2000. */
  closeMs?: number;
  /** On close, wait so long for what was accepted to be confirmed. Default 1000. */
  drainMs?: number;
  /** `session/open` rejects after this. Default 30000. */
  openMs?: number;
}

/** What is kept for the service while the line is down or unconfirmed. */
export interface OutboxSettings {
  /** Audio kept until confirmed. Default 45000; never under deadAfterMs + audioIntervalMs + 1000. */
  ringMs?: number;
  /** All that is kept. Default 16777216. */
  maxBytes?: number;
  /** Audio and video messages kept. Default 100000. */
  maxMessages?: number;
  /** Send again after a cut what was written and not confirmed. Default true. */
  replayUnconfirmed?: boolean;
  /** What TCP had acknowledged so long before the last inbound byte is not sent again; the margin grows with the round trip, up to 5 s. Default 1000. */
  replayMarginMs?: number;
  /** Backlog leaves at this multiple of real time. Default 4. */
  flushRate?: number;
  /** Audio that may leave at once before the rate rules. Default 500. */
  flushBurstMs?: number;
}

/** Moving a session to a new connection: after a cut, a goAway, or of old age. */
export interface HandOverSettings {
  /** From the end of the old line to the first resume. Default 1500. */
  firstDelayMs?: number;
  /** Between resumes while the service has not let go of the old line. Default 1000. */
  retryDelayMs?: number;
  /** So long a 1011 only means that. After it a fresh session is tried. Default 10000. */
  windowMs?: number;
  /** A planned move waits so long for what was written to be confirmed. Default 1000. */
  drainMs?: number;
  /** Wait for the old line's close before it is aborted. Default 250. */
  oldCloseMs?: number;
  /** So long before the announced end a quiet moment is looked for. Default 45000. */
  leadMs?: number;
  /** So long before the announced end the move is made in any case. Default 8000. */
  marginMs?: number;
  /** A line of this age is moved without being told to. Default 3300000. */
  recycleAfterMs?: number;
  /** A resume counts as taken when it brought content or lasted this. Default 1000. */
  doneAfterMs?: number;
}

/** Keeping the conversation over a new connection, and over a restart of the app. */
export interface ResumptionSettings {
  /** Ask the service for handles and resume with them. Default true. */
  enabled?: boolean;
  /** A handle exported earlier (`session/resumption`): the session resumes with it. */
  handle?: string | Secret;
  /** How long ago the handle's last line ended, if known. It decides how long to wait for the service to let go of it, and whether the handle is too old to be tried. */
  previousCloseAgeMs?: number;
  /** A handle is not tried when its line ended longer ago. Default 7200000. */
  handleTtlMs?: number;
  /** When a fresh session takes the place of a lost one, give it the transcript so far as its history. Needs transcription in the setup. Default false. */
  reseed?: boolean;
  /** Of the transcript the newest part, about so long. Default 16384. */
  reseedChars?: number;
}

export interface NotificationChoice {
  /** Kinds this session must not send. `session/stateChanged` cannot be excluded. */
  exclude?: EventName[];
}

/** How the service proves who it is: by the system's trust store, and what is added here. */
export interface Tls {
  /** PEM file of certificates to trust beside the system's. Read again when changed. */
  caFile?: string;
  /** The same as text. */
  caPem?: string;
  /** Default "1.2". */
  minVersion?: '1.2' | '1.3';
  /** Sent as SNI, and must stand in the certificate. Default: the endpoint's host. */
  serverName?: string;
  /** False only for an endpoint on this machine. Default true. */
  verify?: boolean;
}

/** The system's proxy, if there is one: HTTPS_PROXY, ALL_PROXY, NO_PROXY, or the settings of Windows or macOS. It is asked for before each connection. Loopback is always reached straight. */
export interface SystemProxy {
  mode: 'system';
  /** Reached straight: `example.com` and what is under it, `*.example.com`, `*`, `10.1.2.3`, `10.0.0.0/8`, `<local>`; each also with `:port`. */
  noProxy?: string[];
}

/** No proxy, whatever the system says. */
export interface DirectProxy {
  mode: 'off';
}

/** This proxy, whatever the system says. */
export interface ExplicitProxy {
  mode: 'explicit';
  /** http, https, socks5 or socks5h, `://host:port`. With socks5 the sidecar looks up the endpoint's name, else the proxy does. Credentials may stand in it. */
  url: string | Secret;
  username?: string;
  password?: string | Secret;
  /** Reached straight: `example.com` and what is under it, `*.example.com`, `*`, `10.1.2.3`, `10.0.0.0/8`, `<local>`; each also with `:port`. */
  noProxy?: string[];
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
  /** 0 without a line; see docs/lifecycle.md. Absent means 0. */
  healthScore?: number;
  quality?: Quality;
  /** Absent means "closed". */
  breaker?: BreakerState;
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

/** Stop input, send what was accepted and wait for its confirmation, for `drainMs` at most, and close with 1000. Without a line (connecting, reconnecting, suspended, failed) it closes at once, and what waited is dropped. A second call waits for the first; then the session is unknown. */
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

/** Change settings of a running session. What is absent stays; an invalid patch changes nothing and the error names every wrong field. The line is kept: a change rules from the next decision on. */
export interface ConfigureParams {
  /** Chosen by the host; unique among open sessions. */
  sessionId: string;
  settings: SessionSettings;
}

/** All settings as they are in effect now. */
export interface ConfigureResult {
  settings: SessionSettings;
}

/** Of the process, and of one session if it is named. */
export interface StatsParams {
  /** Chosen by the host; unique among open sessions. */
  sessionId?: string;
}

export interface StatsResult {
  process: ProcessStats;
  session?: SessionStats;
}

/** The process as a whole. */
export interface ProcessStats {
  uptimeMs: number;
  sessions: number;
  sessionsOpened: number;
  cpuMs: number;
  /** Where the system tells. */
  residentBytes?: number;
  tasks: number;
  threads: number;
  /** Lines that wait for the host to read them. */
  queuedBytes: number;
}

/** Everything that is counted for one session, since it was opened. */
export interface SessionStats {
  sessionId: string;
  ageMs: number;
  connections: ConnectionStats;
  liveness: LivenessStats;
  traffic: TrafficStats;
  queue: QueueReport;
  highWater: QueueHighWater;
  errors: ErrorStats;
  /** Of the present line; absent without TLS. */
  tls?: TlsStats;
  /** Host and port of the present line's proxy; absent without one. */
  proxy?: string;
}

/** Attempts and connections. attempts = connected + failed + the one under way. */
export interface ConnectionStats {
  attempts: number;
  connected: number;
  failed: number;
  /** Live connections that ended unplanned. */
  losses: number;
  /** Live connections that were left on purpose. */
  handOvers: number;
  goAways: number;
  resumesTried: number;
  resumesOk: number;
  resumesRefused: number;
  /** Fresh sessions in place of a lost one. */
  fresh: number;
  reseeded: number;
  /** Times the machine was found to have slept. */
  sleeps: number;
  stalls: number;
  breakerTrips: number;
  /** In `connected`, all connections together. */
  uptimeMs: number;
  /** Not in `connected` since the first time, `suspended` not counted. */
  downtimeMs: number;
  /** From the loss, or the start of a hand-over, to setupComplete. */
  gaps: Histogram;
  steps: Record<string, Histogram>;
  /** Of the newest attempt. */
  last: StepTimings;
}

/** How often which duration was measured. */
export interface Histogram {
  count: number;
  sumMs: number;
  maxMs: number;
  buckets: Bucket[];
}

/** How many values were at most `leMs`, and over the bucket before; null: no upper bound. */
export interface Bucket {
  leMs: number | null;
  count: number;
}

/** How long each step of a connection took; a step that was not reached is absent. */
export interface StepTimings {
  connectionId?: string;
  dnsMs?: number;
  /** Through a proxy: to the proxy. */
  tcpMs?: number;
  /** From there to the service. */
  proxyMs?: number;
  tlsMs?: number;
  upgradeMs?: number;
  setupMs?: number;
}

/** Round trips and the line's health. */
export interface LivenessStats {
  /** Absent means 0. */
  pings?: number;
  /** Absent means 0. */
  pongs?: number;
  /** Pings of the present line that wait for their pong. Absent means 0. */
  unanswered?: number;
  rttMs?: number;
  rttAverageMs?: number;
  rttP50Ms?: number;
  rttP95Ms?: number;
  rtt: Histogram;
  /** Absent means 0. */
  silenceMs?: number;
  /** Absent means 0. */
  healthScore?: number;
  quality?: Quality;
}

/** On the wire. Bytes are those of TCP's payload, after TLS; frames are WebSocket frames of every kind. */
export interface TrafficStats {
  bytesSent: number;
  bytesReceived: number;
  framesSent: number;
  framesReceived: number;
}

/** The most that was kept at once. */
export interface QueueHighWater {
  heldMs: number;
  unconfirmedMs: number;
  messages: number;
  bytes: number;
}

export interface ErrorStats {
  total: number;
  fatal: number;
  byKind: Record<string, number>;
  /** The newest 50, oldest first. */
  recent: PastError[];
}

/** One entry of the error history. */
export interface PastError {
  /** Unix time, ms. */
  at: number;
  kind: string;
  message: string;
  fatal: boolean;
}

/** What TLS agreed on with the service. */
export interface TlsStats {
  /** Such as `TLSv1.3`. */
  version: string;
  /** OpenSSL's name of the cipher suite. */
  cipher: string;
  /** The name that the certificate was to be for. */
  serverName: string;
  /** False with `tls.verify` false. */
  verified: boolean;
  /** Unix time, ms. */
  certificateExpiresAt?: number;
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

/** What the host's operating system told it about the network. A hint: nothing is believed unprobed. Online: waiting sessions try at once, those that gave up for want of a network are revived, live lines are probed. `addressChanged`: live lines are left at once for new ones. Offline: live lines are probed. */
export interface NetworkChangedParams {
  online: boolean;
  /** Another interface or address is in use (Wi-Fi to cable, VPN up): old lines are dead. Default false. */
  addressChanged?: boolean;
}

/** The machine woke: sessions parked by `system/suspend` go on, live lines are probed. */
export interface SystemResumeParams {
  /** How long it slept, if the host knows. */
  sleptMs?: number;
}

/** The least severe level that is written to stderr from now on. */
export interface SetLevelParams {
  level: LogLevel;
}

/** All there is to say for a bug report; no secret, and nothing of what was said. */
export interface DiagnosticsResult {
  /** Unix time, ms. */
  at: number;
  instanceId: string;
  sidecar: SidecarInfo;
  process: ProcessStats;
  sessions: SessionDump[];
}

export interface SessionDump {
  snapshot: SessionSnapshot;
  settings: SessionSettings;
  stats: SessionStats;
}

/** A token for a new connection of this session. */
export interface AuthTokenParams {
  sessionId: string;
  tokenType: TokenType;
  /** `open`: there is none. `expired`: it has, or is about to. `refused`: by the service. */
  reason: TokenReason;
}

/** Answer with an error and `data.retryable: false` when the user has to do something first. */
export interface AuthTokenResult {
  token: string | Secret;
  /** Milliseconds since 1970; without it a token is kept until the service refuses it. */
  expiresAt?: number | null;
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

/** Text of the user or the model. Deltas have `final: false`; at the end of the turn a final carries the whole text, or one for each run of a speaker and language. A side's text that passes 32,768 characters before the end is told as final at once, and the next final has only what came after; nothing is cut. */
export interface Transcript {
  source: 'model' | 'user';
  text: string;
  final: boolean;
  turnId: number;
  /** Absent means false. */
  cut?: boolean;
  /** A guess that takes the place of the one before; it is in no final. Absent means false. */
  interim?: boolean;
  /** Where the service tells it. */
  languageCode?: string;
  /** Where the service tells it. */
  speakerLabel?: string;
}

/** The model's turn began, ended its generation, was interrupted, or is complete; or the model waits for the user to go on; or its `interactionStatus` changed (`status`). */
export interface Turn {
  turnId: number;
  event: 'complete' | 'generationComplete' | 'interrupted' | 'started' | 'status' | 'waitingForInput';
  /** The line was cut in the middle: no `complete` follows, and what comes is a new turn. Absent means false. */
  cut?: boolean;
  /** Of `complete`: the service's own word for why. */
  turnCompleteReason?: string;
  /** The service's own: "IN_PROGRESS" after a turn means that more will follow. */
  interactionStatus?: string;
}

/** The service counted tokens. A count that is 0 is absent. Each of its reports counts the whole context again, and is added up here. */
export interface UsageReport {
  turnId: number;
  /** Of this turn so far. */
  turn: Usage;
  /** Of the session, over all its connections. */
  session: Usage;
}

/** Tokens in one form for both families, by the Developer API's names; the details by modality. */
export interface Usage {
  /** Absent means 0. */
  promptTokenCount?: number;
  /** Absent means 0. */
  responseTokenCount?: number;
  /** Absent means 0. */
  totalTokenCount?: number;
  /** Absent means 0. */
  cachedContentTokenCount?: number;
  /** Absent means 0. */
  toolUsePromptTokenCount?: number;
  /** Absent means 0. */
  thoughtsTokenCount?: number;
  promptTokensDetails?: Record<string, number>;
  responseTokensDetails?: Record<string, number>;
}

/** One function call; answer with `session/send` `toolResponse`. With `willContinue` more of its arguments follows, in `partialArgs`. */
export interface ToolCall {
  id: string;
  name: string;
  args: Record<string, unknown>;
  partialArgs?: unknown[];
  /** Absent means false. */
  willContinue?: boolean;
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

/** A reconnect was decided; or its wait was changed by a hint, then with the same attempt. */
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

/** How well the line does: with each pong at most once a second, and when the quality changes. */
export interface Health {
  /** See docs/lifecycle.md for the formula. */
  healthScore: number;
  quality: Quality;
  rttMs?: number;
  /** Moving average, weight 1/8. */
  rttAverageMs?: number;
  /** Of the newest 128 round trips. */
  rttP50Ms?: number;
  rttP95Ms?: number;
  silenceMs: number;
  /** Sent in this session. */
  pings: number;
  pongs: number;
  /** Pings of the present line that wait for their pong. */
  unanswered: number;
}

/** The circuit breaker changed. Open: no attempt before `retryInMs`. Half open: one attempt decides. */
export interface Breaker {
  state: BreakerState;
  previous: BreakerState;
  /** Within the window, when it opened. */
  failures: number;
  retryInMs?: number;
}

/** The line is alive, but an answer that was asked for did not come. The session goes on. */
export interface Stalled {
  /** What asked for it. */
  demand: Demand;
  waitedMs: number;
  /** What follows: nothing, or a new line. */
  action: 'event' | 'reconnect';
}

/** Accepted messages that will not arrive for certain, or of which it is not known. */
export interface Dropped {
  reason: 'callCancelled' | 'deliveryUnknown' | 'hostNotReading' | 'outboxFull' | 'sessionClosed' | 'sessionLost';
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
  /** Give the line up and stay away until `session/resume`; messages are held. */
  'session/suspend': { params: SessionRef; result: SessionSnapshot };
  /** End a suspension; answered when the session is connected again. */
  'session/resume': { params: SessionRef; result: SessionSnapshot };
  /** Change settings while it runs. */
  'session/configure': { params: ConfigureParams; result: ConfigureResult };
  /** Counters and histograms. */
  'session/stats': { params: StatsParams; result: StatsResult };
  /** Ping the service and measure the round trip. */
  'session/ping': { params: SessionRef; result: SessionPingResult };
  /** Send one message; order of acceptance is order on the wire. */
  'session/send': { params: SendParams; result: SendResult };
  /** Write more or less to stderr. */
  'log/setLevel': { params: SetLevelParams; result: Empty };
  /** Everything for a bug report, without secrets. */
  'diagnostics/dump': { params: NoParams; result: DiagnosticsResult };
}

/** Notifications of the host: `notify(method, params)`. */
export interface HostNotifications {
  /** End the process now. */
  'exit': NoParams;
  /** Cancel a call in flight. */
  '$/cancelRequest': CancelParams;
  /** Send one chunk of audio. */
  'session/sendAudio': SendAudioParams;
  /** A hint: the network came, went or changed. */
  'network/changed': NetworkChangedParams;
  /** A hint: the machine is about to sleep; lines are closed. */
  'system/suspend': NoParams;
  /** A hint: the machine woke; sessions go on. */
  'system/resume': SystemResumeParams;
}

/** What the sidecar asks of the host: `handle(method, handler)` answers it. */
export interface HostRequests {
  /** Give a token: for sessions with `auth.type` `host`. */
  'auth/token': { params: AuthTokenParams; result: AuthTokenResult };
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
  /** Text of the user or the model. Deltas have `final: false`; at the end of the turn a final carries the whole text, or one for each run of a speaker and language. A side's text that passes 32,768 characters before the end is told as final at once, and the next final has only what came after; nothing is cut. */
  'session/transcript': Stamp & Transcript;
  /** The model's turn began, ended its generation, was interrupted, or is complete; or the model waits for the user to go on; or its `interactionStatus` changed (`status`). */
  'session/turn': Stamp & Turn;
  /** The service counted tokens. A count that is 0 is absent. Each of its reports counts the whole context again, and is added up here. */
  'session/usage': Stamp & UsageReport;
  /** One function call; answer with `session/send` `toolResponse`. With `willContinue` more of its arguments follows, in `partialArgs`. */
  'session/toolCall': Stamp & ToolCall;
  /** These calls must not be answered any more. */
  'session/toolCallCancelled': Stamp & ToolCallCancelled;
  /** The service will end this connection; the sidecar moves the session in time. */
  'session/goAway': Stamp & GoAway;
  /** The newest handle. The only notification that carries a secret: keep it out of logs. */
  'session/resumption': Stamp & Resumption;
  /** A reconnect was decided; or its wait was changed by a hint, then with the same attempt. */
  'session/reconnecting': Stamp & Reconnecting;
  /** The session is usable again. */
  'session/reconnected': Stamp & Reconnected;
  /** How well the line does: with each pong at most once a second, and when the quality changes. */
  'session/health': Stamp & Health;
  /** The circuit breaker changed. Open: no attempt before `retryInMs`. Half open: one attempt decides. */
  'session/breaker': Stamp & Breaker;
  /** The line is alive, but an answer that was asked for did not come. The session goes on. */
  'session/stalled': Stamp & Stalled;
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
  /** The message cannot be sent: bad base64, number, or field. */
  invalidMessage: -32016,
  /** The service could not be reached or refused; `kind` names the fault. */
  connectionFailed: -32020,
} as const;

export type ErrorKind = keyof typeof ERROR_CODES;

/** What can go wrong between the sidecar and the service: docs/errors.md. */
export type FaultKind =
  | 'aborted'
  | 'accessDenied'
  | 'apiDisabled'
  | 'attemptTimeout'
  | 'authentication'
  | 'billing'
  | 'caFileUnusable'
  | 'certificateExpired'
  | 'certificateHostMismatch'
  | 'certificateInvalid'
  | 'certificateNotYetValid'
  | 'certificateSelfSigned'
  | 'certificateUntrusted'
  | 'closedByService'
  | 'connectTimeout'
  | 'connectionRefused'
  | 'deadlineExpired'
  | 'dnsError'
  | 'dnsTimeout'
  | 'endpointNotFound'
  | 'goAway'
  | 'goAwayOverrun'
  | 'goingAway'
  | 'handleExpired'
  | 'handleInvalid'
  | 'handshakeDropped'
  | 'handshakeInvalid'
  | 'handshakeRefused'
  | 'handshakeTimeout'
  | 'hostNotReading'
  | 'internalError'
  | 'invalidArgument'
  | 'lineLost'
  | 'lineSilent'
  | 'maxAttempts'
  | 'maxElapsed'
  | 'messageTooBig'
  | 'modelUnavailable'
  | 'networkChanged'
  | 'networkError'
  | 'openTimeout'
  | 'overloaded'
  | 'policyViolation'
  | 'protocolError'
  | 'protocolViolation'
  | 'proxyAuthenticationRequired'
  | 'proxyCertificateInvalid'
  | 'proxyError'
  | 'proxyRefused'
  | 'proxyTimeout'
  | 'proxyUnavailable'
  | 'proxyUnreachable'
  | 'proxyUnusable'
  | 'quotaExceeded'
  | 'reconnectDisabled'
  | 'recycle'
  | 'redirected'
  | 'regionBlocked'
  | 'requested'
  | 'serviceError'
  | 'serviceRestart'
  | 'serviceUnavailable'
  | 'setupInvalid'
  | 'setupTimeout'
  | 'stalled'
  | 'tlsError'
  | 'tlsNotSpoken'
  | 'tlsVersionUnsupported'
  | 'tokenDenied'
  | 'tokenExpired'
  | 'tokenSpent'
  | 'tokenUnavailable'
  | 'tryAgainLater'
  | 'unimplemented';

export const PROTOCOL_VERSION = '1';

/** The longest line either side writes, until `initialize` announces another limit. */
export const MAX_LINE_BYTES = 16777216;
