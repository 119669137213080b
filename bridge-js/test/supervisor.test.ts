/** Supervision of real processes: the sidecar of the development environment, and programs that misbehave. */
import assert from 'node:assert/strict';
import { ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, mock, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  RequestRefusedError,
  SidecarClosedError,
  SidecarCrashLoopError,
  SidecarDownError,
  SidecarProtocolError,
  SidecarSpawnError,
  SidecarStuckError,
} from '../src/errors.js';
import { SidecarProcess } from '../src/process.js';
import { Supervisor, type DownEvent, type SupervisorEvents, type SupervisorOptions } from '../src/supervisor.js';
import { isAlive, nextOf, until } from './support.js';

const PROGRAM = fileURLToPath(new URL('../../test/programs/misbehaving.mjs', import.meta.url));
const IDLE = fileURLToPath(new URL('../../test/programs/idle.mjs', import.meta.url));
const BRIDGE = new URL('../src/index.js', import.meta.url).href;
/** Without a watchdog: on a busy machine a process that is well may take longer than a test would wait. */
const FAST = { restart: { baseDelayMs: 10, jitter: 0 }, watchdog: false } as const;
const WATCHED = { watchdog: { intervalMs: 60, timeoutMs: 400 } } as const;
const POSIX_ONLY = { skip: process.platform === 'win32' && 'Windows cannot stop a process by a signal' };

const made: Supervisor[] = [];
after(() => Promise.all(made.map((supervisor) => supervisor.stop({ graceMs: 0 }))));

function supervise(way: string | undefined, options: SupervisorOptions = {}): Supervisor {
  const program = way === undefined ? {} : { command: process.execPath, args: [PROGRAM, way] };
  const supervisor = new Supervisor({ ...FAST, ...program, ...options });
  made.push(supervisor);
  supervisor.ref(); // the tests wait for what it tells
  return supervisor;
}

function next<E extends keyof SupervisorEvents>(supervisor: Supervisor, event: E): Promise<SupervisorEvents[E]> {
  return nextOf((listener) => supervisor.on(event, listener), event);
}

/** Every process there ever was, and a failure when two live at once. */
function pidsOf(supervisor: Supervisor): number[] {
  const pids: number[] = [];
  supervisor.on('up', ({ sidecar }) => {
    for (const pid of pids) assert.ok(!isAlive(pid), `${pid} lives beside ${sidecar.pid}`);
    pids.push(sidecar.pid);
  });
  return pids;
}

test('a process that is killed is replaced, and the app hears of it in order', async () => {
  const supervisor = supervise(undefined);
  const pids = pidsOf(supervisor);
  const told: string[] = [];
  supervisor.on('up', ({ restarts }) => told.push(`up ${restarts}`));
  supervisor.on('down', ({ exit, retryInMs }) => told.push(`down ${exit.signal} ${retryInMs}`));
  const first = await supervisor.start();
  assert.equal(supervisor.current, first);
  process.kill(first.pid, 'SIGKILL');
  const down = await next(supervisor, 'down');
  assert.ok(Math.abs(Date.now() - down.atMs) < 1_000);
  await assert.rejects(supervisor.call('ping'), (error) => error instanceof SidecarDownError && error.sent === false);
  assert.throws(() => supervisor.notify('exit'), SidecarDownError);
  const second = await supervisor.start();
  assert.notEqual(second.pid, first.pid);
  assert.ok((await supervisor.call('ping')).uptimeMs >= 0);
  await supervisor.stop();
  assert.deepEqual(told, ['up 0', 'down SIGKILL 10', 'up 1']);
  await assert.rejects(supervisor.call('ping'), SidecarClosedError);
  assert.ok(!pids.some(isAlive));
});

test('a process that hangs is found by ping, killed, awaited and replaced', POSIX_ONLY, async () => {
  const supervisor = supervise(undefined, WATCHED);
  const pids = pidsOf(supervisor);
  const first = await supervisor.start();
  process.kill(first.pid, 'SIGSTOP');
  const hung = next(supervisor, 'hung');
  const call = assert.rejects(supervisor.call('session/list'), { name: 'SidecarExitError', sent: true });
  assert.equal((await hung).pid, first.pid);
  assert.equal((await next(supervisor, 'down')).exit.signal, 'SIGKILL');
  await call;
  await next(supervisor, 'up');
  assert.equal(pids.length, 2);
  await supervisor.stop();
  assert.ok(!pids.some(isAlive));
});

test('a process that is well, and busy with much else, is left alone', async () => {
  const supervisor = supervise('floodsStderr', { watchdog: { intervalMs: 20, timeoutMs: 3_000 } });
  let hung = 0;
  supervisor.on('hung', () => hung++);
  const { pid } = await supervisor.start();
  for (let i = 0; i < 5; i++) await supervisor.call('ping');
  assert.deepEqual([hung, supervisor.current?.pid], [0, pid]);
});

test('a crash loop stops at its limit, with the last lines of stderr and what to do', async () => {
  const supervisor = supervise('crashesAtOnce', { restart: { baseDelayMs: 1, maxRestarts: 3 } });
  const downs: DownEvent[] = [];
  supervisor.on('down', (down) => downs.push(down));
  const gaveUp = next(supervisor, 'gaveUp');
  await assert.rejects(supervisor.start(), (error) => {
    assert.ok(error instanceof SidecarCrashLoopError);
    assert.equal(error.ends, 4);
    assert.match(error.message, /4 times in a row.*`start\(\)`.*code 3[^]*ImportError: no module named msgspec/);
    assert.deepEqual(error.stderrTail, ['ImportError: no module named msgspec']);
    return true;
  });
  assert.ok((await gaveUp) instanceof SidecarCrashLoopError);
  assert.deepEqual(downs.map(({ exit, retryInMs }) => [exit.code, retryInMs === undefined]), [[3, false], [3, false], [3, false], [3, true]]);
  assert.equal(supervisor.running, false);
  await assert.rejects(supervisor.start(), SidecarCrashLoopError); // it begins to count anew
  assert.equal(downs.length, 8);
});

test('what trying again cannot help is told at once', async () => {
  for (const [way, options, kind] of [
    ['otherVersion', {}, SidecarProtocolError],
    ['refuses', {}, SidecarProtocolError],
    ['well', { command: '/does/not/exist' }, SidecarSpawnError],
  ] as const) {
    const supervisor = supervise(way, options);
    let downs = 0;
    supervisor.on('down', () => downs++);
    await assert.rejects(supervisor.start(), kind);
    assert.deepEqual([downs, supervisor.running], [0, false], way);
  }
});

test('without restarts the first end is the last', async () => {
  const supervisor = supervise('crashesOnPing', { restart: false });
  const gaveUp = next(supervisor, 'gaveUp');
  await supervisor.start();
  await assert.rejects(supervisor.call('ping'), { name: 'SidecarExitError' });
  assert.equal((await gaveUp).name, 'SidecarExitError');
});

test('a handler answers in every process, until it is taken back', async () => {
  const supervisor = supervise(undefined);
  const asked: string[] = [];
  const takeBack = supervisor.handle('auth/token', ({ sessionId }) => {
    asked.push(sessionId);
    throw new RequestRefusedError('Nobody is signed in.', { retryable: false });
  });
  assert.throws(() => supervisor.handle('auth/token', () => ({ token: 't' })), /has a handler/);
  const open = (sessionId: string): Promise<unknown> =>
    supervisor.call('session/open', {
      sessionId,
      endpoint: { family: 'vertex', baseUrl: 'ws://127.0.0.1:9' },
      auth: { type: 'host' },
      setup: { model: 'projects/p/locations/global/publishers/google/models/m' },
    });
  process.kill((await supervisor.start()).pid, 'SIGKILL');
  await next(supervisor, 'up');
  await assert.rejects(open('a'), /Nobody is signed in/);
  takeBack();
  await assert.rejects(open('b'), { kind: 'tokenDenied' });
  assert.deepEqual(asked, ['a']);
});

test('start() does not wait for the time of a restart; ends in a row are counted all the same', async () => {
  const supervisor = supervise('crashesOnPing', { restart: { baseDelayMs: 60_000, maxDelayMs: 60_000, maxRestarts: 1 } });
  const pids = pidsOf(supervisor);
  const first = await supervisor.start();
  const down = next(supervisor, 'down');
  await assert.rejects(supervisor.call('ping'), { name: 'SidecarExitError' });
  assert.ok((await down).retryInMs! > 40_000);
  const [second, again] = await Promise.all([supervisor.start(), supervisor.start()]);
  assert.equal(second, again);
  assert.notEqual(second.pid, first.pid);
  const gaveUp = next(supervisor, 'gaveUp');
  await assert.rejects(supervisor.call('ping'), { name: 'SidecarExitError' });
  assert.ok((await gaveUp) instanceof SidecarCrashLoopError);
  assert.equal(pids.length, 2);
});

/** From now on, and until the test ends, no process can be killed from here. */
function withoutKill(context: TestContext): void {
  context.mock.method(ChildProcess.prototype, 'kill', () => true);
}

test('a start whose process cannot be ended is not tried again, and says which process lives on', async (context) => {
  let pid = 0;
  const starts: string[] = [];
  const supervisor = supervise('neverAnswers', { startTimeoutMs: 500 });
  supervisor.on('stderr', (line) => {
    starts.push(line);
    pid = Number(/^process (\d+) /.exec(line)?.[1]);
  });
  withoutKill(context);
  try {
    await assert.rejects(supervisor.start(), (error) => {
      assert.ok(error instanceof SidecarStuckError && error.pid === pid, String(error));
      assert.match(error.message, new RegExp(`process ${pid}.*End it by hand.*No answer to initialize within 500 ms`));
      return true;
    });
    assert.deepEqual([isAlive(pid), supervisor.running, starts.length], [true, false, 1]);
  } finally {
    process.kill(pid, 'SIGKILL');
  }
});

test('stop() during a start tells of a process that cannot be ended', async (context) => {
  let pid = 0;
  const supervisor = supervise('neverAnswers', {
    on: { stderr: (line) => void (pid = Number(/^process (\d+) /.exec(line)?.[1])) },
  });
  const rejected = assert.rejects(supervisor.start(), SidecarClosedError);
  await until(() => pid > 0, 'the program runs');
  withoutKill(context);
  try {
    await assert.rejects(supervisor.stop(), SidecarStuckError);
    await rejected;
  } finally {
    process.kill(pid, 'SIGKILL');
  }
});

test('a hung process that cannot be killed is given up, and its late end is not taken for that of another', POSIX_ONLY, async (context) => {
  const supervisor = supervise(undefined, WATCHED);
  const { pid } = await supervisor.start();
  let downs = 0;
  supervisor.on('down', () => downs++);
  const gaveUp = next(supervisor, 'gaveUp');
  withoutKill(context);
  process.kill(pid, 'SIGSTOP');
  try {
    assert.ok((await gaveUp) instanceof SidecarStuckError);
    assert.deepEqual([supervisor.current, supervisor.running], [undefined, false]);
    const second = await supervisor.start();
    const ended = nextOf((listener) => supervisor.on('exit', listener), 'exit');
    process.kill(pid, 'SIGKILL');
    await ended;
    assert.deepEqual([supervisor.current, downs], [second, 0]);
  } finally {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    context.mock.restoreAll();
  }
});

test('stop works in every phase, twice, and leaves no process', async () => {
  const phases: Record<string, (supervisor: Supervisor) => Promise<unknown>> = {
    'before the start': async () => {},
    'during the start': async (supervisor) => void supervisor.start().catch(() => {}),
    'up': (supervisor) => supervisor.start(),
    'during the wait for a restart': async (supervisor) => {
      process.kill((await supervisor.start()).pid, 'SIGKILL');
      await next(supervisor, 'down');
    },
    'during the restart': async (supervisor) => {
      process.kill((await supervisor.start()).pid, 'SIGKILL');
      await next(supervisor, 'log'); // the next process says its first word
    },
  };
  for (const [phase, reach] of Object.entries(phases)) {
    const wait = phase.includes('wait') ? { restart: { baseDelayMs: 60_000 } } : {};
    const supervisor = supervise(undefined, wait);
    const pids = pidsOf(supervisor);
    await reach(supervisor);
    await Promise.all([supervisor.stop(), supervisor.stop()]);
    await supervisor.stop();
    assert.deepEqual([supervisor.current, supervisor.running], [undefined, false], phase);
    assert.ok(!pids.some(isAlive), phase);
  }
});

test('a start that is stopped rejects, and leaves no process, though it never answered', async () => {
  let pid = 0;
  const supervisor = supervise('neverAnswers', {
    on: { stderr: (line) => void (pid = Number(/^process (\d+) /.exec(line)?.[1])) },
  });
  const rejected = assert.rejects(supervisor.start(), SidecarClosedError);
  await until(() => pid > 0, 'the program runs');
  const start = performance.now();
  await supervisor.stop();
  await rejected;
  assert.ok(performance.now() - start < 3_000, 'it does not wait for the answer');
  assert.ok(!isAlive(pid));
});

for (const [event, restart] of [['down', { baseDelayMs: 60_000 }], ['gaveUp', false]] as const) {
  test(`stop() ends what a listener of \`${event}\` started, and no other stays beside it`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'live-sidecar-supervisor-test-'));
    const pids: number[] = [];
    try {
      const args = [PROGRAM, 'failsOnceThenStartsSlowly', join(folder, 'flag')];
      const supervisor = supervise('', { args, restart });
      const startProcess = SidecarProcess.start.bind(SidecarProcess);
      mock.method(SidecarProcess, 'start', async (options: Parameters<typeof startProcess>[0]) => {
        const child = await startProcess(options);
        pids.push(child.pid!);
        return child;
      });
      const again = new Promise<Promise<unknown>>((resolve) => {
        supervisor.once(event, () => resolve(assert.rejects(supervisor.start(), SidecarClosedError).then(() => 'rejected')));
      });
      const first = assert.rejects(supervisor.start());
      const second = again;
      await until(() => pids.length === 2, 'the second process');
      await supervisor.stop();
      await first;
      await second;
      assert.ok(!pids.some(isAlive), 'none is left');
      await supervisor.start();
      assert.deepEqual(pids.map(isAlive), [false, false, true]);
      await supervisor.stop();
      assert.ok(!pids.some(isAlive));
    } finally {
      mock.restoreAll();
      rmSync(folder, { recursive: true });
    }
  });
}

test('a hung process does not hold stop for ever', POSIX_ONLY, async () => {
  const supervisor = supervise(undefined);
  const { pid } = await supervisor.start();
  process.kill(pid, 'SIGSTOP');
  await supervisor.stop({ graceMs: 100 });
  assert.ok(!isAlive(pid));
});

test('after stop it may be started again', async () => {
  const supervisor = supervise('well');
  const first = await supervisor.start();
  const stopping = supervisor.stop();
  const second = await supervisor.start(); // waits for the end of the first
  await stopping;
  assert.ok(!isAlive(first.pid));
  assert.ok(isAlive(second.pid));
});

test('of stop, start, stop the last word counts', async () => {
  const supervisor = supervise('well');
  const pids = pidsOf(supervisor);
  await supervisor.start();
  const stopped = supervisor.stop();
  const started = assert.rejects(supervisor.start(), SidecarClosedError);
  await Promise.all([stopped, supervisor.stop(), started]);
  const again = assert.rejects(supervisor.start(), SidecarClosedError); // it has not begun yet
  await Promise.all([supervisor.stop(), again]);
  assert.deepEqual([supervisor.running, pids.length, pids.some(isAlive)], [false, 1, false]);
  await supervisor.start();
  assert.equal(pids.length, 2);
});

for (const how of ['idle', 'closed', 'waiting']) {
  test(`a script with nothing left to do ends by itself (${how})`, async () => {
    const script = spawn(process.execPath, [IDLE, BRIDGE, how], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    script.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const timer = setTimeout(() => script.kill('SIGKILL'), 15_000);
    const [code, signal] = (await once(script, 'exit')) as [number | null, string | null];
    clearTimeout(timer);
    assert.deepEqual([code, signal], [0, null]);
    const [pid, state] = output.trim().split(' ');
    assert.equal(state, 'done');
    await until(() => !isAlive(Number(pid)), 'its sidecar is gone', 1_000);
  });
}
