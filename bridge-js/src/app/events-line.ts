/** The events of how the line does, and of what is about to happen to it. */
import type { AppEvents } from './contract.js';
import { type EventTable, when } from './row.js';
import { BREAKER_STATES } from './states.js';
import { connectionMetrics, heartbeatMetrics, isHealthy, reconnectionState } from './views.js';

export const LINE = {
  reconnectionStarted: {
    since: 'R1',
    shape: '({attempt, delay, state})',
    when: 'an attempt was decided; once more when a hint changes its wait. Also for a first connection',
    feeds: [
      {
        on: 'reconnecting',
        fields: ['attempt', 'delayMs'],
        make: ({ delayMs }, { after, nowMs }) =>
          when(after.wanted, () => [
            { attempt: after.recovery.attempt, delay: delayMs, state: reconnectionState(after, nowMs) },
          ]),
      },
    ],
  },
  reconnectionProgress: {
    since: 'extra',
    shape: '(attempts, delay)',
    when: 'as `reconnectionStarted`',
    feeds: [
      {
        on: 'reconnecting',
        fields: ['attempt', 'delayMs'],
        make: ({ delayMs }, { after }) => when(after.wanted, () => [after.recovery.attempt, delayMs]),
      },
    ],
  },
  reconnectionCountdown: {
    since: 'R1',
    shape: '({remaining, attempt})',
    when: 'every 100 ms of a wait, while somebody listens; it stops when the attempt begins',
    feeds: [
      {
        on: 'ticked',
        fields: [],
        make: (_, { after, nowMs }) => [
          [{ remaining: Math.max(0, after.recovery.dueAtMs - nowMs), attempt: after.recovery.attempt }],
        ],
      },
    ],
  },
  connectionQualityUpdate: {
    since: 'R1',
    shape: '(quality)',
    when: 'the quality is another one',
    feeds: [
      {
        on: 'health',
        fields: ['quality'],
        make: ({ quality }, { before }) => when(before.health?.quality !== quality, () => [quality]),
      },
    ],
  },
  qualityUpdate: {
    since: 'extra',
    shape: '(quality, ConnectionMetrics)',
    when: 'as `connectionQualityUpdate`',
    feeds: [
      {
        on: 'health',
        fields: ['quality'],
        make: ({ quality }, { before, after, nowMs }) =>
          when(before.health?.quality !== quality, () => [quality, connectionMetrics(after, nowMs)]),
      },
    ],
  },
  health_changed: {
    since: 'R1',
    shape: '({healthScore, isHealthy, metrics})',
    when: 'with pongs, at most once a second, and when the quality changes',
    feeds: [
      {
        on: 'health',
        fields: ['healthScore', 'quality', 'pings', 'pongs', 'rttAverageMs'],
        make: ({ healthScore }, { after, nowMs }) => [
          [{ healthScore, isHealthy: isHealthy(after), metrics: heartbeatMetrics(after, nowMs) }],
        ],
      },
    ],
  },
  pong: {
    since: 'R1',
    shape: '({timestamp, responseTime})',
    when: 'a WebSocket pong came; at most once a second',
    feeds: [
      {
        on: 'health',
        fields: ['pongs', 'rttMs'],
        make: ({ pongs, rttMs }, { before, after, nowMs }) =>
          when(after.lineUp && pongs > (before.health?.pongs ?? 0), () => [{ timestamp: nowMs, responseTime: rttMs }]),
      },
    ],
  },
  goAway: {
    since: 'R2',
    shape: '({timeLeft, metadata})',
    when: 'the service will end this connection. Do nothing: the session is moved in time',
    feeds: [
      {
        on: 'goAway',
        fields: ['timeLeftMs'],
        make: ({ timeLeftMs }, { nowMs }) => {
          const timeLeft = `${timeLeftMs / 1000}s`;
          return [[{ timeLeft, metadata: { timestamp: nowMs, timeLeft } }]];
        },
      },
    ],
  },
  sessionResumptionUpdate: {
    since: 'R2',
    shape: '({newHandle, resumable, metadata})',
    when: 'the newest handle. `newHandle` can be read, and is not printed, serialized or cloned: it is a secret',
    feeds: [
      {
        on: 'resumption',
        fields: ['resumable', 'handle'],
        make: ({ resumable, handle }, { nowMs }) => {
          const event = { resumable, metadata: { timestamp: nowMs, resumable } };
          Object.defineProperty(event, 'newHandle', { value: handle?.reveal() ?? '', enumerable: false });
          return [[event as AppEvents['sessionResumptionUpdate'][0]]];
        },
      },
    ],
  },
  circuitBreakerOpen: {
    since: 'R2',
    shape: '({state, lastError})',
    when: 'the circuit breaker opened: no attempt for a while',
    feeds: [
      {
        on: 'breaker',
        fields: ['state'],
        make: ({ state }, { after }) =>
          when(state === 'open', () => [{ state: 'open', lastError: after.errors.recent.at(-1) }]),
      },
    ],
  },
  circuitBreakerStateChange: {
    since: 'R2',
    shape: "('closed' | 'open' | 'half_open')",
    when: 'the circuit breaker changed',
    feeds: [{ on: 'breaker', fields: ['state'], make: ({ state }) => [[BREAKER_STATES[state]]] }],
  },
} satisfies Partial<EventTable>;
