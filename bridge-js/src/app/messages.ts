/** The two views of a server message that the app knows. Pure. */
import type { MessageType } from './enums.js';
import { MessagePriority } from './enums.js';
import type { ParsedGeminiResponse, ProcessedMessage, ResponseMetadata, ToolCallInfo } from './shapes.js';

type Json = Record<string, unknown>;

export interface AudioPart {
  readonly data: string;
  readonly mimeType: string;
}

/** The parts of the message that a table of events asks for. A field of an unexpected type is as if it were absent. */
export function contentOf(message: Json): Json | undefined {
  return object(message['serverContent']);
}

export function audioParts(message: Json): AudioPart[] {
  return parts(message).flatMap((part) => {
    const { data, mimeType } = object(part['inlineData']) ?? {};
    const isAudio = typeof data === 'string' && data !== '' && String(mimeType).startsWith('audio/');
    return isAudio ? [{ data, mimeType: String(mimeType) }] : [];
  });
}

export function inputTranscription(message: Json): string | undefined {
  return text(object(contentOf(message)?.['inputTranscription']));
}

/** As the app's message handler gave it, with the type the message really has. */
export function processed(message: Json, count: number, nowMs: number): ProcessedMessage {
  const [type, payload] = typeAndPayload(message);
  const metadata = { id: `msg_${nowMs}_${count}`, timestamp: nowMs, type, priority: priorityOf(type) };
  return { original: message, type, metadata, payload, isValid: true };
}

/** A frame that could not be read. */
export function unreadable(reason: string, sizeBytes: number, count: number, nowMs: number): ProcessedMessage {
  const type = 'error';
  const metadata = { id: `msg_${nowMs}_${count}`, timestamp: nowMs, type, priority: priorityOf(type) } as const;
  const errors = [`${reason} (${sizeBytes} bytes)`];
  return { original: null, type, metadata, payload: null, isValid: false, errors };
}

/** As the app's parser gave it: one type per message, the first that fits. */
export function parsed(message: Json, count: number, turnId: number, nowMs: number): ParsedGeminiResponse {
  const base: ResponseMetadata = { messageId: `msg_${nowMs}_${count}`, timestamp: nowMs };
  const inTurn: ResponseMetadata = { ...base, turnId: String(turnId) };
  const content = contentOf(message);
  const user = inputTranscription(message);
  const model = text(object(content?.['outputTranscription'])) ?? spoken(message);
  const [audio] = audioParts(message);
  const isPartial = content?.['turnComplete'] !== true;
  if (message['setupComplete'] !== undefined) return { type: 'setup_complete', content: null, metadata: base };
  const [call] = toolCalls(message);
  if (call !== undefined) return { type: 'tool_call', content: null, metadata: inTurn, toolCall: call };
  const cancelled = object(message['toolCallCancellation']);
  if (cancelled !== undefined) {
    const ids = Array.isArray(cancelled['ids']) ? cancelled['ids'].map(String) : [];
    return { type: 'tool_call_cancellation', content: null, metadata: base, toolCallCancellation: { ids } };
  }
  const goAway = object(message['goAway']);
  if (goAway !== undefined) {
    const timeLeft = String(goAway['timeLeft'] ?? '');
    return { type: 'go_away', content: null, metadata: { ...base, timeLeft }, goAway: { timeLeft } };
  }
  const update = object(message['sessionResumptionUpdate']);
  if (update !== undefined) {
    const resumable = update['resumable'] === true;
    const metadata = { ...base, resumable };
    return { type: 'session_resumption_update', content: null, metadata, sessionResumptionUpdate: { resumable } };
  }
  if (user !== undefined) {
    return { type: 'text', content: user, metadata: { ...inTurn, inputTranscription: true, isPartial } };
  }
  if (model !== undefined) return { type: 'text', content: model, metadata: { ...inTurn, modelTurn: true, isPartial } };
  if (audio !== undefined) return { type: 'audio', content: audio.data, metadata: { ...inTurn, modelTurn: true } };
  if (!isPartial) return { type: 'turn_complete', content: null, metadata: inTurn };
  return { type: 'text', content: null, metadata: inTurn };
}

function typeAndPayload(message: Json): [MessageType, unknown] {
  const content = contentOf(message);
  if (message['setupComplete'] !== undefined) return ['setup_complete', message['setupComplete']];
  if (content === undefined) return ['server_content', message];
  if (content['turnComplete'] === true) return ['turn_complete', content];
  const [audio] = audioParts(message);
  if (audio !== undefined) return ['audio_data', audio.data];
  if (object(content['modelTurn']) !== undefined) return ['model_turn', content['modelTurn']];
  return ['server_content', content];
}

function priorityOf(type: MessageType): ProcessedMessage['metadata']['priority'] {
  if (type === 'error') return MessagePriority.URGENT;
  return type === 'setup_complete' ? MessagePriority.HIGH : MessagePriority.NORMAL;
}

function toolCalls(message: Json): ToolCallInfo[] {
  const calls = object(message['toolCall'])?.['functionCalls'];
  return (Array.isArray(calls) ? calls : []).map((call: Json) => ({
    name: String(call['name'] ?? ''),
    parameters: object(call['args']) ?? {},
    id: String(call['id'] ?? ''),
  }));
}

/** What the model wrote, its thoughts left out. */
function spoken(message: Json): string | undefined {
  const said = parts(message).filter((part) => part['thought'] !== true && typeof part['text'] === 'string');
  const joined = said.map((part) => part['text']).join('');
  return joined === '' ? undefined : joined;
}

function parts(message: Json): Json[] {
  const found = object(contentOf(message)?.['modelTurn'])?.['parts'];
  return Array.isArray(found) ? found.filter((part): part is Json => object(part) !== undefined) : [];
}

function text(holder: Json | undefined): string | undefined {
  const value = holder?.['text'];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function object(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}
