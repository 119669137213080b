/** What a window may ask of its client: each method with the check of its arguments, which come from a web page. */
import { DEFAULT_MIME_TYPE, isPcm } from '../app/audio.js';
import type { GeminiLiveWebSocketClient } from '../app/client.js';
import type { RealtimeInput } from '../app/shapes.js';
import type { Status, WindowMethod } from './channels.js';

/** The client, or whatever else has these of its methods. */
export type CallableClient = Pick<
  GeminiLiveWebSocketClient,
  | 'connect'
  | 'disconnect'
  | 'sendRealtimeInput'
  | 'sendTurnCompletion'
  | 'sendToolCallResponse'
  | 'getConnectionState'
  | 'isSetupCompleted'
  | 'getReconnectionState'
  | 'getConnectionMetrics'
  | 'getHeartbeatMetrics'
  | 'getQueueStatistics'
>;

/** Ten seconds of speech: a chunk has 20 to 40 ms. */
const MAX_AUDIO_BYTES = 320_000;
const MAX_TEXT_LENGTH = 100_000;

export const CALLS: {
  readonly [M in WindowMethod]: (client: CallableClient, args: readonly unknown[]) => Promise<unknown> | Status;
} = {
  connect: (client) => client.connect(),
  disconnect: (client) => client.disconnect(),
  sendRealtimeInput: (client, [input]) => client.sendRealtimeInput(inputOf(input)),
  sendTurnCompletion: (client) => client.sendTurnCompletion(),
  sendToolCallResponse: (client, [id, name, result]) =>
    client.sendToolCallResponse(text('id', id), text('name', name), result),
  getStatus: (client) => ({
    state: client.getConnectionState(),
    isSetupCompleted: client.isSetupCompleted(),
    reconnection: client.getReconnectionState(),
    metrics: client.getConnectionMetrics(),
    heartbeat: client.getHeartbeatMetrics(),
    queue: client.getQueueStatistics(),
  }),
};

/** @throws TypeError when it is anything but what the page may send. */
function inputOf(given: unknown): RealtimeInput {
  const input = record('input', given, ['audio', 'text', 'audioStreamEnd']);
  return {
    ...(input['audio'] !== undefined && { audio: audioOf(input['audio']) }),
    ...(input['text'] !== undefined && { text: text('text', input['text']) }),
    ...(input['audioStreamEnd'] === true && { audioStreamEnd: true }),
  };
}

function audioOf(given: unknown): { data: string; mimeType: string } {
  const { data, mimeType = DEFAULT_MIME_TYPE } = record('audio', given, ['data', 'mimeType']);
  if (!isPcm(mimeType)) {
    throw new TypeError(`audio.mimeType must be such as "${DEFAULT_MIME_TYPE}".`);
  }
  const isText = typeof data === 'string';
  const bytes = isText ? (data.length * 3) / 4 : bytesOf(data)?.byteLength;
  if (bytes === undefined) throw new TypeError('audio.data must be base64, a typed array or an ArrayBuffer.');
  if (bytes > MAX_AUDIO_BYTES) throw new TypeError(`audio.data has ${bytes} bytes; send at most ${MAX_AUDIO_BYTES} at a time.`);
  return { data: isText ? data : bytesOf(data)!.toString('base64'), mimeType };
}

function bytesOf(data: unknown): Buffer | undefined {
  if (data instanceof ArrayBuffer) return Buffer.from(data);
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : undefined;
}

function record(name: string, value: unknown, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new TypeError(`${name} must be an object.`);
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new TypeError(`${name}.${unknown} is unknown; there are ${known.join(', ')}.`);
  return value as Record<string, unknown>;
}

function text(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= MAX_TEXT_LENGTH) return value;
  throw new TypeError(`${name} must be a text of 1 to ${MAX_TEXT_LENGTH} characters.`);
}
