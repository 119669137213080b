/** The events of what went wrong, in the order in which one happening emits them. */
import { API_TYPES, NETWORK_TYPES } from './errors.js';
import { unreadable } from './messages.js';
import { type EventTable, type Feed, type Scene, when } from './row.js';
import type { GeminiError } from './shapes.js';

/** Everything that counts an error, with the error it counted. */
function onError<A extends readonly unknown[]>(
  make: (error: GeminiError, scene: Scene) => readonly A[],
): [Feed<A>, ...Feed<A>[]] {
  const of = (_: unknown, scene: Scene): readonly A[] => {
    const error = scene.after.errors.recent.at(-1);
    const isNew = scene.after.errors.total > scene.before.errors.total;
    return isNew && error !== undefined ? make(error, scene) : [];
  };
  return [
    { on: 'error', fields: ['error'], make: of },
    { on: 'dropped', fields: ['reason', 'kind', 'count'], make: of },
    { on: 'connectFailed', fields: ['error'], make: of },
    { on: 'failedQuietly', fields: ['error'], make: of },
  ];
}

const codeOf = (error: GeminiError): string | number => error.code ?? error.type;
const detailsOf = (error: GeminiError): Record<string, unknown> => error.details ?? {};
const isApi = ({ type }: GeminiError): boolean => API_TYPES.has(type);

export const ERRORS = {
  error: {
    since: 'R1',
    shape: '(GeminiError)',
    when: 'anything went wrong, also what is recovered by itself (`retryable`); never throws',
    feeds: onError((error) => [[error]]),
  },
  networkError: {
    since: 'R1',
    shape: '(GeminiError)',
    when: 'beside `error`: the types network, connection_refused, dns_error, ssl_error, timeout',
    feeds: onError((error) => when(NETWORK_TYPES.has(error.type), () => [error])),
  },
  websocketError: {
    since: 'R1',
    shape: '(GeminiError)',
    when: 'beside `error`: the type websocket',
    feeds: onError((error) => when(error.type === 'websocket', () => [error])),
  },
  apiError: {
    since: 'R1',
    shape: '({code, message, details})',
    when: 'beside `error`: the service refused; the types api, authentication, model_error, quota_exceeded, rate_limit, service_unavailable, validation',
    feeds: onError((error) =>
      when(isApi(error), () => [{ code: codeOf(error), message: error.message, details: detailsOf(error) }]),
    ),
  },
  geminiError: {
    since: 'R2',
    shape: '({code, message, details, handledError})',
    when: 'as `apiError`',
    feeds: onError((error) =>
      when(isApi(error), () => [
        { code: codeOf(error), message: error.message, details: detailsOf(error), handledError: error },
      ]),
    ),
  },
  sessionError: {
    since: 'R2',
    shape: '({session, error: string})',
    when: 'the session failed, and stays so until `connect()`',
    feeds: [
      {
        on: 'error',
        fields: ['error', 'fatal'],
        make: ({ error, fatal }, { after }) => when(fatal, () => [{ session: after.session, error: error.message }]),
      },
      {
        on: 'connectFailed',
        fields: ['error'],
        make: ({ error }, { before, after }) =>
          when(before.wanted && !before.fatalTold, () => [{ session: after.session, error: error.message }]),
      },
    ],
  },
  invalidMessage: {
    since: 'R1',
    shape: '(ProcessedMessage)',
    when: 'a frame of the service was no JSON object; the session goes on',
    feeds: [
      {
        on: 'invalidMessage',
        fields: ['reason', 'sizeBytes'],
        make: ({ reason, sizeBytes }, scene) => [[unreadable(reason, sizeBytes, scene.after.count, scene.nowMs)]],
      },
    ],
  },
} satisfies Partial<EventTable>;
