/** All that can happen to a client: what its session tells, and what the app or the client itself does. */
import type { Story } from '../session-events.js';
import type { GeminiError, HeartbeatConfig, RealtimeInput, ReconnectionConfig, SessionData } from './shapes.js';

export interface Utterance {
  source: 'user' | 'model';
  text: string;
  turnId: number;
}

/** The client's own. Each name says who did what. */
export interface OwnHappenings {
  connectCalled: { session: SessionData };
  /** The call of `connect()` failed, for whatever reason. */
  connectFailed: { error: GeminiError };
  disconnectCalled: Record<never, never>;
  /** The session that the app disconnected is gone. `resumable`: its handle is kept. */
  closed: { resumable: boolean };
  /** The session ended by itself, and the app makes another one. */
  sessionEnded: { resumable: boolean };
  suspendCalled: { reason: string };
  resumeCalled: Record<never, never>;
  /** `hasWaited`: it was told as queued before, when there was no session. */
  inputAccepted: {
    input: RealtimeInput;
    inputType: string;
    status: 'sent' | 'held';
    priority: number;
    hasWaited: boolean;
  };
  /** So many times `inputAccepted` of which nobody hears. */
  inputsCounted: { count: number };
  /** The sidecar held it, and has sent it. */
  inputLeft: { input: RealtimeInput; inputType: string };
  /** There is no session yet that could take it. */
  inputWaits: { inputType: string; priority: number; waiting: Readonly<Record<string, number>> };
  inputsLeft: { waiting: Readonly<Record<string, number>> };
  retriesChanged: { active: number };
  /** Something the app asked for failed, and no call of the app waits for it. */
  failedQuietly: { error: GeminiError };
  /** 100 ms of a wait passed. */
  ticked: Record<never, never>;
  /** All that one side said in a turn: the final of `session/transcript`, its runs put together. */
  utterance: Utterance;
  reconnectionConfigured: { config: ReconnectionConfig };
  heartbeatConfigured: { config: HeartbeatConfig };
  metricsReset: Record<never, never>;
  sessionsCleared: Record<never, never>;
}

export type Happenings = Story & OwnHappenings;
export type HappeningName = keyof Happenings;

export type Happening = { [N in HappeningName]: { readonly name: N; readonly params: Happenings[N] } }[HappeningName];

/** The client's own, as the documentation calls them. */
export const OWN_HAPPENINGS: { readonly [N in keyof OwnHappenings]: string } = {
  connectCalled: '`connect()`',
  connectFailed: 'the end of `connect()`',
  disconnectCalled: '`disconnect()`',
  closed: 'the end of `disconnect()`',
  sessionEnded: '`connect()` after the session ended by itself',
  suspendCalled: '`suspendCurrentSession()`',
  resumeCalled: '`connect()`, `resumeSpecificSession()` of a session that is there',
  inputAccepted: 'the answer to `session/send` or `session/sendAudio`',
  inputsCounted: 'several answers to `session/send` or `session/sendAudio`',
  inputLeft: '`session/queue` with `heldMessages` 0',
  inputWaits: '`sendRealtimeInput()` without a session',
  inputsLeft: '`connect()` with inputs that waited',
  retriesChanged: 'a refused input that is tried again',
  failedQuietly: 'what failed without a call that waits for it',
  ticked: 'a timer of 100 ms, during the `delayMs` of `session/reconnecting`',
  utterance: '`session/transcript` with `final`',
  reconnectionConfigured: '`updateReconnectionConfig()`',
  heartbeatConfigured: '`updateHeartbeatConfig()`',
  metricsReset: '`resetConnectionMetrics()`',
  sessionsCleared: '`clearAllSessions()`',
};
