/**
 * The fixed channel map between main process and windows: which events may be forwarded, what a window may ask for.
 * It imports nothing, for it becomes part of the preload script.
 */
import type { AppEvents } from '../app/contract.js';
import type * as Shapes from '../app/shapes.js';

/**
 * The events that a window may hear: those of the client, and `interrupted`, the user speaking over the model: what
 * waits to be played must be thrown away. `sessionResumptionUpdate` is not among them: its handle is a secret.
 */
export interface WindowEvents extends Omit<AppEvents, 'sessionResumptionUpdate' | 'sessionError'> {
  interrupted: [];
  sessionError: [data: { session: Shapes.SessionData | null; error: string }];
}

export type WindowEvent = keyof WindowEvents;

/** Each with whether it is forwarded unless the app chooses otherwise. The raw ones, which tell all twice, are not. */
const EVENTS: { readonly [E in WindowEvent]: boolean } = {
  stateChange: true,
  connectionStateChanged: false,
  connecting: false,
  reconnecting: false,
  connected: true,
  disconnected: true,
  closed: true,
  setupMessageSent: false,
  setupComplete: true,
  sessionCreated: true,
  sessionResumed: true,
  sessionSuspended: true,
  sessionError: true,
  reconnectionStarted: true,
  reconnectionProgress: false,
  reconnectionAttempt: true,
  reconnectionFailed: true,
  reconnectionCountdown: true,
  reconnectionStopped: true,
  maxReconnectAttemptsReached: true,
  connectionQualityUpdate: true,
  qualityUpdate: false,
  health_changed: true,
  pong: false,
  goAway: true,
  circuitBreakerOpen: true,
  circuitBreakerStateChange: true,
  error: true,
  networkError: false,
  websocketError: false,
  apiError: false,
  geminiError: false,
  invalidMessage: false,
  message: false,
  geminiResponse: false,
  serverContent: false,
  modelTurn: false,
  interrupted: true,
  audioData: false,
  audioResponse: true,
  textResponse: true,
  transcriptionUpdate: true,
  transcription: true,
  chatResponse: true,
  turnComplete: true,
  toolCall: true,
  toolCallCancellation: true,
  messageSent: false,
  messageQueued: true,
  queueUpdate: true,
};

/** What a window may ask for. */
export const METHODS = [
  'connect',
  'disconnect',
  'sendRealtimeInput',
  'sendTurnCompletion',
  'sendToolCallResponse',
  'getStatus',
] as const;

export type WindowMethod = (typeof METHODS)[number];

/** The client's getters at one moment. */
export interface Status {
  readonly state: Shapes.QueueStatistics['connectionState'];
  readonly isSetupCompleted: boolean;
  readonly reconnection: Shapes.ReconnectionState;
  readonly metrics: Shapes.ConnectionMetrics;
  readonly heartbeat: Shapes.HeartbeatMetrics;
  readonly queue: Shapes.QueueStatistics;
}

export const ALL_EVENTS = Object.keys(EVENTS) as readonly WindowEvent[];
export const DEFAULT_EVENTS: readonly WindowEvent[] = ALL_EVENTS.filter((event) => EVENTS[event]);

export const isWindowEvent = (name: unknown): name is WindowEvent =>
  typeof name === 'string' && Object.prototype.hasOwnProperty.call(EVENTS, name);

/** From main to the windows. */
export const eventChannel = (event: WindowEvent): string => `live-sidecar:event:${event}`;

/** From a window to main. */
export const callChannel = (method: WindowMethod): string => `live-sidecar:call:${method}`;

/** What a call is answered with; an error would lose all but its text on the way, and get Electron's own words before it. */
export type Answer = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string };
