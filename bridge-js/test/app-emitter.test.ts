/** The class as an EventEmitter: what an app may expect of any, and what is kinder here. */
import assert from 'node:assert/strict';
import { EventEmitter, errorMonitor } from 'node:events';
import test, { type TestContext } from 'node:test';
import { GeminiLiveWebSocketClient } from '../src/app/index.js';

const newClient = (): GeminiLiveWebSocketClient => new GeminiLiveWebSocketClient({ apiKey: 'any', maxQueueSize: 0 });

/** Every input that has to wait is an error. */
const fail = (client: GeminiLiveWebSocketClient): Promise<void> => client.sendRealtimeInput({ text: 'nobody hears it' });

/** What reaches `uncaughtException` during the test. */
function uncaught(t: TestContext): unknown[] {
  const errors: unknown[] = [];
  const rest = process.listeners('uncaughtException');
  const catcher = (error: unknown): void => void errors.push(error);
  process.removeAllListeners('uncaughtException').on('uncaughtException', catcher);
  t.after(() => {
    process.removeListener('uncaughtException', catcher);
    for (const listener of rest) process.on('uncaughtException', listener);
  });
  return errors;
}

test('an app that has an `emit` of its own hears everything', async () => {
  const log: unknown[] = [];
  class Logging extends GeminiLiveWebSocketClient {
    override emit(event: string | symbol, ...args: any[]): boolean {
      log.push(event);
      return super.emit(event as 'invented', ...args);
    }
  }
  const client = new Logging({ apiKey: 'any' });
  await client.sendRealtimeInput({ text: 'waits' });
  assert.deepEqual(log, ['messageQueued', 'queueUpdate']);

  const patched = newClient();
  const emit = patched.emit.bind(patched);
  patched.emit = ((event: string, ...args: any[]) => {
    log.push(`patched ${event}`);
    return emit(event as 'invented', ...args);
  }) as typeof patched.emit;
  await patched.sendRealtimeInput({ text: 'waits' });
  assert.ok(log.includes('patched messageQueued') && log.includes('patched error'));
});

test('an `emit` that throws stops nothing', async (t) => {
  const errors = uncaught(t);
  const client = newClient();
  client.emit = () => {
    throw new Error('of emit');
  };
  await fail(client);
  await new Promise(setImmediate);
  assert.deepEqual(errors.map((error) => (error as Error).message), Array(3).fill('of emit'));
});

test('errorMonitor hears errors, alone or with others; without a listener nothing is thrown', async () => {
  const heard: string[] = [];
  const client = newClient().on(errorMonitor, (error: Error) => heard.push(`monitor ${error.name}`));
  await fail(client);
  client.on('error', ({ name }) => heard.push(name));
  await fail(newClient());
  assert.equal(client.emit('error', { name: 'own' } as never), true);
  assert.deepEqual(heard, ['monitor GeminiError', 'monitor own', 'own']);
  assert.equal(newClient().emit('error', new Error('nobody') as never), false);
});

test('emit() of the app: listeners in order, once, and whether there were any', (t) => {
  const errors = uncaught(t);
  const client = newClient();
  const heard: unknown[] = [];
  client.on('own', (...args) => heard.push(args));
  client.prependOnceListener('own', () => {
    throw new Error('of a listener');
  });
  assert.equal(client.emit('own', 1, 2), true);
  assert.equal(client.emit('own', 3), true);
  assert.equal(client.emit('another'), false);
  assert.deepEqual(heard, [[1, 2], [3]]);
  return new Promise<void>((resolve) =>
    setImmediate(() => {
      assert.deepEqual(errors.map((error) => (error as Error).message), ['of a listener']);
      resolve();
    }),
  );
});

test('captureRejections: what an async listener rejects with is an `error`', async (t) => {
  const errors = uncaught(t);
  EventEmitter.captureRejections = true;
  t.after(() => (EventEmitter.captureRejections = false));
  const client = newClient();
  const told: unknown[] = [];
  const listener = async (): Promise<void> => {
    throw new Error('of an async listener');
  };
  client.on('connected', listener).on('error', ({ message }) => told.push(message));
  client.emit('connected');
  await new Promise(setImmediate);
  assert.deepEqual([told, errors], [['of an async listener'], []]);
  client.removeAllListeners('error');
  client.emit('connected');
  await new Promise(setImmediate);
  assert.equal((errors[0] as Error).message, 'of an async listener', 'nobody listens');
});
