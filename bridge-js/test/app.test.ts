/** The app's class with the real sidecar and simulator: its contract in both modes, and the order of its events. */
import assert from 'node:assert/strict';
import test, { after, afterEach, before, beforeEach } from 'node:test';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inspect, promisify } from 'node:util';
import { GeminiLiveError, GeminiLiveWebSocketClient } from '../src/app/index.js';
import type { AppEvent, Compat } from '../src/app/contract.js';
import type { GeminiLiveConfig } from '../src/app/options.js';
import { LiveSession } from '../src/session.js';
import { Supervisor } from '../src/supervisor.js';
import { checkEvent, EVENT_SHAPES, GETTER_SHAPES } from './app-shapes.js';
import { next, PCM, say, speech, startService, startSimulator, type Service, type Simulator } from './app-support.js';
import { until } from './support.js';

const execute = promisify(execFile);

const KEY = 'AIza-of-the-app-test';
const TURNS = [
  {
    user: 'What is the weather like?',
    model: 'It is sunny.',
    audioMs: 300,
    toolCall: { name: 'get_weather', args: { city: 'Lisbon' } },
  },
  { user: 'Thank you.', model: 'You are welcome.', audioMs: 300 },
];
/** What would take its time otherwise. */
const SWIFT = {
  handOver: { firstDelayMs: 50, retryDelayMs: 50 },
  reconnect: { maxAttempts: 3, baseDelayMs: 120, maxDelayMs: 150, jitter: 'none' as const },
  breaker: { failures: 2, openMs: 150 },
};

let simulator: Simulator;
let service: Service;
let supervisor: Supervisor;

before(async () => {
  service = await startService();
  supervisor = new Supervisor({ restart: { baseDelayMs: 50, jitter: 0 } });
});

after(async () => {
  await supervisor.stop();
  await service.stop();
});

beforeEach(async () => {
  simulator = await startSimulator({ turns: TURNS });
});

afterEach(() => simulator.stop());

type Heard = readonly [event: AppEvent, ...args: unknown[]];

interface Watched {
  readonly client: GeminiLiveWebSocketClient;
  /** All events in order, but for the content of the simulator's messages. */
  readonly heard: Heard[];
  readonly names: () => string[];
  readonly failures: unknown[];
}

/** A client whose every event is checked, and whose getters are, at each of them. */
function watched(compat: Compat, config: Partial<GeminiLiveConfig> = {}): Watched {
  const client = new GeminiLiveWebSocketClient({
    apiKey: KEY,
    websocketBaseUrl: simulator.url,
    compat,
    sidecar: supervisor,
    session: { settings: SWIFT },
    ...config,
  });
  const heard: Heard[] = [];
  const failures: unknown[] = [];
  for (const event of Object.keys(EVENT_SHAPES) as AppEvent[]) {
    client.on(event, (...args: unknown[]) => {
      heard.push([event, ...args]);
      try {
        checkEvent(event, args, compat);
        checkGetters(client);
      } catch (error) {
        failures.push(new Error(`${event}: ${(error as Error).message}`));
      }
    });
  }
  return { client, heard, names: () => heard.map(([event]) => event), failures };
}

function checkGetters(client: GeminiLiveWebSocketClient): void {
  for (const [name, check] of Object.entries(GETTER_SHAPES)) check(client[name as 'isConnected']());
}

/** Those of `names` that were heard since `from`, in order, each run of one told once. */
function order({ heard }: Watched, from: number, ...names: AppEvent[]): string[] {
  const told = heard
    .slice(from)
    .map(([event]) => event)
    .filter((event) => names.includes(event));
  return told.filter((event, index) => event !== told[index - 1]);
}

for (const compat of ['r1', 'r2'] as const) {
  test(`every event and getter of the contract, as the app knows it (${compat})`, async () => {
    const all = watched(compat);
    const { client } = all;
    checkGetters(client);

    // Before there is a session an input waits.
    await client.sendRealtimeInput({ audio: { data: speech(0, 20)[0]!, mimeType: PCM } });
    assert.equal(client.getQueueStatistics().totalQueuedMessages, 1);

    const connecting = client.connect();
    assert.equal(client.getConnectionState(), 'connecting', 'in the same tick');
    assert.deepEqual(all.heard.at(-3), ['stateChange', 'connecting', 'disconnected']);
    await connecting;
    assert.equal(client.isConnected() && client.isSetupCompleted(), true);

    // A turn with a tool, and its texts.
    const called = next(client, 'toolCall');
    await say(client);
    const [{ id, name, parameters }] = await called;
    assert.deepEqual([name, parameters], ['get_weather', { city: 'Lisbon' }]);
    const complete = next(client, 'turnComplete');
    await client.sendToolCallResponse(id, name, 'sunny');
    await complete;
    texts(all);

    // A planned move, a close by the service, a cut.
    let back = next(client, 'sessionResumed');
    await simulator.fault({ do: 'goAway', timeLeft: '1s' });
    await back;
    back = next(client, 'sessionResumed');
    const closed = next(client, 'disconnected');
    await simulator.fault({ do: 'close', code: 1001, reason: 'going' });
    const [{ code, wasClean }] = await closed;
    assert.deepEqual([code, wasClean], [1001, true]);
    await back;

    // It gives up after three refusals, and comes back when it is asked to.
    const gaveUp = next(client, 'sessionError');
    await simulator.fault({ do: 'refuse', status: 503, times: 3 });
    await simulator.fault({ do: 'cut' });
    await gaveUp;
    assert.equal(client.getConnectionState(), 'error');
    await client.connect();
    assert.equal(client.isConnected(), true);

    // Suspended, and gone on with.
    client.suspendCurrentSession();
    assert.equal(client.getConnectionState(), 'disconnected');
    await next(client, 'disconnected');
    await client.connect();

    await client.disconnect();
    assert.equal(all.names().at(-1), 'closed');
    await client.destroy();

    // What the simulator never says.
    const rare = watched(compat, { websocketBaseUrl: service.url });
    await rare.client.connect();
    const cancelled = next(rare.client, 'toolCallCancellation');
    service.say('this is no JSON');
    service.say({ toolCall: { functionCalls: [{ id: 'f1', name: 'look', args: {} }] } });
    service.say({ toolCallCancellation: { ids: ['f1'] } });
    await cancelled;
    await rare.client.destroy();

    assert.deepEqual([...all.failures, ...rare.failures], []);
    const heard = new Set([...all.names(), ...rare.names()]);
    assert.deepEqual(
      Object.keys(EVENT_SHAPES).filter((event) => !heard.has(event)),
      [],
      'never heard',
    );
  });
}

/** User and model are never mixed up, deltas come before one final, and the final is the whole. */
function texts({ heard, names }: Watched): void {
  const of = (event: AppEvent): Record<string, unknown>[] =>
    heard.filter(([name]) => name === event).map(([, arg]) => arg as Record<string, unknown>);
  for (const [event, whole] of [
    ['transcriptionUpdate', 'What is the weather like?'],
    ['chatResponse', 'It is sunny.'],
  ] as const) {
    const all = of(event);
    const finals = all.filter(({ isFinal }) => isFinal);
    assert.deepEqual(
      finals.map(({ text }) => text),
      [whole],
      event,
    );
    assert.equal(all.at(-1)?.['isFinal'], true);
    assert.equal(
      all
        .slice(0, -1)
        .map(({ text }) => text)
        .join(''),
      whole,
    );
  }
  assert.ok(
    names().lastIndexOf('chatResponse') < names().indexOf('turnComplete'),
    'the final text comes before the end',
  );
}

test('the order of events: connected, cut, resumed, closed', async () => {
  const all = watched('r2');
  const { client } = all;
  await client.connect();
  const STATES = ['stateChange', 'connecting', 'connected', 'reconnecting', 'disconnected', 'closed'] as const;
  const CONNECTED = ['stateChange', 'connectionStateChanged', 'connected', 'setupComplete'] as const;
  assert.deepEqual(
    order(all, 0, ...CONNECTED, 'connecting', 'setupMessageSent', 'sessionCreated', 'connectionQualityUpdate'),
    [
      'stateChange',
      'connectionStateChanged',
      'connecting',
      'setupMessageSent',
      ...CONNECTED,
      'sessionCreated',
      'connectionQualityUpdate',
    ],
  );
  let from = all.heard.length;
  let back = next(client, 'sessionResumed');
  await simulator.fault({ do: 'cut' });
  await back;
  assert.deepEqual(
    order(
      all,
      from,
      ...STATES,
      ...CONNECTED,
      'reconnectionStarted',
      'reconnectionProgress',
      'error',
      'networkError',
      'reconnectionAttempt',
      'setupMessageSent',
      'sessionResumed',
      'reconnectionStopped',
    ),
    [
      'stateChange',
      'connectionStateChanged',
      'reconnecting',
      'disconnected',
      'reconnectionStarted',
      'reconnectionProgress',
      'error',
      'networkError',
      'reconnectionAttempt',
      'setupMessageSent',
      ...CONNECTED,
      'sessionResumed',
    ],
  );
  assert.deepEqual(all.heard.slice(from).find(([event]) => event === 'disconnected')?.[1], {
    code: 1006,
    reason: 'closed with 1006: Connection reset by peer',
    wasClean: false,
  });

  from = all.heard.length;
  back = next(client, 'sessionResumed');
  await simulator.fault({ do: 'goAway', timeLeft: '0.5s' });
  await back;
  assert.deepEqual(order(all, from, ...STATES, 'goAway', 'error', 'reconnectionStarted'), [
    'goAway',
    'stateChange',
    'reconnecting',
    'disconnected',
    'reconnectionStarted',
    'stateChange',
    'connected',
  ]);
  assert.equal((all.heard.slice(from).find(([event]) => event === 'disconnected')?.[1] as { code: number }).code, 1000);

  from = all.heard.length;
  const closing = client.disconnect();
  assert.deepEqual(order(all, from, ...STATES), ['stateChange'], 'in the same tick');
  await closing;
  assert.deepEqual(order(all, from, ...STATES), ['stateChange', 'disconnected', 'closed']);
  assert.deepEqual(all.heard.at(-2), ['disconnected', { code: 1000, reason: '', wasClean: true }]);
  assert.deepEqual(all.failures, []);
  await client.destroy();
});

test('a conversation that was closed is gone on with', async () => {
  const { client } = watched('r2');
  const handle = next(client, 'sessionResumptionUpdate', ({ newHandle }) => newHandle !== '');
  await client.connect();
  await handle;
  const { sessionId } = client.getCurrentSession()!;
  await client.disconnect();
  assert.deepEqual(
    client.getResumableSessions().map((session) => session.sessionId),
    [sessionId],
  );
  assert.equal(client.resumeSpecificSession('another'), false);
  assert.equal(client.resumeSpecificSession(sessionId), true);
  const [resumed] = await next(client, 'sessionResumed');
  assert.equal(resumed.sessionId, sessionId);
  await client.destroy();
});

test('a handle can be read, and does not show', async () => {
  const { client } = watched('r2');
  const update = next(client, 'sessionResumptionUpdate', ({ newHandle }) => newHandle !== '');
  await client.connect();
  const [event] = await update;
  const { newHandle } = event;
  for (const shown of [
    inspect(event, { depth: 9 }),
    JSON.stringify(event),
    inspect(structuredClone(event)),
    inspect(client, { depth: 9 }),
  ]) {
    assert.ok(!shown.includes(newHandle) && !shown.includes(KEY));
  }
  await client.destroy();
});

test('a refused key: the state is error, the promise rejects, nobody has to listen', async () => {
  const strict = await startSimulator({ keys: ['another'] });
  const told: unknown[] = [];
  const client = new GeminiLiveWebSocketClient({ apiKey: KEY, websocketBaseUrl: strict.url, sidecar: supervisor });
  client.on('sessionError', ({ error }) => told.push(error));
  await assert.rejects(client.connect(), (error: GeminiLiveError) => {
    assert.ok(error instanceof GeminiLiveError);
    assert.deepEqual([error.type, error.retryable, error.code], ['authentication', false, 1007]);
    return true;
  });
  assert.equal(client.getConnectionState(), 'error');
  assert.deepEqual([told.length, client.getErrorStats().byType], [1, { authentication: 1 }], 'told once');
  await client.destroy();
  await strict.stop();
});

test('what cannot even be asked for is told once, and the client can be used again', async () => {
  const all = watched('r2', { session: { setup: { noSuchField: 1 } } });
  await assert.rejects(all.client.connect(), { type: 'validation' });
  assert.deepEqual(order(all, 0, 'stateChange', 'error', 'sessionError', 'closed', 'disconnected'), [
    'stateChange',
    'error',
    'sessionError',
  ]);
  await assert.rejects(all.client.connect(), { type: 'validation' });
  await all.client.destroy();
});

test('the loss of the process is a cut: at once, for every client, and nothing is lost', async () => {
  const [one, two] = [watched('r2'), watched('r2')];
  await Promise.all([one.client.connect(), two.client.connect()]);
  const chunks = speech(1_000, 200);
  for (const data of chunks.slice(0, 30)) await one.client.sendRealtimeInput({ audio: { data, mimeType: PCM } });
  const lost = [one, two].map(({ client }) => next(client, 'stateChange', (state) => state === 'reconnecting'));
  const back = [one, two].map(({ client }) => next(client, 'connected'));
  process.kill(supervisor.current!.pid, 'SIGKILL');
  await Promise.all(lost);
  for (const data of chunks.slice(30)) void one.client.sendRealtimeInput({ audio: { data, mimeType: PCM } });
  await Promise.all(back);
  const end = { audio: { data: speech(0, 20)[0]!, mimeType: PCM } };
  await one.client.sendRealtimeInput(end, { expectResponse: true });
  const sent = (chunks.length + 1) * 20;
  await until(
    async () => JSON.stringify(await simulator.state()).includes(`"uniqueMs":${sent}`),
    'the audio is complete',
  );
  assert.deepEqual([...one.failures, ...two.failures], []);
  await Promise.all([one.client.destroy(), two.client.destroy()]);
});

test('connect() while it is being closed makes another session; disconnect() ends one that is being opened', async () => {
  const all = watched('r2');
  const { client } = all;
  await client.connect();
  const closing = client.disconnect();
  const again = client.connect();
  assert.equal(client.getConnectionState(), 'connecting');
  await Promise.all([closing, again]);
  assert.equal(client.getConnectionState(), 'connected');
  assert.deepEqual(order(all, 0, 'connecting', 'connected', 'disconnected', 'closed'), [
    'connecting',
    'connected',
    'disconnected',
    'closed',
    'connecting',
    'connected',
  ]);
  await client.disconnect();
  const opening = client.connect();
  const ended = client.disconnect();
  assert.equal(client.getConnectionState(), 'disconnected');
  await assert.rejects(opening, { type: 'session_error' });
  await ended;
  assert.equal(client.getConnectionState(), 'disconnected');
  assert.deepEqual(all.failures, []);
  await client.destroy();
  await assert.rejects(client.connect(), { type: 'validation' });
});

test('what the app changes is in force in the sidecar', async () => {
  const { client } = watched('r2');
  client.updateReconnectionConfig({ maxAttempts: 7 });
  await client.connect();
  client.updateReconnectionConfig({ strategy: 'custom', customDelayFunction: (attempt) => attempt * 10 });
  client.updateHeartbeatConfig({ interval: 9_000, timeout: 1_000, maxMissedBeats: 2 });
  const { sessions } = await supervisor.call('diagnostics/dump');
  const { sessionId } = client.getCurrentSession()!;
  const { settings } = sessions.find(({ snapshot }) => snapshot.sessionId === sessionId)!;
  const { maxAttempts, backoff, delaysMs } = settings.reconnect!;
  assert.deepEqual([maxAttempts, backoff, delaysMs], [7, 'list', [10, 20, 30, 40, 50, 60, 70]]);
  const { intervalMs, suspectAfterMs, deadAfterMs } = settings.heartbeat!;
  assert.deepEqual([intervalMs, suspectAfterMs, deadAfterMs], [9_000, 1_000, 19_000]);
  await client.destroy();
});

test('a change that makes no sense is told, changes nothing, and spoils no later connect()', async (t) => {
  const { client } = watched('r2');
  const told: unknown[] = [];
  client.on('error', ({ type, message }) => told.push([type, message]));
  const config = async (): Promise<unknown> => {
    const { sessions } = await supervisor.call('diagnostics/dump');
    const { sessionId } = client.getCurrentSession()!;
    const { settings } = sessions.find(({ snapshot }) => snapshot.sessionId === sessionId)!;
    return [settings.reconnect!.baseDelayMs, settings.heartbeat!.intervalMs];
  };
  await client.connect();
  const former = await config();
  client.updateReconnectionConfig({ maxAttempts: 7, baseDelay: NaN });
  client.updateHeartbeatConfig({ interval: 0 });
  assert.deepEqual(told, [
    ['validation', 'The option reconnectionConfig.baseDelay is NaN. Give a number from 0 to 86400000, or none.'],
    ['validation', 'The option heartbeatConfig.interval is 0. Give a number from 1 to 86400000, or none.'],
  ]);
  assert.deepEqual(await config(), former);
  // What only the sidecar knows to be wrong: it is told, and taken back.
  const { configure } = LiveSession.prototype;
  LiveSession.prototype.configure = function (settings, options) {
    return configure.call(this, { ...settings, noSuchGroup: {} } as never, options);
  };
  t.after(() => Object.assign(LiveSession.prototype, { configure }));
  for (const change of [
    () => client.updateReconnectionConfig({ baseDelay: 400 }),
    () => client.updateHeartbeatConfig({ interval: 7_000 }),
  ]) {
    const refused = next(client, 'error');
    change();
    assert.equal((await refused)[0].type, 'validation');
  }
  await client.disconnect();
  await client.connect();
  assert.deepEqual(await config(), former);
  await client.destroy();
});

test('sending: refused at once, tried again, confirmed, in time', async () => {
  const { client, failures } = watched('r2');
  await assert.rejects(client.sendRealtimeInput({}), { type: 'validation' });
  await assert.rejects(client.sendRealtimeInput({ text: '' }), { type: 'validation' });
  await assert.rejects(client.sendTurnCompletion(), { type: 'validation' });
  await assert.rejects(client.sendRealtimeInput({ text: 'never' }, { expectResponse: true, timeout: 30 }), {
    type: 'timeout',
  });
  const waiting = client.sendRealtimeInput({ text: 'Hello' }, { expectResponse: true });
  await client.connect();
  await waiting;
  await client.sendRealtimeInput({ text: 'and more' }, { expectResponse: true });
  assert.match(JSON.stringify(await simulator.state()), /"texts":2\b/, 'those two, and not the one that was given up');
  await assert.rejects(client.sendToolCallResponse('unknown', 'f', 1), { type: 'validation' });
  assert.deepEqual(failures, []);
  await client.destroy();
});

test('listeners: one that throws does not stop the others, one that calls back does not change the order', async () => {
  const { client } = watched('r2');
  const thrown: unknown[] = [];
  const catcher = (error: unknown): void => void thrown.push(error);
  const rest = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', catcher);
  const heard: string[] = [];
  client.once('connecting', () => {
    throw new Error('of a listener');
  });
  client.on('connecting', () => heard.push('connecting'));
  client.on('connected', () => {
    heard.push('connected');
    void client.disconnect();
  });
  client.on('setupComplete', () => heard.push('setupComplete'));
  client.on('stateChange', (state) => state === 'disconnected' && heard.push('disconnected'));
  await client.connect().catch(() => undefined);
  await client.disconnect();
  process.removeListener('uncaughtException', catcher);
  for (const listener of rest) process.on('uncaughtException', listener);
  assert.deepEqual(heard, ['connecting', 'connected', 'setupComplete', 'disconnected']);
  assert.deepEqual(
    thrown.map((error) => (error as Error).message),
    ['of a listener'],
  );
  await client.destroy();
});

const NO_PROC = process.platform === 'linux' ? false : 'needs /proc';

test('a script that destroys its clients exits by itself, its shared sidecar with it', { skip: NO_PROC }, async () => {
  const program = new URL('../../test/programs/app-host.mjs', import.meta.url);
  const index = new URL('../src/app/index.js', import.meta.url);
  const { stdout } = await execute(process.execPath, [fileURLToPath(program), index.href, simulator.url], {
    timeout: 10_000,
  });
  const { pids, left } = JSON.parse(stdout) as { pids: number[]; left: number[] };
  assert.equal(pids.length, 1, 'two clients share one sidecar');
  assert.deepEqual(left, [], 'the last one stopped it');
});
