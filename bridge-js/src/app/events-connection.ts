/** The events of the session's state, in the order in which one happening emits them. */
import type { CloseInfo, ResponseMetadata } from './shapes.js';
import type { AppEvents } from './contract.js';
import type { Mirror } from './mirror.js';
import { hasFailed, reasonOf } from './reduce-state.js';
import { errorId } from './reduce.js';
import { fromErrorData } from './errors.js';
import { type EventTable, type Feed, type Scene, when } from './row.js';
import { reconnectionState } from './views.js';

const moved = ({ before, after }: Scene): boolean => before.state !== after.state;
const movedTo = (scene: Scene, state: Mirror['state']): boolean => moved(scene) && scene.after.state === state;
const came = ({ before, after }: Scene): boolean => after.lineUp && !before.lineUp;
const wasRecovering = ({ recovery }: Mirror): boolean => recovery.sinceMs !== undefined;
const giveUps: ReadonlySet<string> = new Set(['maxAttempts', 'maxElapsed']);

/** All that may change the app's state, with what to make of it. */
function onState<A extends readonly unknown[]>(make: (scene: Scene) => readonly A[]): [Feed<A>, ...Feed<A>[]] {
  const of = (_: unknown, scene: Scene): readonly A[] => make(scene);
  return [
    { on: 'stateChanged', fields: ['state'], make: of },
    { on: 'connectCalled', fields: [], make: of },
    { on: 'connectFailed', fields: [], make: of },
    { on: 'disconnectCalled', fields: [], make: of },
    { on: 'suspendCalled', fields: [], make: of },
    { on: 'resumeCalled', fields: [], make: of },
  ];
}

const changed = onState<AppEvents['stateChange']>((scene) =>
  when(moved(scene), () => [scene.after.state, scene.before.state]),
);

const metadata = (nowMs: number): ResponseMetadata => ({ timestamp: nowMs });

export const CONNECTION = {
  stateChange: {
    since: 'R1',
    shape: '(state, previousState)',
    when: 'the state of the app changed; always the first of its kind',
    feeds: changed,
  },
  connectionStateChanged: {
    since: 'extra',
    shape: '(state, previousState)',
    when: 'as `stateChange`',
    feeds: changed,
  },
  connecting: {
    since: 'extra',
    shape: '()',
    when: 'the state became `connecting`',
    feeds: onState((scene) => when(movedTo(scene, 'connecting'), () => [])),
  },
  reconnecting: {
    since: 'extra',
    shape: '()',
    when: 'the state became `reconnecting`',
    feeds: onState((scene) => when(movedTo(scene, 'reconnecting'), () => [])),
  },
  disconnected: {
    since: 'R1',
    shape: '({code, reason, wasClean})',
    when: 'the session lost its line, for whatever reason; `wasClean` is false for 1006 only',
    feeds: [
      {
        on: 'stateChanged',
        fields: ['state', 'reason', 'error'],
        make: (params, { before, after }) =>
          when(before.lineUp && !after.lineUp, (): [CloseInfo] => {
            const code = params.error === undefined ? 1000 : (params.error.wsCode ?? 1006);
            const reason = params.error === undefined && !before.wanted ? '' : reasonOf(params);
            return [{ code, reason, wasClean: code !== 1006 }];
          }),
      },
      {
        on: 'closed',
        fields: [],
        make: (_, { before }) => when(before.lineUp, () => [{ code: 1000, reason: '', wasClean: true }]),
      },
    ],
  },
  reconnectionAttempt: {
    since: 'R1',
    shape: '({attempt, state})',
    when: 'the wait is over and an attempt begins',
    feeds: [
      {
        on: 'stateChanged',
        fields: ['state', 'phase', 'attempt'],
        make: ({ state, phase }, { before, after, nowMs }) =>
          when(state === 'reconnecting' && phase === 'dialing' && before.phase !== 'dialing', () => [
            { attempt: after.recovery.attempt, state: reconnectionState(after, nowMs) },
          ]),
      },
    ],
  },
  reconnectionFailed: {
    since: 'R1',
    shape: '({attempt, error, state})',
    when: 'an attempt failed',
    feeds: [
      {
        on: 'stateChanged',
        fields: ['previousPhase', 'attempt', 'error'],
        make: (params, { before, after, nowMs }) =>
          when(hasFailed(params) && wasRecovering(before), () => [
            {
              attempt: before.recovery.attempt,
              error: fromErrorData(params.error!, errorId(before), nowMs),
              state: reconnectionState(after, nowMs),
            },
          ]),
      },
    ],
  },
  maxReconnectAttemptsReached: {
    since: 'R1',
    shape: '({attempts, totalTime})',
    when: 'the session gave up: `reconnect.maxAttempts` or `reconnect.maxElapsedMs`',
    feeds: [
      {
        on: 'stateChanged',
        fields: ['state', 'error'],
        make: ({ state, error }, { before, after }) =>
          when(state === 'failed' && giveUps.has(error?.kind ?? ''), () => [
            {
              attempts: before.recovery.attempt,
              totalTime: after.recovery.earlierMs - before.recovery.earlierMs,
            },
          ]),
      },
    ],
  },
  reconnectionStopped: {
    since: 'R1',
    shape: '()',
    when: 'reconnecting ended in anything but a connection',
    feeds: onState((scene) =>
      when(scene.before.state === 'reconnecting' && moved(scene) && scene.after.state !== 'connected', () => []),
    ),
  },
  connected: {
    since: 'R1',
    shape: '()',
    when: 'the service answered the setup: the session is usable, the first time and after every gap',
    feeds: [{ on: 'stateChanged', fields: ['state'], make: (_, scene) => when(came(scene), () => []) }],
  },
  setupMessageSent: {
    since: 'R2',
    shape: '({setup})',
    when: 'a setup went out, on every connection; without a handle',
    feeds: [{ on: 'setupSent', fields: ['setup'], make: ({ setup }) => [[{ setup }]] }],
  },
  setupComplete: {
    since: 'R1',
    shape: 'R1 `(payload)`, R2 `({metadata})`',
    when: 'right after `connected`',
    feeds: [
      {
        on: 'stateChanged',
        fields: ['state'],
        make: (_, scene) =>
          when(came(scene), () => [
            scene.compat === 'r1' ? scene.after.setupPayload : { metadata: metadata(scene.nowMs) },
          ]),
      },
    ],
  },
  sessionCreated: {
    since: 'R2',
    shape: '(SessionData)',
    when: 'a conversation began: the first connection, or a fresh one in place of one that was lost',
    feeds: [
      {
        on: 'stateChanged',
        fields: ['state', 'stateRestored'],
        make: ({ stateRestored }, scene) => {
          const isNew = stateRestored === undefined ? !scene.before.wasConnected : stateRestored !== 'resumed';
          return when(came(scene) && isNew && scene.after.session !== null, () => [scene.after.session!]);
        },
      },
    ],
  },
  sessionResumed: {
    since: 'R2',
    shape: '(SessionData)',
    when: 'a conversation goes on over another connection',
    feeds: [
      {
        on: 'stateChanged',
        fields: ['state', 'stateRestored'],
        make: ({ stateRestored }, scene) =>
          when(came(scene) && stateRestored === 'resumed' && scene.after.session !== null, () => [
            scene.after.session!,
          ]),
      },
    ],
  },
  sessionSuspended: {
    since: 'R2',
    shape: '(SessionData)',
    when: '`suspendCurrentSession()` was called',
    feeds: [
      {
        on: 'suspendCalled',
        fields: [],
        make: (_, { after }) => when(after.session !== null, () => [after.session!]),
      },
    ],
  },
  closed: {
    since: 'R1',
    shape: '()',
    when: 'the session that `disconnect()` ended is gone; the last event of a session',
    feeds: [{ on: 'closed', fields: [], make: () => [[]] }],
  },
} satisfies Partial<EventTable>;
