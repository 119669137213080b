/** How the mirror changes with what happens. Pure: time is an argument. */
import type { Dropped } from '../generated/protocol.js';
import { fromErrorData } from './errors.js';
import type { Happening, HappeningName, Happenings } from './happenings.js';
import { laterAttempt, reduceStateChanged } from './reduce-state.js';
import { KEPT, NO_LINE, type ErrorBook, type Mirror } from './mirror.js';
import type { GeminiError, SessionData } from './shapes.js';
import { BREAKER_STATES } from './states.js';

type Reducer<N extends HappeningName> = (mirror: Mirror, params: Happenings[N], nowMs: number) => Mirror;

const same = (mirror: Mirror): Mirror => mirror;

/** One for everything that can happen: what is missing does not compile. */
const REDUCERS: { readonly [N in HappeningName]: Reducer<N> } = {
  connectCalled: (mirror, { session }) => ({
    ...mirror,
    wanted: true,
    state: 'connecting',
    revision: 0,
    phase: undefined,
    fatalTold: false,
    health: undefined,
    queue: undefined,
    breaker: { ...mirror.breaker, state: 'closed' },
    session,
    wasConnected: false,
    turnId: 0,
    speakingSinceMs: {},
    recovery: { ...mirror.recovery, attempt: 0, dueAtMs: 0, sinceMs: undefined },
    pastSessions: mirror.pastSessions.filter(({ sessionId }) => sessionId !== session.sessionId),
  }),
  connectFailed: (mirror, { error }) => {
    const ended = { ...mirror, state: mirror.wanted ? ('error' as const) : mirror.state, lineUp: false };
    return mirror.fatalTold || !mirror.wanted ? ended : counted(withSession(ended, { status: 'error' }), error, true);
  },
  disconnectCalled: (mirror, _, nowMs) => ({
    ...mirror,
    wanted: false,
    state: 'disconnected',
    recovery: stopped(mirror, nowMs),
  }),
  closed: sessionOver,
  sessionEnded: sessionOver,
  suspendCalled: (mirror, _, nowMs) => ({
    ...withSession(mirror, { status: 'suspended', lastActivity: new Date(nowMs) }),
    state: 'disconnected',
    recovery: stopped(mirror, nowMs),
  }),
  resumeCalled: (mirror, _, nowMs) => ({
    ...withSession(mirror, { status: 'active', lastActivity: new Date(nowMs) }),
    wanted: true,
    state: 'reconnecting',
    fatalTold: false,
    recovery: {
      ...mirror.recovery,
      attempt: mirror.recovery.sinceMs === undefined ? 0 : mirror.recovery.attempt,
      sinceMs: mirror.recovery.sinceMs ?? nowMs,
      lastResult: 'pending',
    },
  }),
  inputLeft: same,
  inputAccepted: (mirror, _, nowMs) => counting(mirror, 1, nowMs),
  inputsCounted: (mirror, { count }, nowMs) => counting(mirror, count, nowMs),
  inputWaits: (mirror, { waiting }) => ({ ...mirror, waiting, count: mirror.count + 1 }),
  inputsLeft: (mirror, { waiting }) => ({ ...mirror, waiting }),
  retriesChanged: (mirror, { active }) => ({ ...mirror, activeRetries: active }),
  failedQuietly: (mirror, { error }) => counted(mirror, error, false),
  ticked: same,
  utterance: (mirror, { source }) => ({
    ...mirror,
    speakingSinceMs: { ...mirror.speakingSinceMs, [source]: undefined },
  }),
  reconnectionConfigured: (mirror, { config }) => ({ ...mirror, reconnectionConfig: config }),
  heartbeatConfigured: (mirror, { config }) => ({ ...mirror, heartbeatConfig: config }),
  metricsReset: (mirror, _, nowMs) => ({
    ...mirror,
    line: mirror.lineUp ? { ...NO_LINE, connectedAtMs: nowMs, successes: 1 } : NO_LINE,
    history: [],
    recovery: { ...mirror.recovery, earlierMs: 0 },
  }),
  sessionsCleared: (mirror) => ({ ...mirror, pastSessions: [] }),

  stateChanged: reduceStateChanged,
  setupSent: same,
  message: (mirror, { message: { setupComplete } }, nowMs) => ({
    ...counting(mirror, 1, nowMs),
    setupPayload: setupComplete === undefined ? mirror.setupPayload : setupComplete,
  }),
  invalidMessage: (mirror) => ({ ...mirror, count: mirror.count + 1 }),
  transcript: (mirror, { source, turnId, final, interim }, nowMs) => {
    const { speakingSinceMs } = mirror;
    const begins = !final && !interim && speakingSinceMs[source] === undefined;
    return { ...mirror, turnId, ...(begins && { speakingSinceMs: { ...speakingSinceMs, [source]: nowMs } }) };
  },
  turn: (mirror, { event, turnId }) => {
    const turnCount = (mirror.session?.turnCount ?? 0) + (event === 'complete' ? 1 : 0);
    return { ...withSession(mirror, { turnCount }), turnId };
  },
  usage: same,
  toolCall: same,
  toolCallCancelled: same,
  goAway: same,
  resumption: same,
  reconnecting: (mirror, { attempt, delayMs }, nowMs) => ({
    ...mirror,
    recovery: {
      ...mirror.recovery,
      attempt: laterAttempt(mirror.recovery, attempt),
      delayMs,
      dueAtMs: nowMs + delayMs,
      sinceMs: mirror.recovery.sinceMs ?? nowMs,
      lastResult: 'pending',
    },
  }),
  reconnected: same,
  health: (mirror, health, nowMs) => ({
    ...mirror,
    health,
    lastPongAtMs: health.pongs > (mirror.health?.pongs ?? 0) ? nowMs : mirror.lastPongAtMs,
  }),
  breaker: (mirror, { state, failures }) => ({
    ...mirror,
    breaker: { state: BREAKER_STATES[state], failures },
    errors: { ...mirror.errors, trips: mirror.errors.trips + (state === 'open' ? 1 : 0) },
  }),
  stalled: same,
  queue: (mirror, queue) => ({ ...mirror, queue }),
  dropped: (mirror, dropped, nowMs) => {
    const error = droppedError(mirror, dropped, nowMs);
    return error === undefined ? mirror : counted(mirror, error, false);
  },
  error: (mirror, { error, fatal }, nowMs) => {
    const told = counted(mirror, fromErrorData(error, errorId(mirror), nowMs), fatal);
    return fatal ? withSession(told, { status: 'error' }) : told;
  },
};

function sessionOver(mirror: Mirror, { resumable }: Happenings['closed']): Mirror {
  const status = resumable ? 'suspended' : 'expired';
  const past = mirror.session === null ? [] : [{ ...mirror.session, status } as const];
  return {
    ...mirror,
    lineUp: false,
    phase: undefined,
    health: undefined,
    session: null,
    pastSessions: [...past, ...mirror.pastSessions].slice(0, KEPT.sessions),
  };
}

/** The mirror after `happening`. */
export function reduce(mirror: Mirror, { name, params }: Happening, nowMs: number): Mirror {
  return (REDUCERS[name] as Reducer<HappeningName>)(mirror, params as never, nowMs);
}

/** The id of the next error: the events of that error bear it, too. */
export function errorId(mirror: Mirror): string {
  return `gemini_error_${mirror.errors.total + 1}`;
}

/** What was accepted and will not arrive, as an error to tell; undefined: the app itself gave it up. */
export function droppedError(mirror: Mirror, dropped: Happenings['dropped'], nowMs: number): GeminiError | undefined {
  const { reason } = dropped;
  if (reason === 'callCancelled' || (reason === 'sessionClosed' && !mirror.wanted)) return undefined;
  return lostError(dropped, errorId(mirror), nowMs);
}

export function lostError(dropped: Dropped, id: string, nowMs: number): GeminiError {
  const { reason, kind, count, durationMs } = dropped;
  const how = durationMs ? ` (${Math.round(durationMs)} ms)` : '';
  return {
    id,
    name: 'GeminiError',
    type: 'session_error',
    code: reason,
    message: `${count} ${kind} message(s)${how} may not have arrived: ${reason}. Say it again if it matters.`,
    details: { ...dropped },
    timestamp: nowMs,
    retryable: false,
  };
}

export function withSession(mirror: Mirror, change: Partial<SessionData>): Mirror {
  return mirror.session === null ? mirror : { ...mirror, session: { ...mirror.session, ...change } };
}

/** So many messages went up or down. */
function counting(mirror: Mirror, more: number, nowMs: number): Mirror {
  const messageCount = (mirror.session?.messageCount ?? 0) + more;
  return { ...withSession(mirror, { messageCount, lastActivity: new Date(nowMs) }), count: mirror.count + more };
}

function counted(mirror: Mirror, error: GeminiError, fatal: boolean): Mirror {
  const { errors } = mirror;
  const book: ErrorBook = {
    ...errors,
    total: errors.total + 1,
    byType: plusOne(errors.byType, error.type),
    byCode: plusOne(errors.byCode, String(error.code ?? 'unknown')),
    retryable: errors.retryable + (error.retryable ? 1 : 0),
    recent: [...errors.recent, error].slice(-KEPT.errors),
  };
  return { ...mirror, errors: book, fatalTold: mirror.fatalTold || fatal };
}

function plusOne(counts: Readonly<Record<string, number>>, key: string): Record<string, number> {
  return { ...counts, [key]: (counts[key] ?? 0) + 1 };
}

function stopped({ recovery }: Mirror, nowMs: number): Mirror['recovery'] {
  const { sinceMs, earlierMs } = recovery;
  const outageMs = sinceMs === undefined ? 0 : nowMs - sinceMs;
  return { ...recovery, attempt: 0, dueAtMs: 0, sinceMs: undefined, earlierMs: earlierMs + outageMs };
}
