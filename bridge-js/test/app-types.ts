/** Not run: `tsc` checks that listeners written the way the app writes them fit our types. */
import type { EventEmitter } from 'node:events';
import DefaultClient, {
  ConnectionState,
  ErrorType,
  GeminiLiveWebSocketClient,
  HeartbeatStatus,
  MessagePriority,
  MessageType,
  QueuePriority,
  ReconnectionStrategy,
  ResponseModality,
  type AppEvent,
  type ConnectionMetrics,
  type GeminiError,
  type ParsedGeminiResponse,
  type ProcessedMessage,
  type ReconnectionState,
  type SessionData,
} from '../src/app/index.js';
import type { GetterRow } from '../src/app/getters.js';
import type { EventTable, Row } from '../src/app/row.js';
import { EVENTS } from '../src/app/table.js';
import { GeminiLiveWebSocketClient as FromRoot } from '../src/index.js';

interface Status {
  state: ConnectionState;
  quality?: string;
  metrics?: ConnectionMetrics;
  attempts?: number;
  nextDelay?: number;
}

export function mainProcess(env: Record<string, string | undefined>): GeminiLiveWebSocketClient {
  const client: FromRoot = new DefaultClient({
    apiKey: env['GEMINI_API_KEY'] || '',
    model: 'gemini-live-2.5-flash-preview',
    responseModalities: [ResponseModality.AUDIO],
    systemInstruction: 'You transcribe.',
    reconnectAttempts: 5,
    heartbeatInterval: 30000,
    connectionTimeout: 10000,
    reconnectionStrategy: ReconnectionStrategy.EXPONENTIAL,
    reconnectionConfig: {
      maxAttempts: 10,
      strategy: ReconnectionStrategy.CUSTOM,
      customDelayFunction: (attempt) => attempt * 500,
    },
    maxQueueSize: 100,
    generationConfig: { temperature: 0.1, topP: 0.95, maxOutputTokens: 8192, candidateCount: 1 },
  });
  const send = (channel: string, ...args: unknown[]): void => void [channel, args];
  client.on('stateChange', (state, previousState) =>
    send('state', state, previousState, state === ConnectionState.CONNECTED),
  );
  client.on('connected', () => send('connected'));
  client.on('disconnected', (event) => send('closed', event.code, event.reason, event.wasClean));
  client.on('error', (error: GeminiError) =>
    send('error', error.type === ErrorType.NETWORK, error.message, error.retryable),
  );
  client.on('error', (error: Error) => send('error', error.message, error.stack));
  client.on('transcriptionUpdate', (data: { text: string; confidence?: number | undefined; isFinal: boolean }) =>
    send('t', data.text),
  );
  client.on('chatResponse', ({ text, isFinal }) => isFinal && send('chat', text));
  client.on(
    'textResponse',
    (response) => !response.isPartial && send('text', response.content, response.metadata.turnId),
  );
  client.on('audioResponse', ({ content }) => send('audio', Buffer.from(content, 'base64')));
  client.on(
    'message',
    (message: ProcessedMessage) => message.type === MessageType.AUDIO_DATA && send('m', message.payload),
  );
  client.on('message', ({ metadata }) => metadata.priority > MessagePriority.NORMAL && send('urgent'));
  client.on('geminiResponse', (response: ParsedGeminiResponse) => send(response.type, response.content));
  client.on('toolCall', async (call) => {
    await client.sendToolCallResponse(call.id, call.name, { parameters: call.parameters });
  });
  client.on('turnComplete', (data: { turnId?: string }) => send('turn', data.turnId));
  client.on('setupComplete', (data) => send('setup', data.metadata));
  client.on(
    'reconnectionStarted',
    ({ attempt, delay, state }: { attempt: number; delay: number; state: ReconnectionState }) =>
      send('r', attempt, delay, state),
  );
  client.once('sessionCreated', (session: SessionData) => send('session', session.createdAt.toISOString()));
  client.on('goAway', (data) => send('goAway', data.timeLeft));
  client.on('invalidGeminiMessage', (anything) => send('never emitted', anything));
  client.prependListener('connected', () => send('first'));
  return client;
}

/** The status component: it subscribes with named handlers, and takes them back. */
export function statusComponent(
  client: GeminiLiveWebSocketClient,
  setStatus: (change: (status: Status) => Status) => void,
): () => void {
  const handleConnecting = (): void => setStatus((status) => ({ ...status, state: ConnectionState.CONNECTING }));
  const handleReconnecting = (): void => setStatus((status) => ({ ...status, state: 'reconnecting' }));
  const handleQualityUpdate = (quality: string, metrics: ConnectionMetrics): void =>
    setStatus((status) => ({ ...status, quality, metrics }));
  const handleProgress = (attempts: number, nextDelay: number): void =>
    setStatus((status) => ({ ...status, attempts, nextDelay }));
  client.on('connecting', handleConnecting);
  client.on('reconnecting', handleReconnecting);
  client.on('qualityUpdate', handleQualityUpdate);
  client.on('reconnectionProgress', handleProgress);
  if (client.isConnected()) setStatus((status) => ({ ...status, state: client.getConnectionState() }));
  return () => {
    client.off('connecting', handleConnecting);
    client.off('reconnecting', handleReconnecting);
    client.removeListener('qualityUpdate', handleQualityUpdate).removeAllListeners('reconnectionProgress');
  };
}

export async function use(client: GeminiLiveWebSocketClient): Promise<void> {
  await client.connect();
  await client.sendRealtimeInput(
    { audio: { data: '', mimeType: 'audio/pcm;rate=16000' } },
    { priority: QueuePriority.HIGH, maxRetries: 2, timeout: 5000, expectResponse: true },
  );
  await client.sendRealtimeInput({ audioStreamEnd: true });
  await client.sendTurnCompletion();
  const healthy: boolean = client.isConnectionHealthy() && client.getHeartbeatStatus() === HeartbeatStatus.MONITORING;
  const figures: number[] = [
    client.getErrorStats().total,
    client.getRecentErrors(5).length,
    client.getHeartbeatMetrics().healthScore,
    client.getQueueStatistics().totalQueuedMessages,
    client.getSessionStats().resumable,
    client.getConnectionHistory().length,
    client.getConnectionMetrics().totalUptime,
    client.getReconnectionState().nextAttemptIn,
  ];
  client.updateHeartbeatConfig({ interval: 15000 });
  client.updateReconnectionConfig({ maxAttempts: 3 });
  client.resetConnectionMetrics();
  client.suspendCurrentSession('sleep');
  const [resumable] = client.getResumableSessions();
  const resumed: boolean = client.resumeSpecificSession(resumable?.sessionId ?? '');
  client.clearAllSessions();
  void [healthy, figures, resumed, client.getCurrentSession()?.sessionId, client.listenerCount('error')];
  await client.disconnect();
  await client.destroy();
}

export function refused(client: GeminiLiveWebSocketClient): void {
  // @ts-expect-error no key
  void new GeminiLiveWebSocketClient({});
  // @ts-expect-error another modality
  void new GeminiLiveWebSocketClient({ apiKey: 'k', responseModalities: ['SMELL'] });
  // @ts-expect-error audio has no such field
  void client.sendRealtimeInput({ audio: { bytes: '' } });
  // @ts-expect-error another shape
  client.on('chatResponse', ({ words }) => words);
  // @ts-expect-error a string is no object
  client.on('stateChange', (state: { name: string }) => state);
  // @ts-expect-error the same for the others
  client.once('audioData', (audio: ArrayBuffer) => audio);
  // @ts-expect-error
  client.addListener('audioData', (audio: ArrayBuffer) => audio);
  // @ts-expect-error
  client.prependListener('audioData', (audio: ArrayBuffer) => audio);
  // @ts-expect-error
  client.prependOnceListener('audioData', (audio: ArrayBuffer) => audio);
  // @ts-expect-error
  client.off('audioData', (audio: ArrayBuffer) => audio);
  // @ts-expect-error
  client.removeListener('audioData', (audio: ArrayBuffer) => audio);
  // @ts-expect-error
  client.emit('audioData', 1);
}

/** Names that are not in the contract, and ways to listen that do not look at the arguments. */
export function allowed(client: GeminiLiveWebSocketClient, name: string, known: AppEvent): void {
  const anything = (...args: any[]): void => void args;
  client.on('ownEvent', (count: number) => count);
  client.once(Symbol('own'), anything).off(name, anything).on(name, (first: string) => first);
  client.on(known, anything).removeListener(known, (...args: unknown[]) => void args);
  client.emit('ownEvent', 1, 'two');
  client.emit('audioData', 'AAAA');
  const emitter: EventEmitter = client;
  emitter.on('connected', anything);
}

const about = { since: 'R1', shape: '()', when: 'never' } as const;

/** An event or getter that nothing feeds, or that a field feeds which is not there, does not compile. */
export function unfed(): unknown[] {
  // @ts-expect-error no feed
  const nothing: Row<'connected'> = { ...about, feeds: [] };
  // @ts-expect-error no such notification
  const nowhere: Row<'connected'> = { ...about, feeds: [{ on: 'sung', fields: [], make: () => [] }] };
  // @ts-expect-error no such field
  const missing: Row<'connected'> = { ...about, feeds: [{ on: 'goAway', fields: ['timeRight'], make: () => [] }] };
  // @ts-expect-error other arguments than the event has
  const other: Row<'stateChange'> = { ...about, feeds: [{ on: 'goAway', fields: [], make: () => [[1]] }] };
  const { closed: _, ...rest } = EVENTS;
  // @ts-expect-error an event is missing
  const incomplete: EventTable = rest;
  // @ts-expect-error no feed
  const getter: GetterRow<'isConnected'> = { feeds: [], read: () => true };
  return [nothing, nowhere, missing, other, incomplete, getter];
}
