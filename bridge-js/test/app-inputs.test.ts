/** What an app may do with its client at odd moments: nothing overtakes, nothing is said twice, every promise is true. */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { GeminiLiveWebSocketClient } from '../src/app/index.js';
import type { GeminiLiveConfig } from '../src/app/options.js';
import { LiveSession } from '../src/session.js';
import { Supervisor } from '../src/supervisor.js';
import { next, PCM, startSimulator, type Simulator } from './app-support.js';

let simulator: Simulator;
let supervisor: Supervisor;

before(async () => {
  simulator = await startSimulator({ turns: [] });
  supervisor = new Supervisor({ restart: { baseDelayMs: 300, jitter: 0 } });
});

after(async () => {
  await supervisor.stop();
  await simulator.stop();
});

const chunk = (value: number): { data: string; mimeType: string } => ({
  data: Buffer.alloc(640, value).toString('base64'),
  mimeType: PCM,
});

function newClient(config: Partial<GeminiLiveConfig> = {}): GeminiLiveWebSocketClient {
  return new GeminiLiveWebSocketClient({
    apiKey: 'any',
    websocketBaseUrl: simulator.url,
    sidecar: supervisor,
    ...config,
  } as GeminiLiveConfig);
}

/** What the client gives to its session, in order, until the test is over. */
function given(t: { after(done: () => void): void }): string[] {
  const { sendAudio, send } = LiveSession.prototype;
  const log: string[] = [];
  LiveSession.prototype.sendAudio = function (data, mimeType) {
    log.push(`audio ${Buffer.from(data as string, 'base64')[0]}`);
    return sendAudio.call(this, data, mimeType);
  };
  LiveSession.prototype.send = function (payload, options) {
    log.push(Object.keys(payload.realtimeInput ?? {}).join());
    return send.call(this, payload, options);
  };
  t.after(() => Object.assign(LiveSession.prototype, { sendAudio, send }));
  return log;
}

test('inputs that nobody waits for keep their order, also those of several parts', async (t) => {
  const client = newClient();
  await client.connect();
  const log = given(t);
  await Promise.all([
    client.sendRealtimeInput({ text: 'first', audio: chunk(1), audioStreamEnd: true }),
    client.sendRealtimeInput({ audio: chunk(2) }),
  ]);
  assert.deepEqual(log, ['text', 'audio 1', 'audioStreamEnd', 'audio 2']);
  await client.destroy();
});

test('a part that has no room is tried again alone', async (t) => {
  const client = newClient({ session: { settings: { outbox: { maxBytes: 65_536 } } } } as Partial<GeminiLiveConfig>);
  await client.connect();
  const log = given(t);
  const down = new Promise<void>((resolve) => supervisor.once('down', () => resolve()));
  process.kill(supervisor.current!.pid, 'SIGKILL');
  await down;
  const large = client.sendRealtimeInput({ text: 'x'.repeat(65_480) });
  await client.sendRealtimeInput({ audio: chunk(1), audioStreamEnd: true }, { timeout: 5_000 });
  await large;
  assert.equal(log.filter((entry) => entry === 'audio 1').length, 1);
  await client.destroy();
});

test('what is said while the session is being closed is refused', async () => {
  const client = newClient();
  await client.connect();
  const closed = client.disconnect();
  await assert.rejects(client.sendRealtimeInput({ audio: chunk(1) }));
  await assert.rejects(client.sendRealtimeInput({ text: 'hello' }));
  await closed;
  await client.destroy();
});

test('a client that was destroyed takes nothing', async () => {
  const client = newClient();
  await client.destroy();
  await assert.rejects(client.sendRealtimeInput({ text: 'hello' }), /destroyed/);
  await assert.rejects(client.connect(), /destroyed/);
});

test('an input that is none is refused in words', async () => {
  const client = newClient();
  await assert.rejects(client.sendRealtimeInput(null as never), /neither audio, nor text/);
  await client.destroy();
});

test('who listens from within a listener hears what follows', async () => {
  const client = newClient();
  const heard: string[] = [];
  client.once('stateChange', () => {
    client.once('connecting', () => heard.push('connecting'));
  });
  client.once('connected', () => {
    client.once('setupComplete', () => heard.push('setupComplete'));
    client.once('sessionCreated', () => heard.push('sessionCreated'));
  });
  await client.connect();
  assert.deepEqual(heard, ['connecting', 'setupComplete', 'sessionCreated']);
  await client.destroy();
});

test('disconnect() ends with `closed` also when nothing could be opened, or was yet', async () => {
  const early = newClient();
  const connecting = assert.rejects(early.connect());
  const closed = next(early, 'closed');
  await Promise.all([early.disconnect(), closed, connecting]);
  assert.equal(early.getConnectionState(), 'disconnected');
  await early.destroy();

  const failed = newClient({
    websocketBaseUrl: 'ws://127.0.0.1:9',
    session: { settings: { deadlines: { openMs: 1_000 } } },
  });
  failed.on('error', () => {});
  await assert.rejects(failed.connect());
  await Promise.all([next(failed, 'closed'), failed.disconnect()]);
  assert.equal(failed.getCurrentSession(), null);
  await failed.destroy();
});

test('the object of a getter is the app\'s own', async () => {
  const client = newClient();
  await client.connect();
  const session = client.getCurrentSession()!;
  session.status = 'expired';
  session.connectionHistory.length = 0;
  assert.equal(client.getCurrentSession()!.status, 'active');
  await client.destroy();
});

test('a microphone without a session makes one error, not one for each chunk', async () => {
  const client = newClient({ maxQueueSize: 100 });
  let errors = 0;
  client.on('error', () => errors++);
  for (let i = 0; i < 500; i++) await client.sendRealtimeInput({ audio: chunk(1) });
  assert.equal(errors, 1);
  await client.destroy();
});

test('a countdown is heard by whoever comes before the others', async () => {
  const client = newClient({ reconnectionConfig: { baseDelay: 5_000 } } as Partial<GeminiLiveConfig>);
  await client.connect();
  client.on('error', () => {});
  await simulator.fault({ do: 'refuse', status: 503, times: 2 });
  const waiting = next(client, 'reconnectionStarted', ({ delay }) => delay > 1_000);
  await simulator.fault({ do: 'cut' });
  await waiting;
  await new Promise<void>((resolve) => client.prependListener('reconnectionCountdown', () => resolve()));
  await client.destroy();
});
