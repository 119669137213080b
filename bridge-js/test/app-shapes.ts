/**
 * The app's contract as a table: what the arguments of each event and the answer of each getter look like. Written from
 * the app, not from the table that makes them.
 */
import assert from 'node:assert/strict';

type Check = (value: unknown) => void;
type Fields = Readonly<Record<string, Check>>;

const string: Check = (value) => assert.equal(typeof value, 'string');
const text: Check = (value) => assert.ok(typeof value === 'string' && value !== '', 'a text is never empty');
const number: Check = (value) =>
  assert.ok(typeof value === 'number' && Number.isFinite(value), `a number, not ${String(value)}`);
const boolean: Check = (value) => assert.equal(typeof value, 'boolean');
const object: Check = (value) => assert.ok(typeof value === 'object' && value !== null);
const array: Check = (value) => assert.ok(Array.isArray(value));
const date: Check = (value) => assert.ok(value instanceof Date && !Number.isNaN(value.getTime()));
const absent: Check = (value) => assert.equal(value, undefined);
const oneOf =
  (...allowed: readonly unknown[]): Check =>
  (value) =>
    assert.ok(allowed.includes(value), `${String(value)} is not one of ${allowed.join(', ')}`);
const either =
  (...checks: readonly Check[]): Check =>
  (value) => {
    const fits = checks.some((check) => {
      try {
        check(value);
        return true;
      } catch {
        return false;
      }
    });
    assert.ok(fits, `an unexpected value: ${JSON.stringify(value)}`);
  };
/** Exactly the required fields, and of the optional ones those that are there. */
const shape =
  (required: Fields, optional: Fields = {}): Check =>
  (value) => {
    object(value);
    const fields = value as Record<string, unknown>;
    for (const [name, check] of Object.entries(required)) {
      assert.ok(name in fields, `${name} is missing in ${JSON.stringify(value)}`);
      check(fields[name]);
    }
    for (const name of Object.keys(fields)) {
      if (name in required) continue;
      assert.ok(name in optional, `${name} is not in the contract`);
      optional[name]!(fields[name]);
    }
  };
const each =
  (check: Check): Check =>
  (value) => {
    array(value);
    for (const item of value as unknown[]) check(item);
  };

const STATE = oneOf('disconnected', 'connecting', 'connected', 'reconnecting', 'error');
const QUALITY = oneOf('excellent', 'good', 'poor', 'unstable');
const BREAKER = oneOf('closed', 'open', 'half_open');
const ERROR_TYPE = oneOf(
  ...'network authentication api websocket validation timeout rate_limit connection_refused ssl_error dns_error'.split(
    ' ',
  ),
  ...'model_error quota_exceeded service_unavailable parse_error session_error circuit_breaker unknown'.split(' '),
);
const GEMINI_ERROR = shape(
  { id: text, type: ERROR_TYPE, message: text, timestamp: number, retryable: boolean },
  {
    name: string,
    code: either(string, number),
    details: object,
    context: object,
    stack: string,
    retryCount: number,
    maxRetries: number,
  },
);
const RECONNECTION_STATE = shape({
  isReconnecting: boolean,
  attemptCount: number,
  nextAttemptIn: number,
  nextAttemptAt: number,
  totalReconnectionTime: number,
  currentDelay: number,
  lastAttemptResult: oneOf('success', 'failure', 'pending'),
});
const CONNECTION_METRICS = shape(
  {
    connectionTime: number,
    disconnectionTime: number,
    totalUptime: number,
    totalDowntime: number,
    successfulConnections: number,
    failedConnections: number,
    averageConnectionDuration: number,
    connectionQuality: QUALITY,
    unstableConnectionCount: number,
  },
  { lastDisconnectReason: string },
);
const HEARTBEAT_METRICS = shape({
  totalSent: number,
  totalReceived: number,
  consecutiveMissed: number,
  averageResponseTime: number,
  lastSuccessfulHeartbeat: number,
  connectionUptime: number,
  healthScore: number,
});
const ERROR_STATS = shape(
  {
    total: number,
    byType: object,
    byCode: object,
    retryable: number,
    nonRetryable: number,
    recovered: number,
    lastOccurrence: number,
    circuitBreakerTrips: number,
  },
  { lastError: GEMINI_ERROR },
);
const SESSION_DATA = shape({
  sessionId: text,
  modelId: text,
  createdAt: date,
  lastActivity: date,
  status: oneOf('active', 'suspended', 'expired', 'error'),
  config: shape({ model: text, responseModalities: array }, { systemInstruction: string }),
  connectionHistory: each(
    shape(
      { timestamp: date, event: oneOf('connected', 'disconnected', 'error', 'resumed') },
      { reason: string, duration: number },
    ),
  ),
  messageCount: number,
  turnCount: number,
});
const METADATA = shape(
  { timestamp: number },
  {
    messageId: string,
    isPartial: boolean,
    modelTurn: boolean,
    inputTranscription: boolean,
    turnId: text,
    timeLeft: text,
    resumable: boolean,
  },
);
const PROCESSED = shape(
  {
    original: either(object, (value) => assert.equal(value, null)),
    type: oneOf('server_content', 'model_turn', 'turn_complete', 'audio_data', 'pong', 'error', 'setup_complete'),
    metadata: shape({ id: text, timestamp: number, type: text, priority: oneOf(0, 1, 2, 3) }),
    payload: () => undefined,
    isValid: boolean,
  },
  { errors: each(text) },
);
const TOOL_CALL = shape({ name: text, parameters: object, id: text });
const PARSED = shape(
  {
    type: oneOf(
      ...'text audio tool_call error setup_complete turn_complete tool_call_cancellation go_away session_resumption_update'.split(
        ' ',
      ),
    ),
    content: either(text, (value) => assert.equal(value, null)),
    metadata: METADATA,
  },
  { toolCall: TOOL_CALL, toolCallCancellation: object, goAway: object, sessionResumptionUpdate: object, error: object },
);
const RECOVERING = { attempt: number, state: RECONNECTION_STATE };
const API_ERROR = { code: either(string, number), message: text, details: object };

/** One check per argument, in each mode. */
type Arguments = readonly Check[] | { readonly r1: readonly Check[]; readonly r2: readonly Check[] };

export const EVENT_SHAPES: Readonly<Record<string, Arguments>> = {
  stateChange: [STATE, STATE],
  connected: [],
  disconnected: [shape({ code: number, reason: string, wasClean: boolean })],
  closed: [],
  setupMessageSent: [shape({ setup: object })],
  setupComplete: { r1: [object], r2: [shape({ metadata: METADATA })] },
  reconnectionStarted: [shape({ ...RECOVERING, delay: number })],
  reconnectionAttempt: [shape(RECOVERING)],
  reconnectionFailed: [shape({ ...RECOVERING, error: GEMINI_ERROR })],
  reconnectionCountdown: [shape({ remaining: number, attempt: number })],
  reconnectionStopped: [],
  maxReconnectAttemptsReached: [shape({ attempts: number, totalTime: number })],
  connectionQualityUpdate: [QUALITY],
  health_changed: [shape({ healthScore: number, isHealthy: boolean, metrics: HEARTBEAT_METRICS })],
  pong: [object],
  goAway: [shape({ timeLeft: text, metadata: METADATA })],
  sessionResumptionUpdate: [
    (value) => {
      shape({ resumable: boolean, metadata: METADATA })(value);
      string((value as { newHandle: unknown }).newHandle);
    },
  ],
  sessionCreated: [SESSION_DATA],
  sessionResumed: [SESSION_DATA],
  sessionSuspended: [SESSION_DATA],
  sessionError: [shape({ session: either(SESSION_DATA, (value) => assert.equal(value, null)), error: text })],
  circuitBreakerOpen: [shape({ state: oneOf('open'), lastError: either(GEMINI_ERROR, absent) })],
  circuitBreakerStateChange: [BREAKER],
  connecting: [],
  reconnecting: [],
  qualityUpdate: [QUALITY, CONNECTION_METRICS],
  reconnectionProgress: [number, number],
  connectionStateChanged: [STATE, STATE],
  error: [GEMINI_ERROR],
  networkError: [GEMINI_ERROR],
  websocketError: [GEMINI_ERROR],
  apiError: [shape(API_ERROR)],
  geminiError: [shape({ ...API_ERROR, handledError: GEMINI_ERROR })],
  invalidMessage: [PROCESSED],
  message: [PROCESSED],
  geminiResponse: [PARSED],
  serverContent: [object],
  modelTurn: [object],
  turnComplete: { r1: [object], r2: [shape({ turnId: text, metadata: METADATA })] },
  audioData: [text],
  audioResponse: [shape({ content: text, metadata: METADATA })],
  textResponse: [shape({ content: text, metadata: METADATA, isPartial: boolean })],
  transcriptionUpdate: [shape({ text, confidence: either(number, absent), isFinal: boolean })],
  transcription: {
    r1: [PROCESSED],
    r2: [shape({ text, confidence: either(number, absent), duration: number, source: text })],
  },
  chatResponse: [shape({ text, metadata: METADATA, isFinal: boolean })],
  toolCall: [TOOL_CALL],
  toolCallCancellation: [shape({ ids: each(text), metadata: METADATA })],
  messageSent: [object],
  messageQueued: [shape({ messageId: text, priority: number, totalQueueSize: number, inputType: text })],
  queueUpdate: [
    shape({ action: oneOf('sent', 'queued'), totalQueueSize: number, pendingMessages: number, inputType: text }),
  ],
};

export const GETTER_SHAPES: Readonly<Record<string, Check>> = {
  isConnected: boolean,
  isSetupCompleted: boolean,
  getConnectionState: STATE,
  getErrorStats: ERROR_STATS,
  getRecentErrors: each(GEMINI_ERROR),
  getConnectionMetrics: CONNECTION_METRICS,
  getReconnectionState: RECONNECTION_STATE,
  getConnectionHistory: each(
    shape({ timestamp: number, event: oneOf('connected', 'disconnected') }, { reason: string, duration: number }),
  ),
  getHeartbeatStatus: oneOf('stopped', 'monitoring', 'waiting_pong', 'unhealthy', 'failed'),
  getHeartbeatMetrics: HEARTBEAT_METRICS,
  isConnectionHealthy: boolean,
  getQueueStatistics: shape({
    connectionState: STATE,
    totalQueuedMessages: number,
    messagesByPriority: object,
    pendingMessages: number,
    activeRetryTimers: number,
    circuitBreakerState: shape({ state: BREAKER, failureCount: number }),
    errorStatistics: ERROR_STATS,
    sessionInfo: either(
      (value) => assert.equal(value, null),
      shape({ sessionId: text, createdAt: date, lastActivity: date }),
    ),
  }),
  getCurrentSession: either((value) => assert.equal(value, null), SESSION_DATA),
  getSessionStats: shape({
    total: number,
    active: number,
    suspended: number,
    expired: number,
    error: number,
    resumable: number,
  }),
  getResumableSessions: each(SESSION_DATA),
};

export function checkEvent(event: string, args: readonly unknown[], compat: 'r1' | 'r2'): void {
  const expected = EVENT_SHAPES[event];
  assert.ok(expected !== undefined, `${event} is not in the contract`);
  const checks = 'r1' in expected ? expected[compat] : expected;
  assert.equal(args.length, checks.length, `${event} has ${args.length} arguments`);
  checks.forEach((check, index) => check(args[index]));
}
