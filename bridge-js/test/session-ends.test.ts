/** How a session begins and ends: refused, given up, suspended in between, closed with and without a process. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import test from 'node:test';
import { inspect } from 'node:util';
import { SidecarClosedError, SidecarRpcError, SidecarTimeoutError } from '../src/errors.js';
import { PROGRAM } from './support-program.js';
import { nextOf, until } from './support.js';
import { CHUNK_MS, fault, heard, KEY, next, POSIX_ONLY, stage } from './support-session.js';

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

test('a process that dies while the session is closed: the next one gets what was said', POSIX_ONLY, () =>
  stage(async ({ session, supervisor, kill, told }) => {
    await session.open();
    kill('SIGSTOP'); // it cannot take it any more
    session.sendAudio(randomBytes(640));
    const closed = session.close({ drainMs: 10_000 });
    const second = session.close();
    kill('SIGKILL');
    await closed;
    await second;
    assert.equal((await heard()).audio.uniqueMs, CHUNK_MS);
    assert.ok(!told.includes('(dropped)') && !told.includes('(failed)'), told.join());
    assert.equal(told.at(-1), 'disconnected');
    assert.deepEqual((await supervisor.call('session/list')).sessions, []);
  }));

test('... and if none comes in time, it is told as dropped, and close ends', POSIX_ONLY, () =>
  stage(
    async ({ session, kill, told }) => {
      await session.open();
      kill('SIGSTOP');
      session.sendAudio(randomBytes(640));
      const dropped = next(session, 'dropped');
      const closed = session.close({ drainMs: 300 });
      const start = performance.now();
      kill('SIGKILL');
      await closed;
      assert.ok(performance.now() - start < 1_300);
      assert.equal((await dropped).reason, 'sessionClosed');
      assert.equal(told.at(-1), 'disconnected');
    },
    {},
    { restart: { baseDelayMs: 60_000, maxDelayMs: 60_000 } },
  ));

test('an opening that is suspended and loses its process rejects at its deadline', async () => {
  const silent = createServer().listen(0, '127.0.0.1'); // connects, and never answers
  await once(silent, 'listening');
  try {
    await stage(
      async ({ session, kill }) => {
        const start = performance.now();
        const opening = session.open();
        const rejected = assert.rejects(opening, (error) => {
          assert.ok(error instanceof SidecarTimeoutError && !error.sent, String(error));
          assert.match(error.message, /within 1500 ms.*suspended.*`resume\(\)`/);
          return true;
        });
        await next(session, 'stateChanged', ({ state }) => state === 'connecting');
        await session.suspend();
        const lost = next(session, 'lost');
        kill('SIGKILL');
        await lost;
        assert.equal(session.state, 'suspended');
        await rejected;
        assert.ok(performance.now() - start >= 1_499);
        assert.equal(session.state, 'disconnected');
      },
      {
        endpoint: { baseUrl: `ws://127.0.0.1:${(silent.address() as AddressInfo).port}` },
        settings: { deadlines: { openMs: 1_500 } },
      },
    );
  } finally {
    silent.close();
  }
});

test('an opening that is suspended before there is a process resolves when it is resumed', () =>
  stage(async ({ session, supervisor, told }) => {
    const opening = session.open();
    assert.equal(await session.suspend(), undefined);
    await supervisor.start();
    assert.equal(session.state, 'suspended');
    assert.deepEqual((await supervisor.call('session/list')).sessions, []);
    assert.equal((await session.resume()).state, 'connected');
    assert.equal((await opening).state, 'connected');
    assert.equal(told.at(-1), 'connected');
  }));

test('a listener of `failed` may bring the session back and go on at once', () =>
  stage(
    async ({ session, kill, told }) => {
      await session.open();
      const back = new Promise<unknown>((resolve) => {
        session.once('failed', () => resolve(Promise.all([session.reconnect(), session.send({ realtimeInput: { text: 'Hello?' } })])));
      });
      kill('SIGKILL');
      await back;
      assert.equal(session.state, 'connected');
      assert.equal(told.filter((name) => name === '(failed)').length, 1);
    },
    {},
    { restart: false },
  ));

test('the limits of `reconnect` and `resume` hold without a process, and end no session', () =>
  stage(
    async ({ session, kill, supervisor }) => {
      await session.open();
      kill('SIGKILL');
      await next(session, 'lost');
      await assert.rejects(session.reconnect({ signal: AbortSignal.abort() }), { name: 'AbortError' });
      await assert.rejects(session.reconnect({ timeoutMs: 1 }), { name: 'SidecarTimeoutError', sent: false });
      await until(() => session.state === 'connected', 'it came back all the same');
      await session.suspend();
      kill('SIGKILL');
      await next(session, 'lost');
      const up = nextOf((listener) => supervisor.on('up', listener), 'up');
      const aborted = new AbortController();
      const resumed = assert.rejects(session.resume({ signal: aborted.signal }), { name: 'AbortError' });
      aborted.abort();
      await resumed;
      await up;
      await until(() => session.state === 'connected', 'it was resumed all the same');
    },
    {},
    { restart: { baseDelayMs: 60_000, maxDelayMs: 60_000 } },
  ));

test('the deadline of `open` holds from the call on, also while there is no process', () =>
  stage(
    async ({ session }) => {
      const start = performance.now();
      await assert.rejects(session.open({ timeoutMs: 200 }), { name: 'SidecarTimeoutError', timeoutMs: 200 });
      assert.ok(performance.now() - start < 2_000);
      assert.equal(session.state, 'disconnected');
      await assert.rejects(session.open({ timeoutMs: 0 }), RangeError);
    },
    {},
    { command: process.execPath, args: [PROGRAM, 'neverAnswers'] },
  ));

test('a session that failed takes nothing, whatever becomes of its process', () =>
  stage(
    async ({ session, supervisor, kill }) => {
      await session.open();
      const failed = next(session, 'failed');
      await fault({ do: 'refuse', status: 503, times: 5 });
      await fault({ do: 'cut' });
      await failed;
      const down = nextOf((listener) => supervisor.on('down', listener), 'down');
      kill('SIGKILL');
      await down;
      await assert.rejects(session.send({ realtimeInput: { text: 'x' } }), { name: 'SessionFailedError' });
      await fault({ do: 'refuse', status: 503, times: 0 }).catch(() => undefined);
    },
    { settings: { reconnect: { maxAttempts: 1, baseDelayMs: 10 } } },
  ));

test('what a listener causes is told after what it was told of', () =>
  stage(
    async ({ session, supervisor, kill, told }) => {
      await session.open();
      session.on('stateChanged', ({ state }) => state === 'reconnecting' && void session.suspend());
      told.length = 0;
      const down = nextOf((listener) => supervisor.on('down', listener), 'down');
      kill('SIGKILL');
      await down;
      await until(() => session.state === 'suspended', 'suspended');
      assert.deepEqual(told, ['reconnecting', '(reconnecting)', '(error)', '(lost)', 'suspended']);
    },
    {},
    { restart: { baseDelayMs: 60_000 } },
  ));

test('a listener of `disconnected` may open the session again', () =>
  stage(async ({ session, supervisor }) => {
    await session.open();
    const again = new Promise<unknown>((resolve) => {
      const off = session.on('stateChanged', ({ state }) => {
        if (state !== 'disconnected') return;
        off();
        resolve(session.open());
      });
    });
    await session.close();
    assert.equal(((await again) as { state: string }).state, 'connected');
    assert.equal(session.state, 'connected');
    const stopped = new Promise<unknown>((resolve) => {
      const off = session.on('stateChanged', ({ state }) => {
        if (state !== 'disconnected') return;
        off();
        resolve(assert.rejects(session.open(), SidecarClosedError));
      });
    });
    await supervisor.stop();
    await stopped;
    assert.equal(supervisor.running, false, 'nor does it start a process after `stop()`');
  }));
