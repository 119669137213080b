/** What a client knows of its session, kept fresh by everything that happens. All getters and events read it. */
import type { Phase, QueueReport } from '../generated/protocol.js';
import type { Story } from '../session-events.js';
import type { ConnectionState } from './enums.js';
import type {
  CircuitBreakerState,
  ConnectionHistoryEntry,
  GeminiError,
  HeartbeatConfig,
  ReconnectionConfig,
  SessionData,
} from './shapes.js';

/** So much is kept of what grows. */
export const KEPT = { errors: 100, history: 100, sessions: 10 } as const;

export interface Recovery {
  readonly attempt: number;
  readonly delayMs: number;
  /** When the wait ends; 0: nothing is waited for. */
  readonly dueAtMs: number;
  /** Since when the session has been without a line; undefined: it has one, or needs none. */
  readonly sinceMs: number | undefined;
  /** All outages before this one. */
  readonly earlierMs: number;
  readonly lastResult: 'success' | 'failure' | 'pending';
}

export interface Line {
  readonly connectedAtMs: number;
  readonly disconnectedAtMs: number;
  readonly upMs: number;
  readonly downMs: number;
  readonly successes: number;
  readonly failures: number;
  readonly unstable: number;
  readonly lastReason: string | undefined;
}

export interface ErrorBook {
  readonly total: number;
  readonly byType: Readonly<Record<string, number>>;
  readonly byCode: Readonly<Record<string, number>>;
  readonly retryable: number;
  readonly recovered: number;
  readonly trips: number;
  readonly recent: readonly GeminiError[];
}

export interface Mirror {
  /** What the app asked for last: `connect()` or `disconnect()`. */
  readonly wanted: boolean;
  readonly state: ConnectionState;
  readonly revision: number;
  readonly phase: Phase | undefined;
  /** Whether the session has a line to the service, whatever the app wants. */
  readonly lineUp: boolean;
  /** Whether this `connect()` was told a fatal error already. */
  readonly fatalTold: boolean;
  readonly recovery: Recovery;
  readonly line: Line;
  readonly health: Story['health'] | undefined;
  readonly lastPongAtMs: number;
  readonly queue: QueueReport | undefined;
  /** Inputs that wait for a session, by priority. */
  readonly waiting: Readonly<Record<string, number>>;
  readonly activeRetries: number;
  readonly breaker: { readonly state: CircuitBreakerState; readonly failures: number };
  readonly errors: ErrorBook;
  readonly history: readonly ConnectionHistoryEntry[];
  readonly session: SessionData | null;
  /** Whether the session was connected at least once. */
  readonly wasConnected: boolean;
  /** Earlier ones, the newest first. */
  readonly pastSessions: readonly SessionData[];
  readonly reconnectionConfig: ReconnectionConfig;
  readonly heartbeatConfig: HeartbeatConfig;
  readonly setupPayload: unknown;
  readonly turnId: number;
  /** When the side began the text that is not final yet. */
  readonly speakingSinceMs: { readonly user?: number | undefined; readonly model?: number | undefined };
  /** Counts whatever needs a name of its own. */
  readonly count: number;
}

export const NO_LINE: Line = {
  connectedAtMs: 0,
  disconnectedAtMs: 0,
  upMs: 0,
  downMs: 0,
  successes: 0,
  failures: 0,
  unstable: 0,
  lastReason: undefined,
};

export const NO_RECOVERY: Recovery = {
  attempt: 0,
  delayMs: 0,
  dueAtMs: 0,
  sinceMs: undefined,
  earlierMs: 0,
  lastResult: 'success',
};

/** Before the first `connect()`. */
export function newMirror(reconnectionConfig: ReconnectionConfig, heartbeatConfig: HeartbeatConfig): Mirror {
  return {
    wanted: false,
    state: 'disconnected',
    revision: 0,
    phase: undefined,
    lineUp: false,
    fatalTold: false,
    recovery: NO_RECOVERY,
    line: NO_LINE,
    health: undefined,
    lastPongAtMs: 0,
    queue: undefined,
    waiting: {},
    activeRetries: 0,
    breaker: { state: 'closed', failures: 0 },
    errors: { total: 0, byType: {}, byCode: {}, retryable: 0, recovered: 0, trips: 0, recent: [] },
    history: [],
    session: null,
    wasConnected: false,
    pastSessions: [],
    reconnectionConfig,
    heartbeatConfig,
    setupPayload: {},
    turnId: 0,
    speakingSinceMs: {},
    count: 0,
  };
}
