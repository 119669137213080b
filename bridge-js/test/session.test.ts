/** A session over several processes: the real sidecar is killed and stopped, the real simulator counts what arrives. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { SidecarDownError } from '../src/errors.js';
import { nextOf } from './support.js';
import { CHUNK_MS, heard, next, POSIX_ONLY, speak, stage } from './support-session.js';

for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
  test(`${signal} of the sidecar in mid-utterance loses nothing`, signal === 'SIGSTOP' ? POSIX_ONLY : {}, () =>
    stage(async ({ session, told, kill }) => {
      assert.equal((await session.open()).state, 'connected');
      const revisions: number[] = [];
      session.on('stateChanged', ({ revision }) => revisions.push(revision));
      const back = next(session, 'reconnected');
      const said = await speak(session, 50, () => kill(signal));
      const { audio } = await heard();
      assert.equal(audio.sha256, said);
      assert.equal(audio.uniqueMs, 50 * CHUNK_MS);
      const { stateRestored, gapMs, heldMs, replayedMs } = await back;
      assert.equal(stateRestored, 'resumed');
      assert.ok(gapMs > 0 && heldMs >= replayedMs && replayedMs > 0, `${gapMs} ${heldMs} ${replayedMs}`);
      const states = ['connecting', 'connected', 'reconnecting', '(reconnecting)', '(error)', '(lost)'];
      assert.deepEqual(told, [...states, 'reconnecting', 'connected', '(reconnected)']);
      assert.deepEqual(revisions, [...new Set(revisions)].sort((a, b) => a - b));
    }, {}, signal === 'SIGSTOP' ? { watchdog: { intervalMs: 100, timeoutMs: 400 } } : {}),
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

test('reconnect does not wait for the time of a restart', () =>
  stage(
    async ({ session, kill }) => {
      const handle = next(session, 'resumption', (told) => told.handle !== undefined);
      await session.open();
      await handle;
      const lost = next(session, 'lost');
      const back = next(session, 'reconnected');
      kill('SIGKILL');
      assert.ok((await lost).retryInMs! > 40_000);
      session.sendAudio(randomBytes(640));
      assert.equal((await session.reconnect()).state, 'connected');
      assert.equal((await back).stateRestored, 'resumed');
      await next(session, 'queue', ({ confirmedThrough = -1 }) => confirmedThrough >= 0);
      assert.equal((await heard()).audio.uniqueMs, CHUNK_MS);
    },
    {},
    { restart: { baseDelayMs: 60_000, maxDelayMs: 60_000 } },
  ));
