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
    when: 'the sidecar accepted an input, and has a line for it',
    feeds: [
      {
        on: 'inputAccepted',
        fields: ['input', 'status'],
        make: ({ input, status }) => when(status === 'sent', () => [input]),
      },
    ],
  },
  messageQueued: {
    since: 'R2',
    shape: '({messageId, priority, totalQueueSize, inputType})',
    when: 'an input waits: for a session, or in the sidecar for a line. It is sent by itself',
    feeds: [
      {
        on: 'inputAccepted',
        fields: ['status', 'priority', 'inputType'],
        make: ({ status, priority, inputType }, scene) =>
          when(status === 'held', () => queued(priority, inputType, scene)),
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
        fields: ['status', 'inputType'],
        make: ({ status, inputType }, { after }) => [
          [{ action: status === 'sent' ? 'sent' : 'queued', ...queueFigures(after), inputType }],
        ],
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
