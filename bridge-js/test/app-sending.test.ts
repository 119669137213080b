/** What becomes of an input: in which order it goes, what its promise tells, and what is told of it later. */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { GeminiLiveWebSocketClient, type GeminiLiveConfig } from '../src/app/index.js';
import { Arrivals } from '../src/app/arrivals.js';
import { Lane } from '../src/app/lane.js';
import type { QueueReport } from '../src/generated/protocol.js';
import { LiveSession } from '../src/session.js';
import { Supervisor } from '../src/supervisor.js';
import { next, PCM, startSimulator, type Simulator } from './app-support.js';

let simulator: Simulator;
let supervisor: Supervisor;

before(async () => {
  simulator = await startSimulator({ turns: [] });
  supervisor = new Supervisor({ restart: { baseDelayMs: 300, jitter: 0 }, watchdog: false });
});

after(async () => {
  await supervisor.stop();
  await simulator.stop();
});

const chunk = (value: number, bytes = 640): { data: string; mimeType: string } => ({
  data: Buffer.alloc(bytes, value).toString('base64'),
  mimeType: PCM,
});

function newClient(settings: NonNullable<GeminiLiveConfig['session']>['settings'] = {}): GeminiLiveWebSocketClient {
  const client = new GeminiLiveWebSocketClient({
    apiKey: 'any',
    websocketBaseUrl: simulator.url,
    sidecar: supervisor,
    session: { settings: { handOver: { firstDelayMs: 50 }, ...settings } },
  });
  return client.on('error', () => {});
}

/** The line is down, and comes back by itself some time after this resolves. */
async function cut(client: GeminiLiveWebSocketClient): Promise<void> {
  const down = next(client, 'stateChange', (state) => state === 'reconnecting');
  await simulator.fault({ do: 'refuse', status: 503, times: 1 });
  await simulator.fault({ do: 'cut' });
  await down;
}

async function killed(): Promise<void> {
  const down = new Promise<void>((resolve) => supervisor.once('down', () => resolve()));
  process.kill(supervisor.current!.pid, 'SIGKILL');
  await down;
}

test('an input that was dropped is not confirmed, and those beside it are', async () => {
  const client = newClient({ outbox: { maxMessages: 5 }, reconnect: { baseDelayMs: 300, jitter: 'none' } });
  await client.connect();
  await cut(client);
  const given = Array.from({ length: 20 }, (_, i) =>
    client.sendRealtimeInput({ audio: chunk(i + 1) }, { expectResponse: true, timeout: 10_000 }),
  );
  given.push(client.sendRealtimeInput({ text: 'and a text' }, { expectResponse: true, timeout: 10_000 }));
  const settled = await Promise.allSettled(given);
  const lost = settled.slice(0, 15) as PromiseRejectedResult[];
  assert.deepEqual(
    settled.map(({ status }) => status),
    [...Array<string>(15).fill('rejected'), ...Array<string>(6).fill('fulfilled')],
  );
  for (const { reason } of lost) assert.deepEqual([reason.type, reason.code], ['session_error', 'outboxFull']);
  await client.destroy();
});

test('connect() while it reconnects gives up in time, and the reconnecting goes on', async () => {
  const client = newClient({
    deadlines: { openMs: 1_500 },
    reconnect: { baseDelayMs: 100, maxDelayMs: 500, maxAttempts: 1_000 },
    breaker: { enabled: false },
  });
  await client.connect();
  const states: string[] = [];
  client.on('stateChange', (state) => states.push(state));
  const down = next(client, 'stateChange', (state) => state === 'reconnecting');
  await simulator.fault({ do: 'refuse', status: 503, forMs: 4_000 });
  await simulator.fault({ do: 'cut' });
  await down;
  await assert.rejects(client.connect(), { type: 'timeout' });
  assert.deepEqual([states, client.getConnectionState()], [['reconnecting'], 'reconnecting']);
  await next(client, 'connected');
  await client.destroy();
});

test('audio that the service does not hear is refused, not lost', async () => {
  const client = newClient();
  const { data } = chunk(1);
  for (const mimeType of ['audio/mp3', 'image/png', 'audio/pcm;rate=fast']) {
    const refused = { name: 'GeminiLiveError', type: 'validation', message: /mimeType is .*audio\/pcm;rate=16000/ };
    await assert.rejects(client.sendRealtimeInput({ audio: { data, mimeType } }), refused);
  }
  await client.destroy();
});

test('disconnect() while it connects is told as what it is', async () => {
  const client = newClient();
  const connecting = assert.rejects(client.connect(), { type: 'session_error', message: /disconnect\(\) .* before/ });
  await client.disconnect();
  await connecting;
  await client.destroy();
});

test('what was lost with a process is not confirmed', async () => {
  const client = newClient({
    outbox: { ringMs: 2_100, flushRate: 1_000, flushBurstMs: 60_000 },
    heartbeat: { deadAfterMs: 1_000, suspectAfterMs: 500, audioIntervalMs: 100 },
  });
  await client.connect();
  await killed();
  const given = Array.from({ length: 150 }, (_, i) =>
    client.sendRealtimeInput({ audio: chunk(i, 6_400) }, { expectResponse: true, timeout: 10_000 }),
  );
  const settled = await Promise.allSettled(given);
  assert.equal(settled[0]!.status, 'rejected');
  assert.equal(settled.at(-1)!.status, 'fulfilled');
  await client.destroy();
});

test('who waits for a confirmation is told at once that the session ended', async () => {
  const client = newClient();
  await client.connect();
  await cut(client);
  const waiting = assert.rejects(client.sendRealtimeInput({ text: 'late' }, { expectResponse: true }), {
    type: 'session_error',
  });
  await new Promise(setImmediate);
  await client.disconnect();
  await waiting;
  await client.destroy();
});

test('a session that ends without a word of it ends the wait for a confirmation, too', async () => {
  const arrivals = new Arrivals();
  const watch = arrivals.watch(0, ['text']);
  const errors = { late: () => new Error('late'), lost: () => new Error('lost') };
  const waiting = assert.rejects(watch.confirmed(0, performance.now() + 10_000, errors), /over/);
  arrivals.reported({ confirmedThrough: -1 } as QueueReport);
  arrivals.ended(new Error('over'));
  await waiting;
});

test('later inputs wait behind one that is refused for want of room', async (t) => {
  const client = newClient({ outbox: { maxBytes: 65_536 } });
  await client.connect();
  const { send, sendAudio } = LiveSession.prototype;
  t.after(() => Object.assign(LiveSession.prototype, { send, sendAudio }));
  const taken: string[] = [];
  LiveSession.prototype.send = async function (payload, options) {
    const result = await send.call(this, payload, options);
    taken.push(((payload.realtimeInput?.['text'] ?? 'the end') as string).slice(0, 7));
    return result;
  };
  LiveSession.prototype.sendAudio = function (data, mimeType) {
    taken.push('audio');
    return sendAudio.call(this, data, mimeType);
  };
  await killed();
  const large = client.sendRealtimeInput({ text: `first ${'x'.repeat(65_400)}` });
  const refused = client.sendRealtimeInput({ text: `refused${'x'.repeat(300)}` });
  await new Promise(setImmediate);
  assert.equal(client.getQueueStatistics().activeRetryTimers, 1);
  const hasty = assert.rejects(client.sendRealtimeInput({ text: 'hasty' }, { timeout: 20 }), { type: 'timeout' });
  const later = [
    client.sendRealtimeInput({ text: 'b' }),
    client.sendRealtimeInput({ audio: chunk(1) }),
    client.sendTurnCompletion(),
  ];
  await Promise.all([large, refused, hasty, ...later]);
  assert.deepEqual(taken, ['first x', 'refused', 'b', 'audio', 'the end']);
  assert.equal(client.getQueueStatistics().activeRetryTimers, 0);
  await client.destroy();
});

test('the parts of one input keep their order when one is refused for want of room, and block nobody for ever', async (t) => {
  const client = newClient({ outbox: { maxBytes: 65_536 } });
  await client.connect();
  const { send, sendAudio } = LiveSession.prototype;
  t.after(() => Object.assign(LiveSession.prototype, { send, sendAudio }));
  const taken: string[] = [];
  LiveSession.prototype.send = async function (payload, options) {
    const result = await send.call(this, payload, options);
    taken.push(Object.keys(payload.realtimeInput ?? payload.clientContent!)[0]!);
    return result;
  };
  LiveSession.prototype.sendAudio = function (data, mimeType) {
    taken.push('audio');
    return sendAudio.call(this, data, mimeType);
  };
  await killed();
  await Promise.all([
    client.sendRealtimeInput({ text: 'x'.repeat(65_486) }),
    client.sendRealtimeInput({ text: 'y'.repeat(200), audio: chunk(1), audioStreamEnd: true }),
    client.sendTurnCompletion(),
  ]);
  assert.deepEqual(taken, ['text', 'text', 'audio', 'audioStreamEnd', 'turnComplete']);
  assert.equal(client.getQueueStatistics().activeRetryTimers, 0);
  await client.destroy();
});

test('the lane: two that were refused keep their order, and nobody passes them', async () => {
  const lane = new Lane();
  const [first, second, third] = [lane.newPlace(), lane.newPlace(), lane.newPlace()];
  const went: string[] = [];
  const late = lane.again(second).then(() => went.push('second'));
  const early = lane.again(first).then(() => went.push('first'));
  const turn = lane.turn(third, 10_000, () => new Error('late')).then(() => went.push('third'));
  assert.equal(lane.isBlocked, true);
  await early;
  lane.done(first);
  await late;
  lane.done(second);
  await turn;
  assert.deepEqual(went, ['first', 'second', 'third']);
  assert.equal(lane.isBlocked, true);
  lane.done(third);
  assert.equal(lane.isBlocked, false);

  const refused = assert.rejects(lane.again(lane.newPlace()), /over/);
  lane.refuseAll(new Error('over'));
  await refused;
  assert.equal(lane.isBlocked, false);
});

test('what was told as queued is told as sent when it has left, each once and in order', async () => {
  const client = newClient({ reconnect: { baseDelayMs: 300, jitter: 'none' } });
  const told: unknown[] = [];
  client.on('messageQueued', ({ inputType }) => told.push(['queued', inputType]));
  client.on('messageSent', ({ audio, text }) => told.push(['sent', audio ? 'audio' : text]));
  client.on('queueUpdate', ({ action, inputType }) => told.push([action, inputType, 'update']));
  const left = (count: number): Promise<unknown> => {
    let seen = 0;
    return next(client, 'messageSent', () => ++seen === count);
  };
  await client.sendRealtimeInput({ audio: chunk(1) });
  await client.sendRealtimeInput({ text: 'hello' });
  const both = left(2);
  await client.connect();
  await both;
  const EXPECTED = [
    ['queued', 'audio'],
    ['queued', 'audio', 'update'],
    ['queued', 'text'],
    ['queued', 'text', 'update'],
    ['sent', 'audio'],
    ['sent', 'audio', 'update'],
    ['sent', 'hello'],
    ['sent', 'text', 'update'],
  ];
  await new Promise(setImmediate);
  assert.deepEqual(told, EXPECTED);

  told.length = 0;
  await cut(client);
  const again = left(2);
  await client.sendRealtimeInput({ audio: chunk(2) });
  await client.sendRealtimeInput({ text: 'hello' });
  await again;
  await new Promise(setImmediate);
  assert.deepEqual(told, EXPECTED);
  assert.equal(client.getCurrentSession()!.messageCount > 0, true);
  await client.destroy();
});

test('inputs that gave way before there was a session are an error of the session', async () => {
  const client = new GeminiLiveWebSocketClient({ apiKey: 'any', maxQueueSize: 1 });
  const told = next(client, 'error');
  await client.sendRealtimeInput({ text: 'one' });
  const waits = client.sendRealtimeInput({ text: 'two' }, { expectResponse: true, timeout: 2 ** 40 });
  const refused = assert.rejects(waits, { type: 'session_error', code: 'outboxFull' });
  const [{ type, code }] = await told;
  assert.deepEqual([type, code], ['session_error', 'outboxFull']);
  await new Promise((resolve) => setTimeout(resolve, 5)); // a timer of 2^40 ms would have fired
  await client.sendRealtimeInput({ text: 'three' });
  await refused;
  await client.destroy();
});

test('an error of a chunk is the app\'s', async () => {
  const client = newClient();
  await client.connect();
  const large = { data: 'A'.repeat(17_000_000), mimeType: PCM };
  await assert.rejects(client.sendRealtimeInput({ audio: large }), { name: 'GeminiLiveError', type: 'validation' });
  await client.destroy();
});
