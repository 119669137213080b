/** The shapes of the app: what its listeners and getters are given. Times are milliseconds. */
import type {
  ConnectionQuality,
  ConnectionState,
  ErrorType,
  MessagePriority,
  MessageType,
  QueuePriority,
  ReconnectionStrategy,
} from './enums.js';

export interface GeminiError {
  /** Unique within the client. */
  id: string;
  name: string;
  type: ErrorType;
  /** The WebSocket close code or HTTP status where the service gave one, else the sidecar's kind. */
  code?: string | number;
  message: string;
  /** `kind`, `action`, `remediation` and `userMessage` of docs/errors.md, where there are any. */
  details?: Record<string, unknown>;
  /** Unix time. */
  timestamp: number;
  context?: Record<string, unknown>;
  stack?: string;
  retryable: boolean;
  retryCount?: number;
  maxRetries?: number;
}

export interface ReconnectionConfig {
  maxAttempts: number;
  strategy: ReconnectionStrategy;
  baseDelay: number;
  maxDelay: number;
  jitterEnabled: boolean;
  jitterRange: number;
  qualityThreshold: number;
  unstableConnectionThreshold: number;
  backoffMultiplier: number;
  /** Of the attempt, counted from 1. Asked once for each attempt when the options are read. */
  customDelayFunction?: (attempt: number) => number;
}

export interface ReconnectionState {
  isReconnecting: boolean;
  attemptCount: number;
  nextAttemptIn: number;
  /** Unix time; 0: none is planned. */
  nextAttemptAt: number;
  totalReconnectionTime: number;
  currentDelay: number;
  lastAttemptResult: 'success' | 'failure' | 'pending';
}

export interface ConnectionMetrics {
  /** Unix time of the newest connection; 0: none yet. */
  connectionTime: number;
  disconnectionTime: number;
  totalUptime: number;
  totalDowntime: number;
  successfulConnections: number;
  failedConnections: number;
  averageConnectionDuration: number;
  connectionQuality: ConnectionQuality;
  lastDisconnectReason?: string;
  unstableConnectionCount: number;
}

export interface ConnectionHistoryEntry {
  /** Unix time. */
  timestamp: number;
  event: 'connected' | 'disconnected';
  reason?: string;
  /** How long the connection lasted. */
  duration?: number;
}

export interface HeartbeatConfig {
  interval: number;
  timeout: number;
  maxMissedBeats: number;
  useNativePing: boolean;
  customPingMessage?: unknown;
  enableMetrics: boolean;
}

export interface HeartbeatMetrics {
  totalSent: number;
  totalReceived: number;
  consecutiveMissed: number;
  averageResponseTime: number;
  /** Unix time; 0: none yet. */
  lastSuccessfulHeartbeat: number;
  connectionUptime: number;
  /** 0 to 100. */
  healthScore: number;
}

export interface ErrorStats {
  total: number;
  byType: Record<string, number>;
  byCode: Record<string, number>;
  retryable: number;
  nonRetryable: number;
  /** Retryable ones after which the session was connected again. */
  recovered: number;
  lastError?: GeminiError;
  /** Unix time; 0: none yet. */
  lastOccurrence: number;
  circuitBreakerTrips: number;
}

export type CircuitBreakerState = 'closed' | 'open' | 'half_open';

export interface QueueStatistics {
  connectionState: ConnectionState;
  totalQueuedMessages: number;
  messagesByPriority: Record<string, number>;
  pendingMessages: number;
  activeRetryTimers: number;
  circuitBreakerState: { state: CircuitBreakerState; failureCount: number };
  errorStatistics: ErrorStats;
  sessionInfo: { sessionId: string; createdAt: Date; lastActivity: Date } | null;
}

export type SessionStatus = 'active' | 'suspended' | 'expired' | 'error';

export interface ConnectionEvent {
  timestamp: Date;
  event: 'connected' | 'disconnected' | 'error' | 'resumed';
  reason?: string;
  duration?: number;
}

export interface SessionData {
  sessionId: string;
  modelId: string;
  createdAt: Date;
  lastActivity: Date;
  status: SessionStatus;
  config: { model: string; responseModalities: string[]; systemInstruction?: string };
  connectionHistory: ConnectionEvent[];
  messageCount: number;
  turnCount: number;
}

export interface SessionStats {
  total: number;
  active: number;
  suspended: number;
  expired: number;
  error: number;
  resumable: number;
}

export interface MessageMetadata {
  id: string;
  timestamp: number;
  type: MessageType;
  priority: MessagePriority;
}

export interface ProcessedMessage {
  original: unknown;
  type: MessageType;
  metadata: MessageMetadata;
  payload: unknown;
  isValid: boolean;
  errors?: string[];
}

export interface ResponseMetadata {
  messageId?: string;
  timestamp: number;
  /** The Live API tells none: always absent. */
  confidence?: number;
  isPartial?: boolean;
  modelTurn?: boolean;
  inputTranscription?: boolean;
  turnId?: string;
  timeLeft?: string;
  /** Absent: handles are told by `sessionResumptionUpdate` alone. */
  sessionHandle?: string;
  resumable?: boolean;
}

export interface ToolCallInfo {
  name: string;
  parameters: Record<string, unknown>;
  id: string;
}

export interface ParsedGeminiResponse {
  type:
    | 'text'
    | 'audio'
    | 'tool_call'
    | 'error'
    | 'setup_complete'
    | 'turn_complete'
    | 'tool_call_cancellation'
    | 'go_away'
    | 'session_resumption_update';
  content: string | ArrayBuffer | null;
  metadata: ResponseMetadata;
  toolCall?: ToolCallInfo;
  error?: { code: string; message: string; details?: Record<string, unknown> };
  toolCallCancellation?: { ids: string[] };
  goAway?: { timeLeft: string };
  sessionResumptionUpdate?: { newHandle?: string; resumable: boolean };
}

export interface AudioData {
  /** PCM16 in base64. */
  data: string;
  /** Such as `audio/pcm;rate=16000`. */
  mimeType: string;
}

export interface RealtimeInput {
  audio?: AudioData;
  text?: string;
  audioStreamEnd?: boolean;
}

export interface MessageSendOptions {
  priority?: QueuePriority;
  maxRetries?: number;
  timeout?: number;
  expectResponse?: boolean;
}

/** As a browser's CloseEvent. */
export interface CloseInfo {
  code: number;
  reason: string;
  wasClean: boolean;
}
