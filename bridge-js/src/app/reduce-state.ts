/** What a change of the session's state does to the mirror. Pure. */
import type { Story } from '../session-events.js';
import type { ConnectionState } from './enums.js';
import { KEPT, type Line, type Mirror, type Recovery } from './mirror.js';
import type { ConnectionEvent, ConnectionHistoryEntry, SessionData } from './shapes.js';
import { APP_STATES } from './states.js';

type Changed = Story['stateChanged'];

/** A connection that ended sooner is counted as unstable. */
const UNSTABLE_BELOW_MS = 10_000;
/** The phases of an attempt. */
const ATTEMPT: ReadonlySet<Changed['phase']> = new Set<Changed['phase']>(['dialing', 'handshaking', 'setup']);

export function reduceStateChanged(mirror: Mirror, changed: Changed, nowMs: number): Mirror {
  const lineUp = changed.state === 'connected' || (mirror.lineUp && changed.state === 'disconnecting');
  const came = lineUp && !mirror.lineUp;
  const went = !lineUp && mirror.lineUp;
  const reason = reasonOf(changed);
  const lastedMs = went ? nowMs - mirror.line.connectedAtMs : 0;
  const session =
    mirror.session === null ? null : sessionAfter(mirror.session, changed, { came, went, lastedMs }, nowMs);
  const entry: ConnectionHistoryEntry | undefined = came
    ? { timestamp: nowMs, event: 'connected' }
    : went
      ? { timestamp: nowMs, event: 'disconnected', reason, duration: lastedMs }
      : undefined;
  return {
    ...mirror,
    revision: changed.revision,
    state: appState(mirror, changed),
    phase: changed.phase,
    lineUp,
    wasConnected: mirror.wasConnected || came,
    fatalTold: mirror.fatalTold && !came,
    line: lineAfter(mirror.line, { came, went, reason, lastedMs, failed: hasFailed(changed) }, nowMs),
    recovery: recoveryAfter(mirror.recovery, changed, nowMs),
    errors: came ? { ...mirror.errors, recovered: mirror.errors.retryable } : mirror.errors,
    health: lineUp ? mirror.health : mirror.health && { ...mirror.health, healthScore: 0 },
    history: entry === undefined ? mirror.history : [...mirror.history, entry].slice(-KEPT.history),
    session,
  };
}

/** Told by an older snapshot of the same session: the mirror knows better. */
export function isOlder(mirror: Mirror, { revision }: Changed): boolean {
  return revision <= mirror.revision;
}

/** Whether an attempt ended in this change. */
export function hasFailed({ previousPhase, phase, state, error }: Changed): boolean {
  if (!ATTEMPT.has(previousPhase) || error === undefined) return false;
  return state === 'failed' || phase === 'waiting' || (phase === 'dialing' && previousPhase !== undefined);
}

export function reasonOf({ reason, error }: Changed): string {
  return error?.message ?? reason;
}

/** A process that takes over counts from 1 again; to the app it is one outage. */
export function laterAttempt(recovery: Recovery, attempt: number): number {
  return Math.max(recovery.attempt, attempt);
}

function appState({ wanted, state }: Mirror, changed: Changed): ConnectionState {
  if (!wanted) return 'disconnected';
  const next = APP_STATES[changed.state];
  // A session that failed while it was opened is taken away; to the app it goes on being in error.
  return state === 'error' && next === 'disconnected' && changed.state !== 'suspended' ? 'error' : next;
}

interface Change {
  readonly came: boolean;
  readonly went: boolean;
  readonly lastedMs: number;
}

function lineAfter(line: Line, change: Change & { reason: string; failed: boolean }, nowMs: number): Line {
  const { came, went, reason, lastedMs, failed } = change;
  if (came) {
    const downMs = line.disconnectedAtMs === 0 ? 0 : nowMs - line.disconnectedAtMs;
    return { ...line, connectedAtMs: nowMs, successes: line.successes + 1, downMs: line.downMs + downMs };
  }
  if (went) {
    const unstable = line.unstable + (lastedMs < UNSTABLE_BELOW_MS ? 1 : 0);
    return { ...line, disconnectedAtMs: nowMs, upMs: line.upMs + lastedMs, unstable, lastReason: reason };
  }
  return failed ? { ...line, failures: line.failures + 1 } : line;
}

function recoveryAfter(recovery: Recovery, changed: Changed, nowMs: number): Recovery {
  const { state, phase, attempt, retryInMs } = changed;
  const { sinceMs, earlierMs } = recovery;
  if (state === 'reconnecting') {
    const waits = phase === 'waiting';
    return {
      ...recovery,
      attempt: waits ? recovery.attempt : laterAttempt(recovery, attempt),
      ...(waits && retryInMs !== undefined && { delayMs: retryInMs, dueAtMs: nowMs + retryInMs }),
      ...(!waits && { dueAtMs: 0 }),
      sinceMs: sinceMs ?? nowMs,
      lastResult: hasFailed(changed) ? 'failure' : 'pending',
    };
  }
  if (state === 'connecting') return { ...recovery, ...(retryInMs === undefined && { dueAtMs: 0 }) };
  const outageMs = sinceMs === undefined ? 0 : nowMs - sinceMs;
  const lastResult = state === 'connected' ? 'success' : state === 'failed' ? 'failure' : recovery.lastResult;
  const attempts = state === 'connected' ? 0 : recovery.attempt;
  return {
    ...recovery,
    attempt: attempts,
    dueAtMs: 0,
    sinceMs: undefined,
    earlierMs: earlierMs + outageMs,
    lastResult,
  };
}

function sessionAfter(
  session: SessionData,
  changed: Changed,
  { came, went, lastedMs }: Change,
  nowMs: number,
): SessionData {
  const timestamp = new Date(nowMs);
  const resumed = changed.stateRestored === 'resumed';
  const reason = reasonOf(changed);
  const event: ConnectionEvent | undefined = came
    ? { timestamp, event: resumed ? 'resumed' : 'connected' }
    : went
      ? { timestamp, event: 'disconnected', reason, duration: lastedMs }
      : changed.state === 'failed'
        ? { timestamp, event: 'error', reason }
        : undefined;
  return {
    ...session,
    status: changed.state === 'failed' ? 'error' : came ? 'active' : session.status,
    connectionHistory:
      event === undefined ? session.connectionHistory : [...session.connectionHistory, event].slice(-KEPT.history),
    lastActivity: event === undefined ? session.lastActivity : timestamp,
  };
}
