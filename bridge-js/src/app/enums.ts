/**
 * The names that the app imports beside the class. Plain objects rather than enums: `ConnectionState.CONNECTED` and
 * `'connected'` are the same to the compiler, too.
 */

type Value<T> = T[keyof T];

export const ConnectionState = {
  DISCONNECTED: 'disconnected',
  CONNECTING: 'connecting',
  CONNECTED: 'connected',
  RECONNECTING: 'reconnecting',
  ERROR: 'error',
} as const;
export type ConnectionState = Value<typeof ConnectionState>;

export const ResponseModality = { TEXT: 'TEXT', AUDIO: 'AUDIO' } as const;
export type ResponseModality = Value<typeof ResponseModality>;

export const QueuePriority = { LOW: 0, NORMAL: 1, HIGH: 2, CRITICAL: 3 } as const;
export type QueuePriority = Value<typeof QueuePriority>;

export const ReconnectionStrategy = {
  EXPONENTIAL: 'exponential',
  LINEAR: 'linear',
  FIBONACCI: 'fibonacci',
  CUSTOM: 'custom',
} as const;
export type ReconnectionStrategy = Value<typeof ReconnectionStrategy>;

export const HeartbeatStatus = {
  STOPPED: 'stopped',
  MONITORING: 'monitoring',
  WAITING_PONG: 'waiting_pong',
  UNHEALTHY: 'unhealthy',
  FAILED: 'failed',
} as const;
export type HeartbeatStatus = Value<typeof HeartbeatStatus>;

export const ConnectionQuality = {
  EXCELLENT: 'excellent',
  GOOD: 'good',
  POOR: 'poor',
  UNSTABLE: 'unstable',
} as const;
export type ConnectionQuality = Value<typeof ConnectionQuality>;

export const ErrorType = {
  NETWORK: 'network',
  AUTHENTICATION: 'authentication',
  API: 'api',
  WEBSOCKET: 'websocket',
  VALIDATION: 'validation',
  TIMEOUT: 'timeout',
  RATE_LIMIT: 'rate_limit',
  CONNECTION_REFUSED: 'connection_refused',
  SSL_ERROR: 'ssl_error',
  DNS_ERROR: 'dns_error',
  MODEL_ERROR: 'model_error',
  QUOTA_EXCEEDED: 'quota_exceeded',
  SERVICE_UNAVAILABLE: 'service_unavailable',
  PARSE_ERROR: 'parse_error',
  SESSION_ERROR: 'session_error',
  CIRCUIT_BREAKER: 'circuit_breaker',
  UNKNOWN: 'unknown',
} as const;
export type ErrorType = Value<typeof ErrorType>;

export const MessageType = {
  CLIENT_CONTENT: 'client_content',
  REALTIME_INPUT: 'realtime_input',
  PING: 'ping',
  SETUP: 'setup',
  SERVER_CONTENT: 'server_content',
  MODEL_TURN: 'model_turn',
  TURN_COMPLETE: 'turn_complete',
  AUDIO_DATA: 'audio_data',
  PONG: 'pong',
  ERROR: 'error',
  SETUP_COMPLETE: 'setup_complete',
} as const;
export type MessageType = Value<typeof MessageType>;

export const MessagePriority = { LOW: 0, NORMAL: 1, HIGH: 2, URGENT: 3 } as const;
export type MessagePriority = Value<typeof MessagePriority>;
