// An app that loads the package twice, as ESM and as CommonJS: errors of one copy are known to the other. Prints which,
// and what the client of one makes of an error of the other.
import { createRequire } from 'node:module';
import * as here from 'live-sidecar';

const other = createRequire(import.meta.url)('live-sidecar');
const [, , command] = process.argv;
const supervisor = new other.Supervisor({ command, watchdog: false });
const known = [];

/** Of which classes of this copy the error is that the call rejects with, beside the base of all. */
async function note(call) {
  const error = await call.catch((error) => error);
  for (const [name, type] of Object.entries(here)) {
    if (name.endsWith('Error') && name !== 'SidecarError' && error instanceof here.SidecarError && error instanceof type) known.push(name);
  }
}

/** A call whose deadline passes before its answer can be read: the loop stands still, and timers are its next turn. */
async function tooLate() {
  await new Promise(setImmediate);
  const call = supervisor.call('ping', {}, { timeoutMs: 1 });
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  return call;
}

supervisor.ref(); // it is waited for below
const { pid } = await supervisor.start();
await note(supervisor.call('session/get', { sessionId: 'nobody' }));
await note(supervisor.call('ping', {}, { signal: AbortSignal.abort() }));
await note(tooLate());

const session = { setup: { noSuchField: 1 } };
const client = new here.GeminiLiveWebSocketClient({ apiKey: 'any', sidecar: supervisor, session });
const { type } = await client.connect().catch((error) => error);
await client.destroy();

const down = new Promise((resolve) => supervisor.once('down', resolve));
process.kill(pid, 'SIGKILL');
await down;
await note(supervisor.call('ping'));
await supervisor.stop();
console.log(JSON.stringify({ known, type }));
