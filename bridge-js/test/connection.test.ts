import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough, Writable, type Duplex } from 'node:stream';
import test from 'node:test';
import { Connection, type ProtocolViolation } from '../src/connection.js';
import {
  LineTooLongError,
  RequestRefusedError,
  SidecarAbortError,
  SidecarClosedError,
  SidecarExitError,
  SidecarRpcError,
  SidecarTimeoutError,
} from '../src/errors.js';
import { Secret } from '../src/secret.js';

interface Line {
  id?: number;
  method?: string;
  params?: Record<string, unknown>;
  result?: unknown;
  error?: { code: number; message: string; data?: unknown };
}

/** A connection over in-memory streams, with the other side in the hands of the test. */
class Pair {
  readonly input = new PassThrough();
  readonly notifications: [string, unknown][] = [];
  readonly violations: ProtocolViolation[] = [];
  readonly broken: (Error | undefined)[] = [];
  readonly unanswered: string[] = [];
  readonly connection: Connection;

  constructor(readonly output: Duplex | Writable = new PassThrough()) {
    this.connection = new Connection(this.input, this.output, {
      notification: (method, params) => this.notifications.push([method, params]),
      protocolError: (violation) => this.violations.push(violation),
      broken: (cause) => this.broken.push(cause),
      unanswered: (method, why) => this.unanswered.push(`${method}: ${(why as Error).message}`),
    });
  }

  /** What was written since the last look. */
  async written(): Promise<Line[]> {
    await turn();
    let text = '';
    for (let chunk; (chunk = (this.output as Duplex).read() as Buffer | null) !== null; ) text += chunk.toString('utf8');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line);
  }

  say(...messages: (object | string)[]): Promise<void> {
    for (const message of messages) {
      this.input.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`);
    }
    return turn();
  }
}

/** Lets streams and promises move on. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const SNAPSHOT = { sessionId: 's1', state: 'connected' };

test('a call is written as a request and gets its result', async () => {
  const pair = new Pair();
  const result = pair.connection.call('session/get', { sessionId: 's1' });
  assert.deepEqual(await pair.written(), [{ jsonrpc: '2.0', id: 1, method: 'session/get', params: { sessionId: 's1' } }]);
  await pair.say({ jsonrpc: '2.0', id: 1, result: SNAPSHOT });
  assert.deepEqual(await result, SNAPSHOT);
});

test('answers find their calls in any order', async () => {
  const pair = new Pair();
  const calls = [pair.connection.call('ping'), pair.connection.call('ping'), pair.connection.call('ping')];
  const ids = (await pair.written()).map((line) => line.id);
  assert.equal(new Set(ids).size, 3);
  await pair.say(...[2, 0, 1].map((i) => ({ id: ids[i], result: { uptimeMs: i, sessions: 0 } })));
  assert.deepEqual((await Promise.all(calls)).map((result) => result.uptimeMs), [0, 1, 2]);
});

test('an error answer becomes a SidecarRpcError with kind, code and data', async () => {
  const pair = new Pair();
  const call = pair.connection.call('session/get', { sessionId: 'x' });
  const data = { kind: 'unknownSession', message: 'No session x.', remediation: 'Open it first.' };
  void pair.say({ id: 1, error: { code: -32010, message: 'unknownSession', data } });
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof SidecarRpcError);
    assert.deepEqual([error.kind, error.code, error.method, error.data], ['unknownSession', -32010, 'session/get', data]);
    assert.equal(error.message, 'session/get failed: No session x. Open it first.');
    return true;
  });
});

test('without data the kind comes from the error table', async () => {
  const pair = new Pair();
  const call = pair.connection.call('ping');
  void pair.say({ id: 1, error: { code: -32601, message: 'nope' } });
  await assert.rejects(call, { kind: 'methodNotFound', message: 'ping failed: nope' });
});

test('aborting rejects at once, cancels in the sidecar, and the late answer is ignored', async () => {
  const pair = new Pair();
  const controller = new AbortController();
  const call = pair.connection.call('session/get', { sessionId: 's1' }, { signal: controller.signal });
  await turn();
  controller.abort('enough');
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof SidecarAbortError);
    assert.deepEqual([error.name, error.code, error.cause, error.sent], ['AbortError', 'ABORT_ERR', 'enough', true]);
    return true;
  });
  assert.deepEqual((await pair.written()).slice(1), [{ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 1 } }]);
  await pair.say({ id: 1, result: SNAPSHOT });
  assert.deepEqual(pair.violations, []);
});

test('a signal that is aborted already sends nothing', async () => {
  const pair = new Pair();
  const call = pair.connection.call('ping', {}, { signal: AbortSignal.abort() });
  await assert.rejects(call, { name: 'AbortError', sent: false });
  assert.deepEqual(await pair.written(), []);
});

test('a signal outlives its call without effect', async () => {
  const pair = new Pair();
  const controller = new AbortController();
  const call = pair.connection.call('ping', {}, { signal: controller.signal });
  await pair.say({ id: 1, result: {} });
  await call;
  await pair.written();
  controller.abort();
  assert.deepEqual(await pair.written(), []);
});

test('a call without an answer in time is rejected and cancelled', async () => {
  const pair = new Pair();
  await assert.rejects(pair.connection.call('ping', {}, { timeoutMs: 5 }), (error) => {
    assert.ok(error instanceof SidecarTimeoutError);
    assert.deepEqual([error.timeoutMs, error.sent], [5, true]);
    assert.match(error.message, /No answer to ping within 5 ms\. .*timeoutMs/);
    return true;
  });
  assert.deepEqual((await pair.written()).map((line) => line.method), ['ping', '$/cancelRequest']);
});

test('initialize is given up without a cancellation on the wire', async () => {
  const pair = new Pair();
  const params = { protocolVersion: '1', client: { name: 'n', version: 'v' } };
  await assert.rejects(pair.connection.call('initialize', params, { timeoutMs: 5 }), SidecarTimeoutError);
  assert.deepEqual((await pair.written()).map((line) => line.method), ['initialize']);
});

test('the default time of a call is longer than the deadline in its params', (context) => {
  const delays: (number | undefined)[] = [];
  context.mock.method(globalThis, 'setTimeout', (_: () => void, delayMs?: number) => void delays.push(delayMs));
  const { connection } = new Pair();
  const open = { sessionId: 's', auth: { type: 'apiKey' as const, apiKey: 'k' }, setup: {} };
  void connection.call('ping');
  void connection.call('session/open', { ...open, settings: { deadlines: { openMs: 100_000 } } });
  void connection.call('session/wait', { sessionId: 's', states: ['failed'], timeoutMs: 200_000 });
  void connection.call('session/open', open, { timeoutMs: 7 });
  void connection.call('ping', {}, { timeoutMs: Infinity });
  assert.deepEqual(delays, [60_000, 115_000, 215_000, 7]);
});

test('a time that is not over zero is refused', async () => {
  const { connection } = new Pair();
  for (const timeoutMs of [0, -1, NaN]) {
    await assert.rejects(connection.call('ping', {}, { timeoutMs }), RangeError);
  }
});

test('notifications keep their order, also beside answers', async () => {
  const pair = new Pair();
  const order: string[] = [];
  const call = pair.connection.call('ping').then(() => order.push('answer'));
  await pair.say({ method: 'a', params: 1 }, { method: 'b', params: 2 }, { id: 1, result: {} });
  await call;
  assert.deepEqual(pair.notifications, [
    ['a', 1],
    ['b', 2],
  ]);
});

test('lines that are no messages are told and the conversation goes on', async () => {
  const pair = new Pair();
  const call = pair.connection.call('ping');
  await pair.say(
    `Traceback ${'x'.repeat(500)}`,
    '42',
    'null',
    '[]',
    { id: 99, result: 1 },
    { id: 'text', result: 1 },
    { id: null, error: { code: -32700, message: 'The line is not valid JSON' } },
    { id: 1, result: { uptimeMs: 5, sessions: 0 } },
  );
  assert.deepEqual(await call, { uptimeMs: 5, sessions: 0 });
  assert.deepEqual(
    pair.violations.map(({ reason }) => reason),
    [
      'a line that is not JSON',
      'JSON that is not an object',
      'JSON that is not an object',
      'an answer to no call of ours',
      'an answer to no call of ours',
      'an answer to no call of ours',
      'it could not read a line of ours',
    ],
  );
  assert.equal(pair.violations[0]?.excerpt.length, 200);
});

test('what cannot be encoded rejects the call and is not sent', async () => {
  const pair = new Pair();
  pair.connection.maxLineBytes = 200;
  const long = pair.connection.call('session/get', { sessionId: 'x'.repeat(300) });
  await assert.rejects(long, LineTooLongError);
  const odd = pair.connection.call('session/get', { sessionId: 1n as unknown as string });
  await assert.rejects(odd, TypeError);
  assert.throws(() => pair.connection.notify('$/cancelRequest', { id: 'x'.repeat(300) }), LineTooLongError);
  assert.deepEqual(await pair.written(), []);
});

test('notify tells when there is no room and drained when there is again', async () => {
  const output = new PassThrough({ highWaterMark: 100 });
  const pair = new Pair(output);
  const audio = { sessionId: 's1', n: 1, data: 'A'.repeat(200) };
  await pair.connection.drained();
  while (pair.connection.notify('session/sendAudio', audio));
  let room = false;
  const drained = pair.connection.drained().then(() => (room = true));
  await turn();
  assert.equal(room, false);
  output.resume();
  await drained;
});

test('closing rejects calls and waiters, each call told whether it was sent', async () => {
  const taken: string[] = [];
  const pair = new Pair(
    new Writable({
      highWaterMark: 1,
      write: (chunk: Buffer, _, done) => (taken.push(chunk.toString()) === 1 ? done() : undefined), // then hang
    }),
  );
  const sent = pair.connection.call('ping');
  await turn();
  const waiting = pair.connection.call('session/list');
  const drained = pair.connection.drained();
  pair.connection.close((call) => new SidecarExitError({ code: 7, signal: null, stderrTail: ['why it died'] }, call));
  await assert.rejects(sent, { name: 'SidecarExitError', code: 7, sent: true, message: /ping, which it may have/ });
  await assert.rejects(waiting, { sent: false, message: /before session\/list was sent.*\nwhy it died/ });
  await assert.rejects(drained, SidecarExitError);
  await assert.rejects(pair.connection.call('ping'), { sent: false });
  assert.throws(() => pair.connection.notify('exit'), SidecarExitError);
  await assert.rejects(pair.connection.drained(), SidecarExitError);
});

test('end sends exit last; answers still come and nothing else goes out', async () => {
  const pair = new Pair();
  const call = pair.connection.call('ping');
  pair.connection.end();
  pair.connection.end();
  assert.throws(() => pair.connection.notify('exit'), SidecarClosedError);
  await assert.rejects(pair.connection.call('ping'), SidecarClosedError);
  assert.deepEqual((await pair.written()).map((line) => line.method), ['ping', 'exit']);
  await pair.say({ id: 1, result: { uptimeMs: 1, sessions: 0 } });
  assert.deepEqual(await call, { uptimeMs: 1, sessions: 0 });
});

test('the end or failure of a stream is told once', async () => {
  const pair = new Pair();
  const failure = new Error('EPIPE');
  pair.output.destroy(failure);
  await turn();
  pair.input.end();
  await once(pair.input, 'close');
  assert.deepEqual(pair.broken, [failure]);
});

test('a handler answers a call of the sidecar; its secret is revealed on the wire', async () => {
  const pair = new Pair();
  const asked: unknown[] = [];
  const remove = pair.connection.handle('auth/token', async (params) => {
    asked.push(params);
    await turn();
    return { token: new Secret('t-1') };
  });
  assert.throws(() => pair.connection.handle('auth/token', () => 1), /handler already/);
  await pair.say({ id: 'q1', method: 'auth/token', params: { sessionId: 's1' } });
  assert.deepEqual(await pair.written(), [{ jsonrpc: '2.0', id: 'q1', result: { token: 't-1' } }]);
  assert.deepEqual(asked, [{ sessionId: 's1' }]);
  remove();
  await pair.say({ id: 'q2', method: 'auth/token' });
  assert.equal((await pair.written())[0]?.error?.code, -32601);
});

test('the text of a failing handler stays here, unless it is a RequestRefusedError', async () => {
  const pair = new Pair();
  pair.connection.handle('a', () => {
    throw new Error('the key is K-123');
  });
  pair.connection.handle('b', () => {
    throw new RequestRefusedError('sign in first', { retryable: false });
  });
  pair.connection.handle('c', () => 1n);
  await pair.say({ id: 1, method: 'a' }, { id: 2, method: 'b' }, { id: 3, method: 'c' });
  assert.deepEqual(
    (await pair.written()).map((line) => [line.id, line.error?.code, line.error?.message, line.error?.data]),
    [
      [1, -32603, 'The host failed to answer a.', undefined],
      [2, -32603, 'sign in first', { retryable: false }],
      [3, -32603, 'The host failed to answer c.', undefined],
    ],
  );
  assert.deepEqual(pair.unanswered.slice(0, 1), ['a: the key is K-123'], 'the app itself is told');
});

test('a handler learns that its answer is not wanted any more, and gives none', async () => {
  const pair = new Pair();
  const reached: string[] = [];
  pair.connection.handle('auth/token', async (_params, { signal }) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    reached.push('aborted');
    return { token: 't' };
  });
  await pair.say({ id: 'q1', method: 'auth/token' }, { method: '$/cancelRequest', params: { id: 'q1' } });
  await pair.say({ id: 'q2', method: 'nothing' }, { method: '$/cancelRequest', params: null });
  assert.deepEqual(reached, ['aborted']);
  assert.deepEqual((await pair.written()).map((line) => line.id), ['q2']);
});

test('a handler learns that the sidecar is gone', async () => {
  const pair = new Pair();
  const reached: string[] = [];
  pair.connection.handle('auth/token', async (_params, { signal }) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    reached.push('aborted');
  });
  await pair.say({ id: 'q1', method: 'auth/token' }, { id: 'q2', method: 'auth/token' });
  pair.connection.close((call) => new SidecarClosedError('gone', call));
  await new Promise(setImmediate);
  assert.deepEqual(reached, ['aborted', 'aborted']);
  assert.deepEqual(await pair.written(), []);
});
