/** The events of what was said, in the order in which one happening emits them. */
import type { Happenings, Utterance } from './happenings.js';
import { audioParts, contentOf, inputTranscription, parsed, processed } from './messages.js';
import { type EventTable, type Feed, type Scene, when } from './row.js';
import type { ResponseMetadata } from './shapes.js';

type Said = Pick<Utterance, 'source' | 'text' | 'turnId'>;

/** Every text: its deltas as they come, and at the end of the turn the whole. Never an empty one. */
function onText<A extends readonly unknown[]>(
  make: (said: Said, isFinal: boolean, scene: Scene) => readonly A[],
): [Feed<A>, ...Feed<A>[]] {
  const ofDelta = (said: Happenings['transcript'], scene: Scene): readonly A[] =>
    said.final || said.interim || said.text === '' ? [] : make(said, false, scene);
  return [
    { on: 'transcript', fields: ['source', 'text', 'final', 'turnId'], make: ofDelta },
    { on: 'utterance', fields: ['source', 'text', 'turnId'], make: (said, scene) => make(said, true, scene) },
  ];
}

function textMetadata({ source, turnId }: Said, isFinal: boolean, nowMs: number): ResponseMetadata {
  const whose = source === 'user' ? { inputTranscription: true } : { modelTurn: true };
  return { timestamp: nowMs, turnId: String(turnId), isPartial: !isFinal, ...whose };
}

const nth = ({ after }: Scene): number => after.count;

export const CONTENT = {
  message: {
    since: 'R1',
    shape: '(ProcessedMessage)',
    when: 'every message of the service',
    feeds: [
      {
        on: 'message',
        fields: ['message'],
        make: ({ message }, scene) => [[processed(message, nth(scene), scene.nowMs)]],
      },
    ],
  },
  geminiResponse: {
    since: 'R2',
    shape: '(ParsedGeminiResponse)',
    when: 'every message of the service',
    feeds: [
      {
        on: 'message',
        fields: ['message'],
        make: ({ message }, scene) => [[parsed(message, nth(scene), scene.after.turnId, scene.nowMs)]],
      },
    ],
  },
  serverContent: {
    since: 'R1',
    shape: '(payload)',
    when: 'a message has `serverContent`: that',
    feeds: [
      {
        on: 'message',
        fields: ['message'],
        make: ({ message }) => when(contentOf(message) !== undefined, () => [contentOf(message)]),
      },
    ],
  },
  modelTurn: {
    since: 'R1',
    shape: '(payload)',
    when: 'a message has `serverContent.modelTurn`: that',
    feeds: [
      {
        on: 'message',
        fields: ['message'],
        make: ({ message }) => {
          const turn = contentOf(message)?.['modelTurn'];
          return when(turn !== undefined, () => [turn]);
        },
      },
    ],
  },
  audioData: {
    since: 'R1',
    shape: '(base64)',
    when: "each piece of the model's audio: PCM16, 24 kHz",
    feeds: [
      { on: 'message', fields: ['message'], make: ({ message }) => audioParts(message).map(({ data }) => [data]) },
    ],
  },
  audioResponse: {
    since: 'R2',
    shape: '({content, metadata})',
    when: 'as `audioData`; `content` is base64',
    feeds: [
      {
        on: 'message',
        fields: ['message'],
        make: ({ message }, { after, nowMs }) =>
          audioParts(message).map(({ data }) => [
            { content: data, metadata: { timestamp: nowMs, modelTurn: true, turnId: String(after.turnId) } },
          ]),
      },
    ],
  },
  textResponse: {
    since: 'R2',
    shape: '({content, metadata, isPartial})',
    when: 'every text, of the user or the model (`metadata` tells which); a delta while `isPartial`, at the end the whole',
    feeds: onText((said, isFinal, { nowMs }) => [
      [{ content: said.text, metadata: textMetadata(said, isFinal, nowMs), isPartial: !isFinal }],
    ]),
  },
  transcriptionUpdate: {
    since: 'R2',
    shape: '({text, confidence, isFinal})',
    when: "the user's own speech only; `confidence` is undefined, the service tells none",
    feeds: onText(({ source, text }, isFinal) =>
      when(source === 'user', () => [{ text, confidence: undefined, isFinal }]),
    ),
  },
  transcription: {
    since: 'R1',
    shape: 'R1 `(ProcessedMessage)`, R2 `({text, confidence, duration, source})`',
    when: "R1: each message with a piece of the user's speech. R2: the whole of it, at the end; `source` is `user`",
    feeds: [
      {
        on: 'message',
        fields: ['message'],
        make: ({ message }, scene) =>
          when(scene.compat === 'r1' && inputTranscription(message) !== undefined, () => [
            processed(message, nth(scene), scene.nowMs),
          ]),
      },
      {
        on: 'utterance',
        fields: ['source', 'text'],
        make: ({ source, text }, { before, nowMs, compat }) =>
          when(compat === 'r2' && source === 'user', () => [
            { text, confidence: undefined, duration: nowMs - (before.speakingSinceMs.user ?? nowMs), source },
          ]),
      },
    ],
  },
  chatResponse: {
    since: 'R2',
    shape: '({text, metadata, isFinal})',
    when: "the model's text only",
    feeds: onText((said, isFinal, { nowMs }) =>
      when(said.source === 'model', () => [{ text: said.text, metadata: textMetadata(said, isFinal, nowMs), isFinal }]),
    ),
  },
  turnComplete: {
    since: 'R1',
    shape: 'R1 `(payload)`, R2 `({turnId, metadata})`',
    when: "the model's turn is over, after its final texts",
    feeds: [
      {
        on: 'turn',
        fields: ['event', 'turnId'],
        make: ({ event, turnId, turnCompleteReason }, { compat, nowMs }) =>
          when(event === 'complete', () => {
            const reason = turnCompleteReason === undefined ? {} : { turnCompleteReason };
            if (compat === 'r1') return [{ turnComplete: true, ...reason }];
            return [{ turnId: String(turnId), metadata: { timestamp: nowMs, turnId: String(turnId) } }];
          }),
      },
    ],
  },
  toolCall: {
    since: 'R2',
    shape: '({name, parameters, id})',
    when: 'the model asks for a function, one event per call; of a call in pieces the last',
    feeds: [
      {
        on: 'toolCall',
        fields: ['name', 'args', 'id', 'willContinue'],
        make: ({ name, args, id, willContinue }) => when(!willContinue, () => [{ name, parameters: args, id }]),
      },
    ],
  },
  toolCallCancellation: {
    since: 'R2',
    shape: '({ids, metadata})',
    when: 'these calls must not be answered any more',
    feeds: [
      {
        on: 'toolCallCancelled',
        fields: ['ids'],
        make: ({ ids }, { nowMs }) => [[{ ids, metadata: { timestamp: nowMs } }]],
      },
    ],
  },
} satisfies Partial<EventTable>;
