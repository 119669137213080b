/** The events of what the app sends. */
import type { AppEvents } from './contract.js';
import type { Mirror } from './mirror.js';
import { type EventTable, type Scene, when } from './row.js';
import { totalQueued } from './views.js';

const queueFigures = (mirror: Mirror): { totalQueueSize: number; pendingMessages: number } => ({
  totalQueueSize: totalQueued(mirror),
  pendingMessages: mirror.queue?.unconfirmedMessages ?? 0,
});

export const SENDING = {
  messageSent: {
    since: 'R1',
    shape: '(input)',
    when: 'the sidecar accepted an input, and has a line for it; of one that was told as queued, when it has left',
    feeds: [
      {
        on: 'inputAccepted',
        fields: ['input', 'status'],
        make: ({ input, status }) => when(status === 'sent', () => [input]),
      },
      { on: 'inputLeft', fields: ['input'], make: ({ input }) => [[input]] },
    ],
  },
  messageQueued: {
    since: 'R2',
    shape: '({messageId, priority, totalQueueSize, inputType})',
    when: 'an input waits: for a session, or in the sidecar for a line. It is sent by itself, and told once',
    feeds: [
      {
        on: 'inputAccepted',
        fields: ['status', 'priority', 'inputType', 'hasWaited'],
        make: ({ status, priority, inputType, hasWaited }, scene) =>
          when(status === 'held' && !hasWaited, () => queued(priority, inputType, scene)),
      },
      {
        on: 'inputWaits',
        fields: ['priority', 'inputType', 'waiting'],
        make: ({ priority, inputType }, scene) => [queued(priority, inputType, scene)],
      },
    ],
  },
  queueUpdate: {
    since: 'R2',
    shape: "({action: 'sent' | 'queued', totalQueueSize, pendingMessages, inputType})",
    when: 'after `messageSent` or `messageQueued`',
    feeds: [
      {
        on: 'inputAccepted',
        fields: ['status', 'inputType', 'hasWaited'],
        make: ({ status, inputType, hasWaited }, { after }) =>
          when(status === 'sent' || !hasWaited, () => [
            { action: status === 'sent' ? 'sent' : 'queued', ...queueFigures(after), inputType },
          ]),
      },
      {
        on: 'inputLeft',
        fields: ['inputType'],
        make: ({ inputType }, { after }) => [[{ action: 'sent', ...queueFigures(after), inputType }]],
      },
      {
        on: 'inputWaits',
        fields: ['inputType'],
        make: ({ inputType }, { after }) => [[{ action: 'queued', ...queueFigures(after), inputType }]],
      },
    ],
  },
} satisfies Partial<EventTable>;

function queued(priority: number, inputType: string, scene: Scene): AppEvents['messageQueued'] {
  const messageId = `msg_${scene.after.count}_${scene.nowMs}`;
  return [{ messageId, priority, totalQueueSize: totalQueued(scene.after), inputType }];
}
