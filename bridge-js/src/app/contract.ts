/** The app's surface as types: every event with its arguments, every getter with its answer. The tables fill it. */
import type { ConnectionQuality, ConnectionState, HeartbeatStatus } from './enums.js';
import type {
  CircuitBreakerState,
  CloseInfo,
  ConnectionHistoryEntry,
  ConnectionMetrics,
  ErrorStats,
  GeminiError,
  HeartbeatMetrics,
  ParsedGeminiResponse,
  ProcessedMessage,
  QueueStatistics,
  RealtimeInput,
  ReconnectionState,
  ResponseMetadata,
  SessionData,
  SessionStats,
  ToolCallInfo,
} from './shapes.js';

/** Which version of the app's arguments is served where they differ. */
export type Compat = 'r1' | 'r2';

/** What the service sent, as it came. */
export type Payload = any;

interface Recovering {
  attempt: number;
  state: ReconnectionState;
}

/** Where an event has two shapes, it is `Payload`: both are in docs/app-events.md. */
export interface AppEvents {
  stateChange: [state: ConnectionState, previousState: ConnectionState];
  connectionStateChanged: [state: ConnectionState, previousState: ConnectionState];
  connecting: [];
  reconnecting: [];
  disconnected: [event: CloseInfo];
  reconnectionAttempt: [event: Recovering];
  reconnectionFailed: [event: Recovering & { error: GeminiError }];
  maxReconnectAttemptsReached: [event: { attempts: number; totalTime: number }];
  reconnectionStopped: [];
  connected: [];
  setupMessageSent: [setup: { setup: Record<string, unknown> }];
  setupComplete: [event: Payload];
  sessionCreated: [session: SessionData];
  sessionResumed: [session: SessionData];
  sessionSuspended: [session: SessionData];
  reconnectionStarted: [event: Recovering & { delay: number }];
  reconnectionProgress: [attempts: number, delay: number];
  reconnectionCountdown: [event: { remaining: number; attempt: number }];
  connectionQualityUpdate: [quality: ConnectionQuality];
  qualityUpdate: [quality: ConnectionQuality, metrics: ConnectionMetrics];
  health_changed: [event: { healthScore: number; isHealthy: boolean; metrics: HeartbeatMetrics }];
  pong: [payload: { timestamp: number; responseTime: number | undefined }];
  goAway: [event: { timeLeft: string; metadata: ResponseMetadata }];
  sessionResumptionUpdate: [event: { newHandle: string; resumable: boolean; metadata: ResponseMetadata }];
  circuitBreakerOpen: [event: { state: CircuitBreakerState; lastError: GeminiError | undefined }];
  circuitBreakerStateChange: [state: CircuitBreakerState];
  closed: [];

  error: [error: GeminiError];
  networkError: [error: GeminiError];
  websocketError: [error: GeminiError];
  apiError: [payload: { code: string | number; message: string; details: Record<string, unknown> }];
  geminiError: [
    event: {
      code: string | number;
      message: string;
      details: Record<string, unknown>;
      handledError: GeminiError;
    },
  ];
  sessionError: [data: { session: SessionData | null; error: string }];
  invalidMessage: [message: ProcessedMessage];

  message: [message: ProcessedMessage];
  geminiResponse: [response: ParsedGeminiResponse];
  serverContent: [payload: Payload];
  modelTurn: [payload: Payload];
  audioData: [base64: string];
  audioResponse: [event: { content: string; metadata: ResponseMetadata }];
  textResponse: [event: { content: string; metadata: ResponseMetadata; isPartial: boolean }];
  transcriptionUpdate: [event: { text: string; confidence: number | undefined; isFinal: boolean }];
  transcription: [event: Payload];
  chatResponse: [event: { text: string; metadata: ResponseMetadata; isFinal: boolean }];
  turnComplete: [event: Payload];
  toolCall: [call: ToolCallInfo];
  toolCallCancellation: [event: { ids: string[]; metadata: ResponseMetadata }];

  messageSent: [input: RealtimeInput];
  messageQueued: [event: { messageId: string; priority: number; totalQueueSize: number; inputType: string }];
  queueUpdate: [
    event: { action: 'sent' | 'queued'; totalQueueSize: number; pendingMessages: number; inputType: string },
  ];
}

export type AppEvent = keyof AppEvents;

/** Answered at once, from the mirror. */
export interface Getters {
  isConnected(): boolean;
  isSetupCompleted(): boolean;
  getConnectionState(): ConnectionState;
  getErrorStats(): ErrorStats;
  /** The newest last; all that are kept (100) without a limit. */
  getRecentErrors(limit?: number): GeminiError[];
  getConnectionMetrics(): ConnectionMetrics;
  getReconnectionState(): ReconnectionState;
  getConnectionHistory(): ConnectionHistoryEntry[];
  getHeartbeatStatus(): HeartbeatStatus;
  getHeartbeatMetrics(): HeartbeatMetrics;
  isConnectionHealthy(): boolean;
  getQueueStatistics(): QueueStatistics;
  getCurrentSession(): SessionData | null;
  getSessionStats(): SessionStats;
  /** The newest first. */
  getResumableSessions(): SessionData[];
}

export type Getter = keyof Getters;
