/** The bridge against real child processes that misbehave. */
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  SidecarClosedError,
  SidecarExitError,
  SidecarProtocolError,
  SidecarRpcError,
  SidecarSpawnError,
  SidecarTimeoutError,
} from '../src/errors.js';
import { Sidecar, type ExitEvent, type LogEvent, type StartOptions } from '../src/sidecar.js';
import { isAlive, until } from './support.js';

const PROGRAM = fileURLToPath(new URL('../../test/programs/misbehaving.mjs', import.meta.url));
const POSIX_ONLY = { skip: process.platform === 'win32' && 'Windows has no signals that a program can refuse' };

const started: Sidecar[] = [];

async function start(way: string, options: StartOptions = {}): Promise<Sidecar> {
  const sidecar = await Sidecar.start({ command: process.execPath, args: [PROGRAM, way], ...options });
  started.push(sidecar);
  return sidecar;
}

// A test that fails half-way leaves its process behind, which would keep this one alive.
after(() => Promise.all(started.map((sidecar) => sidecar.stop({ graceMs: 0 }))));

test('start opens the conversation and stop ends the process', async () => {
  const sidecar = await start('well');
  assert.equal(sidecar.info.instanceId, 'i1');
  const { pid } = sidecar;
  assert.ok(isAlive(pid));
  assert.deepEqual(await sidecar.stop(), { code: 0, signal: null, stderrTail: [] });
  assert.ok(!isAlive(pid));
});

test('stop gives every caller the same answer, also after the end', async () => {
  const sidecar = await start('well');
  const exits: ExitEvent[] = [];
  sidecar.on('exit', (exit) => exits.push(exit));
  const [first, second] = await Promise.all([sidecar.stop(), sidecar.stop({ graceMs: 1 })]);
  assert.equal(first, second);
  assert.equal(await sidecar.stop(), first);
  assert.deepEqual(exits, [{ ...first, expected: true }]);
  await assert.rejects(sidecar.call('ping'), SidecarClosedError);
  assert.throws(() => sidecar.notify('exit'), SidecarClosedError);
});

test('Symbol.asyncDispose stops it', async () => {
  const sidecar = await start('well');
  const { pid } = sidecar;
  await sidecar[Symbol.asyncDispose]();
  assert.ok(!isAlive(pid));
});

test('a program that does not exist is named', async () => {
  await assert.rejects(Sidecar.start({ command: '/does/not/exist' }), (error) => {
    assert.ok(error instanceof SidecarSpawnError);
    assert.match(error.message, /^\/does\/not\/exist could not be started \(ENOENT\)\. Check/);
    return true;
  });
  const nowhere = Sidecar.start({ command: process.execPath, cwd: '/does/not/exist' });
  await assert.rejects(nowhere, /could not be started in the folder \/does\/not\/exist/);
});

test('a crash at the start shows code and stderr', async () => {
  await assert.rejects(start('crashesAtOnce'), (error) => {
    assert.ok(error instanceof SidecarExitError);
    assert.deepEqual([error.code, error.signal], [3, null]);
    assert.match(error.message, /with code 3\..*Is it the live-sidecar program.*\nImportError: no module named msgspec$/);
    return true;
  });
});

test('another program is recognised by what it prints', async () => {
  await assert.rejects(start('onlyGarbage'), /It wrote a line that is not JSON to stdout: usage: something-else/);
});

test('a start without an answer is given up, with the stderr so far, and the process killed', async () => {
  let pid = 0;
  const on = { stderr: (line: string): void => void (pid = Number(/^process (\d+) /.exec(line)?.[1])) };
  await assert.rejects(start('neverAnswers', { startTimeoutMs: 1500, on }), (error) => {
    assert.ok(error instanceof SidecarTimeoutError);
    assert.match(error.message, /No answer to initialize within 1500 ms\..*\nprocess \d+ is thinking$/);
    return true;
  });
  assert.ok(pid > 0);
  assert.ok(!isAlive(pid));
});

test('a slow start within its time is fine', async () => {
  const sidecar = await start('startsSlowly');
  await sidecar.stop();
});

test('another version of the protocol is refused', async () => {
  await assert.rejects(start('otherVersion'), (error) => {
    assert.ok(error instanceof SidecarProtocolError);
    assert.match(error.message, /version 99 .* version 1\. Install/);
    return true;
  });
  await assert.rejects(start('refuses'), (error) => {
    assert.ok(error instanceof SidecarProtocolError);
    assert.match(error.message, /Install versions of both/);
    assert.ok(error.cause instanceof SidecarRpcError);
    return true;
  });
});

test('garbage on stdout is reported and the conversation goes on', async () => {
  const reasons: string[] = [];
  const sidecar = await start('garbage', { on: { protocolError: ({ excerpt }) => reasons.push(excerpt) } });
  await sidecar.call('ping');
  assert.equal(reasons.length, 2);
  assert.equal(reasons[0], 'Welcome to the banner!');
  await sidecar.stop();
});

test('a crash rejects the calls in flight and tells the exit, with the last 200 lines of stderr', async () => {
  const sidecar = await start('crashesOnPing');
  const exits: ExitEvent[] = [];
  sidecar.on('exit', (exit) => exits.push(exit));
  await assert.rejects(sidecar.call('ping'), (error) => {
    assert.ok(error instanceof SidecarExitError);
    assert.deepEqual([error.code, error.signal, error.sent], [4, null, true]);
    assert.equal(error.stderrTail.length, 200);
    assert.equal(error.stderrTail.at(-2), 'line 300');
    assert.equal(error.stderrTail.at(-1), 'the last line has no end');
    return true;
  });
  assert.deepEqual(exits.map(({ code, expected }) => [code, expected]), [[4, false]]);
  await assert.rejects(sidecar.call('ping'), { name: 'SidecarExitError', sent: false });
  await assert.rejects(sidecar.drained(), SidecarExitError);
  assert.equal((await sidecar.stop()).code, 4);
});

test('an answer written just before the end is not lost', async () => {
  const sidecar = await start('answersAndCrashes');
  assert.deepEqual(await sidecar.call('ping'), { uptimeMs: 7, sessions: 0 });
  assert.equal((await sidecar.stop()).code, 5);
});

test('a kill from outside is told by its signal', POSIX_ONLY, async () => {
  const sidecar = await start('well');
  const call = sidecar.call('ping');
  await call;
  const exit = new Promise<ExitEvent>((resolve) => sidecar.once('exit', resolve));
  process.kill(sidecar.pid, 'SIGKILL');
  assert.deepEqual(await exit, { code: null, signal: 'SIGKILL', stderrTail: [], expected: false });
});

for (const way of ['closesStdin', 'closesStdout']) {
  test(`a process that ${way} but lives on is ended, and its calls rejected`, POSIX_ONLY, async () => {
    const sidecar = await start(way);
    const { pid } = sidecar;
    const ping = assert.rejects(sidecar.call('ping'), SidecarExitError);
    // Only a write shows that nobody reads any more.
    const timer = setInterval(() => void sidecar.call('session/list').catch(() => undefined), 20);
    await ping;
    clearInterval(timer);
    await until(() => !isAlive(pid), 'the process is gone');
  });
}

test('notify tells that the sidecar does not read; drained is rejected when it goes', async () => {
  const sidecar = await start('doesNotRead');
  const data = 'A'.repeat(64 * 1024);
  // The system takes some megabytes at most for a process that does not read; then there is no room any more.
  let waiting: Promise<void> | undefined;
  for (let n = 0, full = false; !full; n++) {
    assert.ok(n < 1000);
    if (sidecar.notify('session/sendAudio', { sessionId: 's1', n, data })) continue;
    waiting = sidecar.drained();
    full = await Promise.race([waiting.then(() => false), delay(200, true)]);
  }
  const gone = assert.rejects(waiting!, SidecarExitError);
  process.kill(sidecar.pid, 'SIGKILL');
  await gone;
});

test('a flood on stderr does not hold the conversation', async () => {
  let lines = 0;
  const sidecar = await start('floodsStderr', { on: { stderr: () => lines++ } });
  assert.equal((await sidecar.call('ping')).uptimeMs, 8);
  const { stderrTail } = await sidecar.stop();
  assert.equal(lines, 8 * 1024);
  assert.equal(stderrTail.length, 200);
});

test('log lines, raw lines and log notifications arrive as log events', async () => {
  const logs: LogEvent[] = [];
  const sidecar = await start('logs', { on: { log: (line) => logs.push(line) } });
  await sidecar.call('ping');
  await sidecar.stop();
  const by = (source: string): LogEvent[] => logs.filter((line) => line.source === source);
  const ts = '2026-01-01T00:00:00.000Z';
  assert.deepEqual(by('stderr'), [
    { source: 'stderr', level: 'warn', message: 'hello', data: { ts, logger: 'x', n: 1 } },
    { source: 'stderr', level: 'raw', message: 'Traceback (most recent call last):', data: {} },
  ]);
  assert.deepEqual(by('notification'), [
    { source: 'notification', level: 'error', message: 'not obeyed', data: { n: 2 } },
  ]);
});

test('a sidecar that ignores shutdown, the end of stdin and SIGTERM is killed', POSIX_ONLY, async () => {
  const sidecar = await start('ignoresTheEnd');
  const exit = await sidecar.stop({ graceMs: 100 });
  assert.deepEqual(exit, { code: null, signal: 'SIGKILL', stderrTail: ['SIGTERM'] });
});

test('initialize says which protocol, which app and which process', async () => {
  const client = { name: 'my-app', version: '2.1' };
  const sidecar = await start('echoes', { client });
  const { params } = (await sidecar.call('ping')) as unknown as { params: unknown };
  await sidecar.stop();
  assert.deepEqual(params, { protocolVersion: '1', client, parentPid: process.pid });
});

test('keys of the app reach neither the environment nor the arguments of the child', async () => {
  process.env['GEMINI_API_KEY'] = 'K-of-the-app';
  try {
    const sidecar = await start('echoes', { env: { ADDED: 'yes' }, logLevel: 'debug' });
    const seen = (await sidecar.call('ping')) as unknown as { env: Record<string, string>; argv: string[] };
    await sidecar.stop();
    assert.equal(seen.env['ADDED'], 'yes');
    assert.equal(seen.env['PATH'], process.env['PATH']);
    assert.ok(!JSON.stringify(seen).includes('K-of-the-app'));
    assert.deepEqual(seen.argv, ['echoes', 'serve', '--log-level', 'debug']);
  } finally {
    delete process.env['GEMINI_API_KEY'];
  }
});

test('no listener stays on the host process when the sidecars are gone', async () => {
  const before = process.listenerCount('exit');
  const sidecars = await Promise.all(Array.from({ length: 12 }, () => start('well')));
  assert.equal(process.listenerCount('exit'), before + 1);
  await Promise.all(sidecars.map((sidecar) => sidecar.stop()));
  assert.equal(process.listenerCount('exit'), before);
});
