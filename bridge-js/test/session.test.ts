/** A session over several processes: the real sidecar is killed and stopped, the real simulator counts what arrives. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import test, { after, before } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { SidecarClosedError, SidecarDownError, SidecarRpcError } from '../src/errors.js';
import type { OpenParams } from '../src/generated/protocol.js';
import { locate } from '../src/locate.js';
import { Secret } from '../src/secret.js';
import { LiveSession } from '../src/session.js';
import type { LiveSessionEvents } from '../src/session-events.js';
import { Supervisor, type SupervisorOptions } from '../src/supervisor.js';
import { firstLine, nextOf } from './support.js';

const KEY = 'AIza-of-the-session-test';
const CHUNK_MS = 20;
const POSIX_ONLY = { skip: process.platform === 'win32' && 'Windows cannot stop a process by a signal' };

let simulator: ChildProcess;
let url = '';
let control = '';
let opened = 0;

before(async () => {
  simulator = spawn(locate(), ['simulate', '--until-stdin-closes', '--quiet'], { stdio: ['pipe', 'pipe', 'inherit'] });
  ({ url, control } = JSON.parse(await firstLine(simulator)) as { url: string; control: string });
});

after(async () => {
  simulator.stdin?.end();
  await once(simulator, 'exit');
});

interface Stage {
  readonly supervisor: Supervisor;
  readonly session: LiveSession;
  /** Names of what was told, with the state for `stateChanged`. */
  readonly told: string[];
  kill(signal: NodeJS.Signals): void;
}

/** Runs `body` with a session that is not open yet; afterwards nothing of it is left. */
async function stage(
  body: (stage: Stage) => Promise<void>,
  more: Partial<OpenParams> = {},
  options: SupervisorOptions = {},
): Promise<void> {
  const supervisor = new Supervisor({
    logLevel: 'error',
    restart: { baseDelayMs: 20 },
    watchdog: { intervalMs: 100, timeoutMs: 400 },
    ...options,
  });
  const session = new LiveSession(supervisor, {
    sessionId: `s${++opened}`,
    auth: { type: 'apiKey', apiKey: new Secret(KEY) },
    endpoint: { baseUrl: url },
    setup: { model: 'models/m', generationConfig: { responseModalities: ['AUDIO'] } },
    ...more,
  });
  const told: string[] = [];
  session.on('stateChanged', ({ state }) => told.at(-1) !== state && told.push(state));
  for (const name of ['lost', 'reconnecting', 'reconnected', 'failed', 'dropped', 'turn', 'error'] as const) {
    session.on(name, () => told.push(`(${name})`));
  }
  try {
    await body({ supervisor, session, told, kill: (signal) => process.kill(supervisor.current!.pid, signal) });
  } finally {
    await session.close();
    await supervisor.stop();
  }
}

function next<E extends keyof LiveSessionEvents>(
  session: LiveSession,
  event: E,
  wanted: (value: LiveSessionEvents[E]) => boolean = () => true,
): Promise<LiveSessionEvents[E]> {
  return nextOf((listener) => session.on(event, listener), event, wanted);
}

/** What the service has of the newest session. */
async function heard(): Promise<{ texts: number; audio: { uniqueMs: number; doubledMs: number; sha256: string } }> {
  const state = (await (await fetch(`${control}/state`)).json()) as { sessions: never[] };
  return state.sessions.at(-1)!;
}

/** Speaks noise at the speed of speech; calls `at` in the middle. Resolves with what was said, once it is confirmed. */
async function speak(session: LiveSession, chunks: number, at: () => unknown): Promise<string> {
  const hash = createHash('sha256');
  const confirmed = next(session, 'queue', ({ confirmedThrough = -1 }) => confirmedThrough >= chunks - 1);
  for (let i = 0; i < chunks; i++) {
    const chunk = randomBytes(640);
    hash.update(chunk);
    session.sendAudio(chunk);
    if (i === Math.floor(chunks / 2)) await at();
    await delay(CHUNK_MS);
  }
  await confirmed;
  return hash.digest('hex');
}

for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
  test(`${signal} of the sidecar in mid-utterance loses nothing`, signal === 'SIGSTOP' ? POSIX_ONLY : {}, () =>
    stage(async ({ session, told, kill }) => {
      assert.equal((await session.open()).state, 'connected');
      const revisions: number[] = [];
      session.on('stateChanged', ({ revision }) => revisions.push(revision));
      const back = next(session, 'reconnected');
      const said = await speak(session, 80, () => kill(signal));
      const { audio } = await heard();
      assert.equal(audio.sha256, said);
      assert.equal(audio.uniqueMs, 80 * CHUNK_MS);
      const { stateRestored, gapMs, heldMs, replayedMs } = await back;
      assert.equal(stateRestored, 'resumed');
      assert.ok(gapMs > 0 && heldMs >= replayedMs && replayedMs > 0, `${gapMs} ${heldMs} ${replayedMs}`);
      const states = ['connecting', 'connected', 'reconnecting', '(reconnecting)', '(error)', '(lost)'];
      assert.deepEqual(told, [...states, 'reconnecting', 'connected', '(reconnected)']);
      assert.deepEqual(revisions, [...new Set(revisions)].sort((a, b) => a - b));
    }),
  );
}

test('a message on its way when the process dies is accepted by the next one', POSIX_ONLY, () =>
  stage(async ({ session, kill, supervisor }) => {
    await session.open();
    kill('SIGSTOP'); // it cannot take it any more
    const sent = session.send({ realtimeInput: { text: 'Hello?' } });
    const call = assert.rejects(supervisor.call('session/get', { sessionId: session.id }), {
      name: 'SidecarExitError',
      sent: true,
    });
    kill('SIGKILL');
    await call;
    assert.match((await sent).status, /held|sent/);
    await next(session, 'queue', ({ confirmedThrough = -1 }) => confirmedThrough >= 0);
    assert.equal((await heard()).texts, 1);
  }));

test('what is sent while there is no process waits for the next; calls that need one say so', () =>
  stage(
    async ({ session, kill }) => {
      await session.open();
      kill('SIGKILL');
      await next(session, 'lost');
      assert.equal(session.state, 'reconnecting');
      const sent = session.send({ realtimeInput: { text: 'Are you there?' } });
      assert.equal(session.sendAudio(randomBytes(640)), false);
      await assert.rejects(session.ping(), SidecarDownError);
      await assert.rejects(session.send({ realtimeInput: { text: 'x' } }, { timeoutMs: 10 }), { sent: false });
      await assert.rejects(session.send({ realtimeInput: { text: 'x' } }, { signal: AbortSignal.timeout(10) }), {
        name: 'AbortError',
      });
      await session.drained();
      await sent;
      await next(session, 'queue', ({ confirmedThrough = -1 }) => confirmedThrough >= 1);
      const { texts, audio } = await heard();
      assert.deepEqual([texts, audio.uniqueMs], [1, CHUNK_MS], 'what was given up was not sent');
    },
    {},
    { restart: { baseDelayMs: 300 } },
  ));

test('a crash while the session is being opened is survived', () =>
  stage(async ({ session, supervisor, told }) => {
    supervisor.once('up', ({ sidecar }) => process.kill(sidecar.pid, 'SIGKILL'));
    assert.equal((await session.open()).state, 'connected');
    assert.deepEqual(told, ['(lost)', 'connecting', 'connected']);
  }));

test('an opening that is refused rejects, and may be tried again', () =>
  stage(
    async ({ session }) => {
      await assert.rejects(session.open(), { name: 'SidecarRpcError', kind: 'invalidParams' });
      await assert.rejects(session.open(), SidecarRpcError);
      assert.equal(session.state, 'disconnected');
      await assert.rejects(session.send({ realtimeInput: { text: 'x' } }), SidecarClosedError);
      assert.equal(session.sendAudio(''), false);
    },
    { setup: { model: 7 } },
  ));

test('an opening that is aborted rejects, also before there is a process', () =>
  stage(async ({ session, supervisor }) => {
    const early = new AbortController();
    const opening = session.open({ signal: early.signal });
    early.abort();
    await assert.rejects(opening, { name: 'AbortError' });
    await assert.rejects(session.open({ signal: AbortSignal.abort() }), { name: 'AbortError' });
    await session.open();
    assert.deepEqual((await supervisor.call('session/list')).sessions.map(({ state }) => state), ['connected']);
  }));

test('a session that was suspended stays so over a crash, until it is resumed', () =>
  stage(async ({ session, supervisor, kill, told }) => {
    await session.open();
    await session.suspend();
    const up = nextOf((listener) => supervisor.on('up', listener), 'up');
    kill('SIGKILL');
    await up;
    assert.equal(session.state, 'suspended');
    assert.equal(session.sendAudio(randomBytes(640)), false);
    assert.deepEqual((await supervisor.call('session/list')).sessions, []);
    assert.equal((await session.resume()).state, 'connected');
    await next(session, 'queue', ({ confirmedThrough = -1 }) => confirmedThrough >= 0);
    assert.equal((await heard()).audio.uniqueMs, CHUNK_MS);
    assert.ok(!told.includes('(failed)'));
  }));

test('reconnect ends a suspension for the processes to come, too', () =>
  stage(async ({ session, kill }) => {
    await session.open();
    await session.suspend();
    assert.equal((await session.reconnect()).state, 'connected');
    const back = next(session, 'reconnected');
    kill('SIGKILL');
    await back;
  }));

test('a suspension that was on its way when the process died holds, until it is resumed', POSIX_ONLY, () =>
  stage(async ({ session, supervisor, kill }) => {
    await session.open();
    kill('SIGSTOP'); // it cannot take it any more
    const suspended = next(session, 'stateChanged');
    const call = assert.rejects(session.suspend(), { name: 'SidecarExitError' });
    const up = nextOf((listener) => supervisor.on('up', listener), 'up');
    kill('SIGKILL');
    await call;
    assert.equal((await suspended).state, 'suspended');
    await up;
    assert.deepEqual((await supervisor.call('session/list')).sessions, []);
    assert.equal((await session.resume()).state, 'connected');
  }));

test('after a crash loop the session is failed, and reconnect brings it back', () =>
  stage(
    async ({ session, kill }) => {
      await session.open();
      const failed = next(session, 'failed');
      const lost = next(session, 'lost');
      kill('SIGKILL');
      assert.equal((await lost).retryInMs, undefined);
      assert.equal((await failed).name, 'SidecarExitError');
      await assert.rejects(session.send({ realtimeInput: { text: 'x' } }), { name: 'SidecarExitError' });
      assert.equal(session.sendAudio(randomBytes(640)), false);
      assert.equal(session.state, 'failed');
      await assert.rejects(session.drained(), { name: 'SidecarExitError' });
      assert.equal((await session.reconnect()).state, 'connected');
      assert.equal(session.state, 'connected');
    },
    {},
    { restart: false },
  ));

test('settings that were changed hold in the next process', () =>
  stage(async ({ session, kill }) => {
    await session.open();
    await session.configure({ stall: { afterMs: 4_321 } });
    const back = next(session, 'reconnected');
    kill('SIGKILL');
    await back;
    const { settings } = await session.configure({});
    assert.deepEqual([settings.stall?.afterMs, settings.outbox?.ringMs], [4_321, 60_000]);
  }));

test('a small maxMessages costs nothing of what is offered again, and holds once more after it', () =>
  stage(
    async ({ session, kill, told }) => {
      await session.open();
      kill('SIGKILL');
      await next(session, 'lost');
      for (let i = 0; i < 50; i++) session.sendAudio(randomBytes(640));
      await next(session, 'queue', ({ confirmedThrough = -1 }) => confirmedThrough >= 49);
      assert.equal((await heard()).audio.uniqueMs, 50 * CHUNK_MS);
      assert.ok(!told.includes('(dropped)'));
      assert.equal((await session.configure({})).settings.outbox?.maxMessages, 10);
    },
    { settings: { outbox: { maxMessages: 10 } } },
  ));

test('a deadline longer than any timer is none', () =>
  stage(async ({ session, supervisor }) => {
    await session.open();
    await session.send({ realtimeInput: { text: 'x' } }, { timeoutMs: 2 ** 31 });
    await supervisor.call('ping', {}, { timeoutMs: 2 ** 31 });
  }));

test('what the session needs to hear cannot be excluded, and is not told either', () =>
  stage(
    async ({ session, supervisor, kill }) => {
      let told = 0;
      for (const name of ['queue', 'resumption', 'health'] as const) session.on(name, () => told++);
      const handle = nextOf((listener) => supervisor.on('session/resumption', listener), 'handle');
      await session.open();
      await handle;
      const back = next(session, 'reconnected');
      kill('SIGKILL');
      assert.equal((await back).stateRestored, 'resumed');
      assert.equal(told, 0);
    },
    { notifications: { exclude: ['session/queue', 'session/resumption', 'session/health'] } },
  ));

test('close after a crash: the next process gets what was said', () =>
  stage(async ({ session, supervisor, kill, told }) => {
    await session.open();
    kill('SIGKILL');
    await next(session, 'lost');
    session.sendAudio(randomBytes(640));
    await session.close({ drainMs: 10_000 });
    assert.equal((await heard()).audio.uniqueMs, CHUNK_MS);
    assert.ok(!told.includes('(dropped)') && !told.includes('(failed)'), told.join());
    assert.equal(told.at(-1), 'disconnected');
    assert.deepEqual((await supervisor.call('session/list')).sessions, []);
  }));

test('close does not wait for a process that nobody starts', () =>
  stage(
    async ({ session, kill }) => {
      await session.open();
      session.sendAudio(randomBytes(640));
      const failed = next(session, 'failed');
      kill('SIGKILL');
      await failed;
      const start = performance.now();
      await session.close({ drainMs: 60_000 });
      assert.ok(performance.now() - start < 1_000);
    },
    {},
    { restart: false },
  ));

test('close of a process that hangs: given up soon, told as dropped what was not confirmed', POSIX_ONLY, () =>
  stage(
    async ({ session, kill }) => {
      await session.open();
      kill('SIGSTOP');
      try {
        session.sendAudio(randomBytes(640));
        const dropped = next(session, 'dropped');
        const start = performance.now();
        await session.close({ drainMs: 100 });
        assert.ok(performance.now() - start < 2_500);
        assert.equal((await dropped).reason, 'sessionClosed');
      } finally {
        kill('SIGKILL');
      }
    },
    {},
    { watchdog: false },
  ));

test('while it is being closed nothing is taken, and drained says so', () =>
  stage(async ({ session, kill }) => {
    await session.open();
    kill('SIGKILL');
    await next(session, 'lost');
    session.sendAudio(randomBytes(640));
    const waited = assert.rejects(session.drained(), SidecarClosedError);
    const closed = session.close({ drainMs: 200 });
    assert.equal(session.sendAudio(randomBytes(640)), false);
    await assert.rejects(session.drained(), SidecarClosedError);
    await waited;
    await closed;
  }));

test('close without a process that comes in time: told as dropped what was not confirmed', () =>
  stage(
    async ({ session, kill, told }) => {
      await session.open();
      kill('SIGKILL');
      await next(session, 'lost');
      session.sendAudio(randomBytes(640));
      const dropped = next(session, 'dropped');
      await session.close({ drainMs: 50 });
      const { reason, kind, fromN, throughN } = await dropped;
      assert.deepEqual([reason, kind, fromN, throughN], ['sessionClosed', 'audio', 0, 0]);
      assert.equal(told.at(-1), 'disconnected');
      await session.close();
    },
    {},
    { restart: { baseDelayMs: 60_000 } },
  ));

test('the end of the supervisor is the end of the session', () =>
  stage(async ({ session, supervisor, told }) => {
    await session.open();
    await supervisor.stop();
    assert.equal(session.state, 'disconnected');
    assert.equal(told.at(-1), 'disconnected');
    await assert.rejects(session.drained(), SidecarClosedError);
  }));

test('neither key nor handle can be seen in what is printed', () =>
  stage(async ({ session, supervisor }) => {
    const handle = next(session, 'resumption', (told) => told.handle !== undefined);
    await session.open();
    const secret = (await handle).handle!.reveal();
    for (const text of [inspect([session, supervisor], { depth: 9, showHidden: true }), JSON.stringify(session)]) {
      assert.ok(!text.includes(KEY) && !text.includes(secret), text);
    }
  }));
