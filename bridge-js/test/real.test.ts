/** The bridge with the real sidecar of the development environment, and its simulator as the service. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RequestRefusedError, SidecarExitError, SidecarRpcError } from '../src/errors.js';
import type { OpenParams, SessionSnapshot } from '../src/generated/protocol.js';
import { locate } from '../src/locate.js';
import { Secret } from '../src/secret.js';
import { Sidecar, type ExitEvent, type StartOptions } from '../src/sidecar.js';
import { firstLine, getJson, isAlive, until } from './support.js';

const HOST = fileURLToPath(new URL('../../test/programs/host.mjs', import.meta.url));
const BRIDGE = new URL('../src/index.js', import.meta.url).href;
const KEY = 'AIza-of-the-bridge-test';
/** 20 ms of 16 kHz PCM16 silence. */
const SILENCE = Buffer.alloc(640).toString('base64');
/** The sidecar's promise: it is gone within a second of its host. */
const GONE_MS = 1_000;

let simulator: ChildProcess;
let url = '';
let control = '';

before(async () => {
  simulator = spawn(locate(), ['simulate', '--until-stdin-closes', '--quiet'], { stdio: ['pipe', 'pipe', 'inherit'] });
  ({ url, control } = JSON.parse(await firstLine(simulator)) as { url: string; control: string });
});

after(async () => {
  simulator.stdin?.end();
  await once(simulator, 'exit');
});

function opening(sessionId: string, more: Partial<OpenParams> = {}): OpenParams {
  return {
    sessionId,
    auth: { type: 'apiKey', apiKey: new Secret(KEY) },
    endpoint: { baseUrl: url },
    setup: { model: 'models/m', generationConfig: { responseModalities: ['AUDIO'] }, outputAudioTranscription: {} },
    ...more,
  };
}

/** Runs `body` with a sidecar that is stopped whatever happens. */
async function withSidecar(
  body: (sidecar: Sidecar) => Promise<void>,
  options: StartOptions = {},
): Promise<void> {
  const sidecar = await Sidecar.start({ client: { name: 'bridge-test', version: '0' }, ...options });
  try {
    await body(sidecar);
  } finally {
    await sidecar.stop();
  }
}

test('it starts, says who it is, answers ping and describes itself', () =>
  withSidecar(async (sidecar) => {
    assert.match(sidecar.info.instanceId, /./);
    assert.match(sidecar.info.sidecar.python, /^3\.\d+/);
    const { uptimeMs, sessions } = await sidecar.call('ping');
    assert.ok(uptimeMs >= 0);
    assert.equal(sessions, 0);
    const document = await sidecar.call('rpc.discover');
    assert.match(document.openrpc, /^1\./);
    assert.ok(document.methods.some((method) => method['name'] === 'session/open'));
  }));

test('stop ends it with code 0', async () => {
  const sidecar = await Sidecar.start();
  const { code, signal } = await sidecar.stop();
  assert.deepEqual([code, signal], [0, null]);
});

test('a session is opened, asked in text, heard in transcripts, and closed', () =>
  withSidecar(async (sidecar) => {
    const states: string[] = [];
    const seqs: number[] = [];
    let said = '';
    let whole = '';
    sidecar.on('session/stateChanged', ({ state, seq, instanceId }) => {
      states.push(state);
      seqs.push(seq);
      assert.equal(instanceId, sidecar.info.instanceId);
    });
    sidecar.on('session/transcript', ({ source, text, final }) => {
      if (source !== 'model') return;
      if (final) whole = text;
      else said += text;
    });
    const complete = new Promise<void>((resolve) => {
      sidecar.on('session/turn', ({ event }) => event === 'complete' && resolve());
    });
    const opened = await sidecar.call('session/open', opening('s1', { notifications: { exclude: ['session/message'] } }));
    assert.equal(opened.state, 'connected');
    assert.equal(states.at(-1), 'connected', 'the answer comes after the notifications that the call caused');
    const turns = [{ role: 'user', parts: [{ text: 'Hello' }] }];
    const { status } = await sidecar.call('session/send', {
      sessionId: 's1',
      clientContent: { turns, turnComplete: true },
    });
    assert.equal(status, 'sent');
    await complete;
    assert.ok(whole.length > 0);
    assert.equal(said, whole);
    const closed = await sidecar.call('session/close', { sessionId: 's1' });
    assert.equal(closed.state, 'disconnected');
    assert.deepEqual([...seqs].sort((a, b) => a - b), seqs);
    assert.deepEqual(await sidecar.call('session/list'), { sessions: [] });
  }));

test('every chunk of audio arrives and is confirmed', () =>
  withSidecar(async (sidecar) => {
    let confirmed = -1;
    sidecar.on('session/queue', ({ confirmedThrough }) => (confirmed = confirmedThrough ?? -1));
    await sidecar.call('session/open', opening('audio'));
    for (let n = 0; n < 100; n++) {
      if (!sidecar.notify('session/sendAudio', { sessionId: 'audio', n, data: SILENCE })) await sidecar.drained();
    }
    await until(() => confirmed === 99, 'all 100 chunks are confirmed');
    const { queue }: SessionSnapshot = await sidecar.call('session/get', { sessionId: 'audio' });
    assert.deepEqual([queue.offeredMs, queue.confirmedMs, queue.droppedMs], [2000, 2000, 0]);
    const state = JSON.stringify(await getJson(`${control}/state`));
    assert.match(state, /"uniqueMs":2000\b/);
    assert.ok(!state.includes(KEY));
  }));

test('an error names its kind, what happened and what to do', () =>
  withSidecar(async (sidecar) => {
    await assert.rejects(sidecar.call('session/get', { sessionId: 'nobody' }), (error) => {
      assert.ok(error instanceof SidecarRpcError);
      assert.deepEqual([error.kind, error.code], ['unknownSession', -32010]);
      assert.equal(error.data?.kind, 'unknownSession');
      assert.ok(error.data?.userMessage);
      return true;
    });
    const odd = { sessionId: 's', states: ['sleeping'] } as unknown as { sessionId: string; states: [] };
    await assert.rejects(sidecar.call('session/wait', odd), (error) => {
      assert.ok(error instanceof SidecarRpcError);
      assert.equal(error.kind, 'invalidParams');
      assert.match(error.message, /states/);
      return true;
    });
  }));

test('the app answers for its tokens: given, renewed for the next connection, denied', () =>
  withSidecar(async (sidecar) => {
    const reasons: string[] = [];
    let signedIn = true;
    sidecar.handle('auth/token', ({ sessionId, tokenType, reason }) => {
      reasons.push(`${sessionId} ${tokenType} ${reason}`);
      if (!signedIn) throw new RequestRefusedError('The user signed out.', { retryable: false });
      return { token: new Secret('token-of-the-bridge'), expiresAt: Date.now() + 30_000 };
    });
    const vertex = {
      endpoint: { family: 'vertex' as const, baseUrl: url },
      auth: { type: 'host' as const },
      setup: { model: 'projects/p/locations/global/publishers/google/models/m' },
    };
    assert.equal((await sidecar.call('session/open', opening('t1', vertex))).state, 'connected');
    assert.equal((await sidecar.call('session/reconnect', { sessionId: 't1' })).state, 'connected');
    signedIn = false;
    await assert.rejects(sidecar.call('session/open', opening('t2', vertex)), (error: SidecarRpcError) => {
      assert.equal(error.kind, 'tokenDenied');
      assert.match(error.message, /The user signed out/);
      return true;
    });
    assert.deepEqual(reasons, ['t1 bearer open', 't1 bearer expired', 't2 bearer open']);
  }));

test('an app that does not answer for tokens learns it at once, by the call and in its log', () =>
  withSidecar(async (sidecar) => {
    const told: string[] = [];
    sidecar.on('log', ({ source, message }) => source === 'host' && told.push(message));
    const vertex = {
      endpoint: { family: 'vertex' as const, baseUrl: url },
      auth: { type: 'host' as const },
      setup: { model: 'projects/p/locations/global/publishers/google/models/m' },
    };
    await assert.rejects(sidecar.call('session/open', opening('t3', vertex)), { kind: 'tokenDenied' });
    assert.match(told[0] ?? '', /auth\/token failed: .*no handler/);
  }));

test('a service that cannot be reached rejects the open by its own deadline', () =>
  withSidecar(async (sidecar) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const refused = opening('s1', {
      endpoint: { baseUrl: `ws://127.0.0.1:${port}` },
      settings: { deadlines: { openMs: 300 } },
    });
    await assert.rejects(sidecar.call('session/open', refused), (error) => {
      assert.ok(error instanceof SidecarRpcError);
      assert.equal(error.code, -32020);
      assert.notEqual(error.kind, 'connectionFailed', 'the kind is that of the fault');
      return true;
    });
  }));

test('an open that is aborted is cancelled in the sidecar, and the session is gone', () =>
  withSidecar(async (sidecar) => {
    // Accepts and never says a word, so that the open hangs in the handshake.
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const controller = new AbortController();
    const dialed = once(server, 'connection');
    const open = sidecar.call('session/open', opening('s1', { endpoint: { baseUrl: `ws://127.0.0.1:${port}` } }), {
      signal: controller.signal,
    });
    const [socket] = (await dialed) as [Socket];
    controller.abort();
    await assert.rejects(open, { name: 'AbortError', sent: true });
    await once(socket.resume(), 'close');
    await until(async () => (await sidecar.call('session/list')).sessions.length === 0, 'the session is gone');
    server.close();
  }));

test('text with lone surrogates arrives in well-formed shape', () =>
  withSidecar(async (sidecar) => {
    await assert.rejects(sidecar.call('session/get', { sessionId: 'half \ud83c' }), {
      kind: 'unknownSession',
      message: /half \ufffd/,
    });
  }));

test('a killed sidecar rejects the calls in flight and tells its exit', () =>
  withSidecar(async (sidecar) => {
    const exit = new Promise<ExitEvent>((resolve) => sidecar.once('exit', resolve));
    await sidecar.call('session/open', opening('s1'));
    const waiting = sidecar.call('session/wait', { sessionId: 's1', states: ['failed'] });
    const rejected = assert.rejects(waiting, (error) => {
      assert.ok(error instanceof SidecarExitError);
      assert.equal(error.sent, true);
      return true;
    });
    await sidecar.call('ping'); // after it, the wait is in the sidecar too
    process.kill(sidecar.pid, 'SIGKILL');
    await rejected;
    assert.equal((await exit).expected, false);
  }));

test('the key is in no line of the log, also at debug', async () => {
  const lines: string[] = [];
  const talk = async (sidecar: Sidecar): Promise<void> => {
    await sidecar.call('session/open', opening('s1'));
    await sidecar.call('session/close', { sessionId: 's1' });
  };
  await withSidecar(talk, { logLevel: 'debug', on: { stderr: (line) => lines.push(line) } });
  assert.ok(lines.some((line) => line.includes('"debug"')));
  for (const line of lines) {
    assert.ok(!line.includes(KEY));
    assert.doesNotThrow(() => JSON.parse(line) as unknown, line);
  }
});

/** Starts a host, waits until its session is open, and gives both processes. */
async function startHost(how: string): Promise<{ host: ChildProcess; sidecarPid: number }> {
  const host = spawn(process.execPath, [HOST, BRIDGE, url, how], { stdio: ['pipe', 'pipe', 'pipe'] });
  host.stderr?.resume();
  return { host, sidecarPid: Number(await firstLine(host)) };
}

for (const how of ['main', 'worker']) {
  test(`the sidecar is gone within a second of its killed host (spawned by: ${how})`, async () => {
    const { host, sidecarPid } = await startHost(how);
    assert.ok(isAlive(sidecarPid));
    host.kill('SIGKILL');
    await until(() => !isAlive(sidecarPid), 'the sidecar is gone', GONE_MS);
  });
}

test('the sidecar is gone within a second of the end of the thread that spawned it', async () => {
  const { host, sidecarPid } = await startHost('worker');
  assert.ok(isAlive(sidecarPid));
  host.stdin?.write('end the thread\n');
  await until(() => !isAlive(sidecarPid), 'the sidecar is gone', GONE_MS);
  host.kill('SIGKILL');
  await once(host, 'exit');
});

for (const how of ['exit', 'throw']) {
  test(`the sidecar does not outlive a host that ends by ${how} without stopping it`, async () => {
    const { host, sidecarPid } = await startHost(how);
    if (host.exitCode === null) await once(host, 'exit');
    await until(() => !isAlive(sidecarPid), 'the sidecar is gone', GONE_MS);
  });
}
