/** What several events and getters show of the mirror. Pure. */
import type { HeartbeatStatus } from './enums.js';
import type { Mirror } from './mirror.js';
import type {
  ConnectionMetrics,
  ErrorStats,
  HeartbeatMetrics,
  QueueStatistics,
  ReconnectionState,
  SessionData,
  SessionStats,
} from './shapes.js';

/** A handle is not tried when it is older; the sidecar's own default. */
const RESUMABLE_FOR_MS = 7_200_000;
/** From this score on a line is healthy: `good` or better. */
const HEALTHY: ReadonlySet<string> = new Set(['excellent', 'good']);

export function reconnectionState({ recovery }: Mirror, nowMs: number): ReconnectionState {
  const { attempt, delayMs, dueAtMs, sinceMs, earlierMs, lastResult } = recovery;
  return {
    isReconnecting: sinceMs !== undefined,
    attemptCount: attempt,
    nextAttemptIn: Math.max(0, dueAtMs - nowMs),
    nextAttemptAt: dueAtMs,
    totalReconnectionTime: earlierMs + (sinceMs === undefined ? 0 : nowMs - sinceMs),
    currentDelay: delayMs,
    lastAttemptResult: lastResult,
  };
}

export function connectionMetrics({ line, lineUp, health }: Mirror, nowMs: number): ConnectionMetrics {
  const sinceMs = lineUp ? nowMs - line.connectedAtMs : 0;
  const downMs = !lineUp && line.disconnectedAtMs > 0 ? nowMs - line.disconnectedAtMs : 0;
  const upMs = line.upMs + sinceMs;
  return {
    connectionTime: line.connectedAtMs,
    disconnectionTime: line.disconnectedAtMs,
    totalUptime: upMs,
    totalDowntime: line.downMs + downMs,
    successfulConnections: line.successes,
    failedConnections: line.failures,
    averageConnectionDuration: line.successes === 0 ? 0 : upMs / line.successes,
    connectionQuality: health?.quality ?? (lineUp ? 'good' : 'poor'),
    ...(line.lastReason === undefined ? {} : { lastDisconnectReason: line.lastReason }),
    unstableConnectionCount: line.unstable,
  };
}

export function heartbeatStatus({ lineUp, state, phase, health }: Mirror): HeartbeatStatus {
  if (state === 'reconnecting' || state === 'error') return 'failed';
  if (!lineUp) return 'stopped';
  if (phase === 'suspect') return 'unhealthy';
  return (health?.unanswered ?? 0) > 0 ? 'waiting_pong' : 'monitoring';
}

export function heartbeatMetrics(
  { health, lineUp, line, lastPongAtMs, phase }: Mirror,
  nowMs: number,
): HeartbeatMetrics {
  return {
    totalSent: health?.pings ?? 0,
    totalReceived: health?.pongs ?? 0,
    consecutiveMissed: phase === 'suspect' ? Math.max(1, health?.unanswered ?? 0) : 0,
    averageResponseTime: health?.rttAverageMs ?? 0,
    lastSuccessfulHeartbeat: lastPongAtMs,
    connectionUptime: lineUp ? nowMs - line.connectedAtMs : 0,
    healthScore: health?.healthScore ?? (lineUp ? 100 : 0),
  };
}

export function isHealthy({ state, phase, health }: Mirror): boolean {
  return state === 'connected' && phase !== 'suspect' && (health === undefined || HEALTHY.has(health.quality));
}

export function errorStats({ errors }: Mirror): ErrorStats {
  const lastError = errors.recent.at(-1);
  return {
    total: errors.total,
    byType: { ...errors.byType },
    byCode: { ...errors.byCode },
    retryable: errors.retryable,
    nonRetryable: errors.total - errors.retryable,
    recovered: errors.recovered,
    ...(lastError === undefined ? {} : { lastError }),
    lastOccurrence: lastError?.timestamp ?? 0,
    circuitBreakerTrips: errors.trips,
  };
}

export function totalQueued({ waiting, queue }: Mirror): number {
  return Object.values(waiting).reduce((sum, count) => sum + count, 0) + (queue?.heldMessages ?? 0);
}

export function queueStatistics(mirror: Mirror): QueueStatistics {
  const { state, waiting, queue, activeRetries, breaker, session } = mirror;
  return {
    connectionState: state,
    totalQueuedMessages: totalQueued(mirror),
    messagesByPriority: { 0: 0, 1: 0, 2: 0, 3: 0, ...waiting },
    pendingMessages: queue?.unconfirmedMessages ?? 0,
    activeRetryTimers: activeRetries,
    circuitBreakerState: { state: breaker.state, failureCount: breaker.failures },
    errorStatistics: errorStats(mirror),
    sessionInfo: session && {
      sessionId: session.sessionId,
      createdAt: session.createdAt,
      lastActivity: session.lastActivity,
    },
  };
}

export function resumableSessions(mirror: Mirror, nowMs: number): SessionData[] {
  return allSessions(mirror).filter(
    ({ status, lastActivity }) => status === 'suspended' && nowMs - lastActivity.getTime() <= RESUMABLE_FOR_MS,
  );
}

export function sessionStats(mirror: Mirror, nowMs: number): SessionStats {
  const sessions = allSessions(mirror);
  const count = (wanted: SessionData['status']): number => sessions.filter(({ status }) => status === wanted).length;
  return {
    total: sessions.length,
    active: count('active'),
    suspended: count('suspended'),
    expired: count('expired'),
    error: count('error'),
    resumable: resumableSessions(mirror, nowMs).length,
  };
}

function allSessions({ session, pastSessions }: Mirror): SessionData[] {
  return session === null ? [...pastSessions] : [session, ...pastSessions];
}
