/** What a `LiveSession` tells: the notifications of one session by their short names, and what befell its process. */
import type { EventName, Notifications } from './generated/protocol.js';
import type { Secret } from './secret.js';

type Short<N> = N extends `session/${infer S}` ? S : never;

/** A short name: `transcript` for `session/transcript`. */
export type ShortName = Short<EventName>;

/**
 * The params of each notification, told as one story over all processes: `seq` counts what this session told,
 * `revision` and `turnId` go on growing, and a session that is opened again is `reconnecting`.
 */
export type Story = {
  [N in EventName as Short<N>]: N extends 'session/resumption'
    ? Omit<Notifications[N], 'handle'> & { handle?: Secret }
    : Notifications[N];
};

export interface LostEvent {
  /** Unix time, ms. */
  readonly atMs: number;
  /** Until another process is started; undefined: there will be none. */
  readonly retryInMs: number | undefined;
}

export interface LiveSessionEvents extends Story {
  /** The process that served the session is gone; the session is `reconnecting`. */
  lost: LostEvent;
  /** The session is `failed` and will not come back by itself: why. */
  failed: Error;
}

/** All notifications of a session. Typed so that one that is missing does not compile. */
const NAMES: { readonly [N in EventName]: Short<N> } = {
  'session/stateChanged': 'stateChanged',
  'session/setupSent': 'setupSent',
  'session/message': 'message',
  'session/invalidMessage': 'invalidMessage',
  'session/transcript': 'transcript',
  'session/turn': 'turn',
  'session/usage': 'usage',
  'session/toolCall': 'toolCall',
  'session/toolCallCancelled': 'toolCallCancelled',
  'session/goAway': 'goAway',
  'session/resumption': 'resumption',
  'session/reconnecting': 'reconnecting',
  'session/reconnected': 'reconnected',
  'session/health': 'health',
  'session/breaker': 'breaker',
  'session/stalled': 'stalled',
  'session/queue': 'queue',
  'session/dropped': 'dropped',
  'session/error': 'error',
};

export const SESSION_NOTIFICATIONS = Object.entries(NAMES) as readonly [EventName, ShortName][];

/** One thing to tell. */
export type Told = { [N in ShortName]: { readonly name: N; readonly params: Story[N] } }[ShortName];
