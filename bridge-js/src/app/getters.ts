/** The table of getters: what feeds each, and how it is read from the mirror. */
import type { Getter, Getters } from './contract.js';
import type { HappeningName, Happenings } from './happenings.js';
import type { Mirror } from './mirror.js';
import {
  connectionMetrics,
  errorStats,
  heartbeatMetrics,
  heartbeatStatus,
  isHealthy,
  queueStatistics,
  reconnectionState,
  resumableSessions,
  sessionStats,
} from './views.js';

type Source = {
  [N in HappeningName]: { readonly on: N; readonly fields: readonly (keyof Happenings[N] & string)[] };
}[HappeningName];

export interface GetterRow<G extends Getter> {
  /** At least one: a getter that nothing feeds does not compile. */
  readonly feeds: readonly [Source, ...Source[]];
  readonly read: (mirror: Mirror, nowMs: number, ...args: Parameters<Getters[G]>) => ReturnType<Getters[G]>;
}

const STATE: readonly [Source, ...Source[]] = [
  { on: 'stateChanged', fields: ['state', 'revision'] },
  { on: 'connectCalled', fields: [] },
  { on: 'connectFailed', fields: [] },
  { on: 'disconnectCalled', fields: [] },
  { on: 'suspendCalled', fields: [] },
  { on: 'resumeCalled', fields: [] },
];
const ERRORS: readonly [Source, ...Source[]] = [
  { on: 'error', fields: ['error'] },
  { on: 'dropped', fields: ['reason', 'kind', 'count'] },
  { on: 'connectFailed', fields: ['error'] },
  { on: 'failedQuietly', fields: ['error'] },
];
const SESSIONS: readonly [Source, ...Source[]] = [
  { on: 'connectCalled', fields: ['session'] },
  { on: 'stateChanged', fields: ['state'] },
  { on: 'closed', fields: ['resumable'] },
  { on: 'sessionEnded', fields: ['resumable'] },
  { on: 'suspendCalled', fields: [] },
  { on: 'resumeCalled', fields: [] },
  { on: 'sessionsCleared', fields: [] },
];

export const GETTERS: { readonly [G in Getter]: GetterRow<G> } = {
  isConnected: { feeds: STATE, read: ({ state }) => state === 'connected' },
  isSetupCompleted: { feeds: STATE, read: ({ state }) => state === 'connected' },
  getConnectionState: { feeds: STATE, read: ({ state }) => state },
  getErrorStats: { feeds: [...ERRORS, { on: 'breaker', fields: ['state'] }], read: (mirror) => errorStats(mirror) },
  getRecentErrors: {
    feeds: ERRORS,
    read: ({ errors }, _, limit) =>
      limit === undefined ? [...errors.recent] : limit > 0 ? errors.recent.slice(-limit) : [],
  },
  getConnectionMetrics: {
    feeds: [
      { on: 'stateChanged', fields: ['state', 'error', 'reason'] },
      { on: 'health', fields: ['quality'] },
      { on: 'metricsReset', fields: [] },
    ],
    read: connectionMetrics,
  },
  getReconnectionState: {
    feeds: [
      { on: 'reconnecting', fields: ['attempt', 'delayMs'] },
      { on: 'stateChanged', fields: ['state', 'phase', 'attempt', 'retryInMs'] },
    ],
    read: reconnectionState,
  },
  getConnectionHistory: {
    feeds: [
      { on: 'stateChanged', fields: ['state', 'reason', 'error'] },
      { on: 'metricsReset', fields: [] },
    ],
    read: ({ history }) => [...history],
  },
  getHeartbeatStatus: {
    feeds: [
      { on: 'stateChanged', fields: ['state', 'phase'] },
      { on: 'health', fields: ['unanswered'] },
    ],
    read: heartbeatStatus,
  },
  getHeartbeatMetrics: {
    feeds: [
      { on: 'health', fields: ['pings', 'pongs', 'unanswered', 'rttAverageMs', 'healthScore'] },
      { on: 'stateChanged', fields: ['state', 'phase'] },
    ],
    read: heartbeatMetrics,
  },
  isConnectionHealthy: {
    feeds: [
      { on: 'health', fields: ['quality'] },
      { on: 'stateChanged', fields: ['state', 'phase'] },
    ],
    read: isHealthy,
  },
  getQueueStatistics: {
    feeds: [
      { on: 'queue', fields: ['heldMessages', 'unconfirmedMessages'] },
      { on: 'inputWaits', fields: ['waiting'] },
      { on: 'inputsLeft', fields: ['waiting'] },
      { on: 'retriesChanged', fields: ['active'] },
      { on: 'breaker', fields: ['state', 'failures'] },
      { on: 'stateChanged', fields: ['state'] },
    ],
    read: queueStatistics,
  },
  getCurrentSession: {
    feeds: [
      ...SESSIONS,
      { on: 'message', fields: [] },
      { on: 'inputAccepted', fields: [] },
      { on: 'turn', fields: ['event'] },
    ],
    read: ({ session }) => session && { ...session, connectionHistory: [...session.connectionHistory] },
  },
  getSessionStats: { feeds: SESSIONS, read: sessionStats },
  getResumableSessions: { feeds: SESSIONS, read: resumableSessions },
};
