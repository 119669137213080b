/** The pure core of the app's class: what happened, and what the app hears and reads of it. Time is given. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { errorType, fromError, fromErrorData, GeminiLiveError } from '../src/app/errors.js';
import { ended, gather } from '../src/app/finals.js';
import { GETTERS } from '../src/app/getters.js';
import type { Happening, HappeningName, Happenings } from '../src/app/happenings.js';
import { newMirror, type Mirror } from '../src/app/mirror.js';
import { newHeartbeatConfig, newReconnectionConfig } from '../src/app/policies.js';
import type { AppEvent } from '../src/app/contract.js';
import { Stage } from '../src/app/stage.js';
import { EVENTS, next, tell } from '../src/app/table.js';
import { WaitingInputs, type WaitingInput } from '../src/app/waiting.js';
import { BacklogFullError, SidecarRpcError, SidecarSpawnError, SidecarTimeoutError } from '../src/errors.js';
import { ERROR_CODES } from '../src/generated/protocol.js';
import { EVENT_SHAPES, GETTER_SHAPES } from './app-shapes.js';

const DOCS = new URL('../../../docs/', import.meta.url);
const SESSION = {
  sessionId: 's',
  modelId: 'm',
  createdAt: new Date(0),
  lastActivity: new Date(0),
  status: 'active' as const,
  config: { model: 'm', responseModalities: ['AUDIO'] },
  connectionHistory: [],
  messageCount: 0,
  turnCount: 0,
};

function happening<N extends HappeningName>(name: N, params: Partial<Happenings[N]> = {}): Happening {
  return { name, params } as unknown as Happening;
}

interface Emission {
  readonly event: AppEvent;
  readonly args: readonly any[];
}

/** Plays what happens, one second apart. */
function play(all: readonly Happening[], compat: 'r1' | 'r2' = 'r2'): { mirror: Mirror; emissions: Emission[] } {
  let mirror = newMirror(newReconnectionConfig({}), newHeartbeatConfig());
  const emissions: Emission[] = [];
  let open: ReturnType<typeof gather>['open'];
  let nowMs = 1_000_000;
  const apply = (each: Happening): void => {
    const before = mirror;
    mirror = next(before, each, nowMs);
    const scene = { before, after: mirror, nowMs, compat };
    tell(each, scene, () => true, (event, args) => emissions.push({ event, args }));
  };
  for (const each of all) {
    nowMs += 1_000;
    const gathered = gather(open, each);
    open = gathered.open;
    gathered.happenings.forEach(apply);
  }
  ended(open).forEach(apply);
  return { mirror, emissions };
}

const connectCalled = happening('connectCalled', { session: SESSION });
const state = (revision: number, params: Partial<Happenings['stateChanged']>): Happening =>
  happening('stateChanged', { revision, ...params });
const connected = (revision: number): Happening =>
  state(revision, { state: 'connected', phase: 'active', previousPhase: 'setup' });
const said = (source: 'user' | 'model', text: string, more: Partial<Happenings['transcript']> = {}): Happening =>
  happening('transcript', { source, text, final: false, turnId: 1, ...more });
const texts = ({ emissions }: { emissions: Emission[] }, ...events: string[]): unknown[] =>
  emissions
    .filter(({ event }) => events.includes(event))
    .map(({ event, args }) => [
      event,
      (args[0] as { text?: string }).text ?? (args[0] as { content?: string }).content,
    ]);

test('the tables have the names of the contract, no more and no less', () => {
  assert.deepEqual(Object.keys(EVENTS).sort(), Object.keys(EVENT_SHAPES).sort());
  assert.deepEqual(Object.keys(GETTERS).sort(), Object.keys(GETTER_SHAPES).sort());
});

test('runs of several speakers make one final per side and turn; empty and interim texts are not told', () => {
  const played = play([
    said('user', 'Good '),
    said('user', 'Goo', { interim: true }),
    said('user', ''),
    said('user', 'morning. '),
    said('user', 'Good morning. ', { final: true, speakerLabel: 'a' }),
    said('user', 'Guten Tag.', { final: true, speakerLabel: 'b' }),
    said('model', 'Hello!', { final: true }),
    said('model', '', { final: true, turnId: 2 }),
    happening('turn', { turnId: 1, event: 'complete' }),
    said('user', 'Next.', { final: true, turnId: 2 }),
  ]);
  assert.deepEqual(texts(played, 'transcriptionUpdate', 'chatResponse', 'turnComplete'), [
    ['transcriptionUpdate', 'Good '],
    ['transcriptionUpdate', 'morning. '],
    ['transcriptionUpdate', 'Good morning. Guten Tag.'],
    ['chatResponse', 'Hello!'],
    ['turnComplete', undefined],
    ['transcriptionUpdate', 'Next.'],
  ]);
  assert.ok(texts(played, 'textResponse').every(([, text]: any) => text !== ''));
});

test('the finals of a turn may be read in pieces: whatever does not speak of texts comes between', () => {
  const played = play([
    said('model', 'Hello '),
    said('model', 'Hello ', { final: true }),
    happening('queue', { heldMessages: 0 }),
    happening('inputAccepted', { status: 'sent' }),
    said('model', 'world.', { final: true }),
    happening('health', { pongs: 1 }),
    happening('turn', { turnId: 1, event: 'complete' }),
    said('user', 'cut short', { final: true, turnId: 2 }),
    state(9, { state: 'reconnecting', phase: 'waiting' }),
  ]);
  assert.deepEqual(texts(played, 'transcriptionUpdate', 'chatResponse', 'turnComplete', 'stateChange'), [
    ['chatResponse', 'Hello '],
    ['chatResponse', 'Hello world.'],
    ['turnComplete', undefined],
    ['transcriptionUpdate', 'cut short'],
  ]);
});

test('within one outage the attempts are counted on, whichever process makes them', () => {
  const waiting = { state: 'reconnecting' as const, phase: 'waiting' as const };
  const dialing = { state: 'reconnecting' as const, phase: 'dialing' as const };
  const attempts = (all: Happening[]): unknown[] =>
    play([connectCalled, connected(1), ...all])
      .emissions.filter(({ event }) => event === 'reconnectionStarted' || event === 'reconnectionAttempt')
      .map(({ args }) => args[0].attempt);
  const started = (attempt: number): Happening => happening('reconnecting', { attempt, delayMs: 0 });
  assert.deepEqual(
    attempts([
      state(2, waiting),
      started(1),
      happening('resumeCalled'),
      state(3, waiting),
      started(2),
      state(4, { ...dialing, attempt: 1 }),
      connected(5),
      state(6, waiting),
      started(1),
    ]),
    [1, 2, 2, 1],
  );
  const failed = state(3, { state: 'failed', error: { kind: 'maxAttempts' } as never });
  const again = [happening('resumeCalled'), state(4, waiting), started(1)];
  assert.deepEqual(attempts([state(2, waiting), started(5), failed, ...again]), [5, 1]);
});

test('the user is never the model', () => {
  const events = (source: 'user' | 'model'): Set<string> =>
    new Set(play([said(source, 'x'), said(source, 'x', { final: true })]).emissions.map(({ event }) => event));
  assert.deepEqual([...events('user')].sort(), ['textResponse', 'transcription', 'transcriptionUpdate']);
  assert.deepEqual([...events('model')].sort(), ['chatResponse', 'textResponse']);
});

test('an older revision changes nothing and says nothing; a new connect() begins anew', () => {
  const { mirror, emissions } = play([
    connectCalled,
    connected(5),
    state(4, { state: 'reconnecting', phase: 'waiting' }),
    state(5, { state: 'failed' }),
  ]);
  assert.equal(mirror.state, 'connected');
  assert.deepEqual(
    emissions.filter(({ event }) => event === 'stateChange').map(({ args }) => args[0]),
    ['connecting', 'connected'],
  );
  const again = play([
    connectCalled,
    connected(5),
    happening('disconnectCalled'),
    happening('closed', { resumable: false }),
    connectCalled,
    connected(1),
  ]);
  assert.equal(again.mirror.state, 'connected');
});

test('after disconnect() no notification brings the session back', () => {
  const { mirror, emissions } = play([connectCalled, happening('disconnectCalled'), connected(9)]);
  assert.equal(mirror.state, 'disconnected');
  assert.equal(emissions.filter(({ event }) => event === 'stateChange').length, 2);
});

test('an opening that failed stays in error, though the sidecar takes the session away', () => {
  const { mirror } = play([
    connectCalled,
    state(1, { state: 'failed' }),
    state(2, { state: 'disconnecting' }),
    state(3, { state: 'disconnected' }),
  ]);
  assert.equal(mirror.state, 'error');
});

test('the metrics add up: two connections, ten seconds between them', () => {
  const cut = {
    state: 'reconnecting' as const,
    phase: 'waiting' as const,
    previousPhase: 'active' as const,
    reason: 'lineLost',
  };
  const quiet = Array.from({ length: 8 }, () => happening('toolCall'));
  const { mirror } = play([
    connectCalled,
    connected(1),
    happening('toolCall'),
    state(2, cut),
    ...quiet,
    state(3, { ...cut, phase: 'dialing' }),
    connected(4),
  ]);
  const metrics = GETTERS.getConnectionMetrics.read(mirror, 1_014_000);
  assert.deepEqual(
    [
      metrics.successfulConnections,
      metrics.totalUptime,
      metrics.totalDowntime,
      metrics.averageConnectionDuration,
      metrics.lastDisconnectReason,
      metrics.unstableConnectionCount,
    ],
    [2, 2_000, 10_000, 1_000, 'lineLost', 1],
  );
  assert.equal(GETTERS.getReconnectionState.read(mirror, 1_014_000).totalReconnectionTime, 10_000);
  assert.deepEqual(
    GETTERS.getConnectionHistory.read(mirror, 0).map(({ event }) => event),
    ['connected', 'disconnected', 'connected'],
  );
});

test('the heartbeat: what the line does, in the words of the app', () => {
  const status = (...more: Happening[]): string =>
    GETTERS.getHeartbeatStatus.read(play([connectCalled, ...more]).mirror, 0);
  const health = (unanswered: number): Happening =>
    happening('health', { unanswered, quality: 'good', healthScore: 90, pings: 2, pongs: 1 });
  assert.equal(status(), 'stopped');
  assert.equal(status(connected(1), health(0)), 'monitoring');
  assert.equal(status(connected(1), health(1)), 'waiting_pong');
  assert.equal(status(connected(1), state(2, { state: 'connected', phase: 'suspect' })), 'unhealthy');
  assert.equal(status(connected(1), state(2, { state: 'reconnecting', phase: 'waiting' })), 'failed');
});

test('audio that will not arrive is told, but for what the app itself gave up', () => {
  const dropped = happening('dropped', { reason: 'outboxFull', kind: 'audio', count: 3, durationMs: 60 });
  const { emissions, mirror } = play([connectCalled, connected(1), dropped]);
  assert.deepEqual(
    emissions.filter(({ event }) => event === 'error').map(({ args }) => (args[0] as { code: string }).code),
    ['outboxFull'],
  );
  assert.equal(mirror.errors.total, 1);
  const closing = play([
    connectCalled,
    connected(1),
    happening('disconnectCalled'),
    happening('dropped', { reason: 'sessionClosed', kind: 'audio', count: 1 }),
  ]);
  assert.equal(closing.mirror.errors.total, 0);
});

test('the circuit breaker, in the words of the app', () => {
  const breaker = (name: 'open' | 'halfOpen' | 'closed'): Happening =>
    happening('breaker', { state: name, failures: 5 });
  const { emissions, mirror } = play([breaker('open'), breaker('halfOpen'), breaker('closed')]);
  assert.deepEqual(
    emissions.map(({ event, args }) => [event, event === 'circuitBreakerStateChange' ? args[0] : '']),
    [
      ['circuitBreakerOpen', ''],
      ['circuitBreakerStateChange', 'open'],
      ['circuitBreakerStateChange', 'half_open'],
      ['circuitBreakerStateChange', 'closed'],
    ],
  );
  assert.equal(GETTERS.getErrorStats.read(mirror, 0).circuitBreakerTrips, 1);
});

test('every kind of error has a type of the app', () => {
  const page = readFileSync(new URL('errors.md', DOCS), 'utf8');
  const faults = [...page.matchAll(/^\| `(\w+)` \| .*\| (yes|no) \|/gm)].map(([, kind]) => kind!);
  assert.ok(faults.length > 60, 'the page is read');
  for (const kind of [...faults, ...Object.keys(ERROR_CODES).filter((kind) => kind !== 'internalError')]) {
    if (kind !== 'internalError') assert.notEqual(errorType(kind), 'unknown', kind);
  }
  assert.equal(errorType('somethingNew'), 'unknown');
  const own = fromError(new SidecarSpawnError('no program', []), 'id', 0);
  assert.deepEqual([own.type, own.details], ['session_error', { kind: 'SidecarSpawnError' }], 'no word of the service');
});

test('an error of the class is known to another copy of this package', async () => {
  const other = (await import(new URL('../src/app/errors.js?another-copy', import.meta.url).href)) as { GeminiLiveError: typeof GeminiLiveError };
  const error = fromError(new Error('x'), 'id', 0);
  assert.notEqual(other.GeminiLiveError, GeminiLiveError);
  assert.ok(new other.GeminiLiveError(error) instanceof GeminiLiveError);
  assert.ok(!(new Error('x') instanceof GeminiLiveError));
});

test('errors of this package and of the service become GeminiErrors', () => {
  const data = {
    kind: 'quotaExceeded',
    message: 'spent',
    userMessage: 'u',
    retryable: true,
    action: 'slowDown' as const,
    wsCode: 1011,
  };
  const error = fromErrorData(data, 'id', 7);
  assert.deepEqual([error.type, error.code, error.retryable, error.timestamp], ['quota_exceeded', 1011, true, 7]);
  assert.equal(fromError(new SidecarRpcError('session/open', -32020, 'm', data), 'id', 0).type, 'quota_exceeded');
  assert.equal(fromError(new SidecarRpcError('session/send', -32014, 'full'), 'id', 0).type, 'rate_limit');
  assert.equal(fromError(new SidecarTimeoutError({ method: 'm', sent: true }, 1), 'id', 0).type, 'timeout');
  assert.deepEqual(
    [fromError(new BacklogFullError(1, 1), 'id', 0)].map(({ type, retryable }) => [type, retryable]),
    [['rate_limit', true]],
  );
  assert.equal(fromError('a string', 'id', 0).message, 'a string');
});

test('of too many waiting inputs the least important and oldest gives way; the order is that of giving', () => {
  const waiting = new WaitingInputs(2);
  const input = (text: string, priority: number): WaitingInput => ({
    input: { text },
    priority,
    send: () => {},
    giveUp: () => {},
  });
  assert.equal(waiting.add(input('low', 0)), undefined);
  assert.equal(waiting.add(input('high', 2)), undefined);
  assert.equal(waiting.add(input('normal', 1))?.input.text, 'low');
  assert.equal(waiting.add(input('low again', 0))?.input.text, 'low again');
  assert.deepEqual(waiting.byPriority, { 1: 1, 2: 1 });
  assert.deepEqual(
    waiting.takeAll().map((each) => each.input.text),
    ['high', 'normal'],
  );
});

test('inputs of which nobody hears are counted all the same', (t) => {
  let nowMs = 1_000;
  t.mock.method(Date, 'now', () => nowMs);
  let heard = false;
  const told: unknown[] = [];
  const host = { hears: (event: AppEvent) => heard && event === 'messageSent', emit: (event: AppEvent) => told.push(event) };
  const stage = new Stage(host, 'r2', newMirror(newReconnectionConfig({}), newHeartbeatConfig()));
  const accepted = (): void => stage.happen(happening('inputAccepted', { status: 'sent' }));
  stage.happen(happening('connectCalled', { session: SESSION }));
  accepted();
  nowMs += 20;
  accepted();
  nowMs += 5_000;
  assert.deepEqual([stage.mirror.session!.messageCount, stage.mirror.count], [2, 2]);
  assert.equal(stage.mirror.session!.lastActivity.getTime(), 1_020, 'when the last one was accepted, not when asked');
  accepted();
  heard = true;
  accepted();
  assert.deepEqual([stage.mirror.session!.messageCount, told], [4, ['messageSent']]);
  heard = false;
  accepted();
  stage.happen(happening('connectCalled', { session: { ...SESSION, sessionId: 'other' } }));
  accepted();
  assert.deepEqual([stage.mirror.session!.messageCount, stage.mirror.count], [1, 6], 'each for its own session');
});
