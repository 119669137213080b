// Worker threads with a client each: `node workers.mjs URL CONTROL WORKERS ROUNDS`. Each starts a sidecar of its own,
// opens, speaks, is cut, recovers, and closes. The last line says what happened, as JSON.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Secret, Sidecar } from '../../bridge-js/dist/esm/index.js';

const CHUNKS = 25;
const CHUNK_MS = 20;
const WAIT_MS = 20_000;
const GONE_MS = 3_000;
const BRISK = {
  heartbeat: { audioIntervalMs: 50 },
  reconnect: { baseDelayMs: 20, maxDelayMs: 100 },
  handOver: { firstDelayMs: 50, retryDelayMs: 50, doneAfterMs: 100 },
  outbox: { flushRate: 1000 },
};

/** What a worker can be told, by name. */
const orders = { round, hold, goesOn };

if (isMainThread) await main();
else parentPort.on('message', (order) => void obey(order));

// --- a worker -------------------------------------------------------------------------------------

/** 'round': one life. 'hold': a session that lives until the thread ends. 'goesOn': that one is as it was. */
async function obey(order) {
  try {
    parentPort.postMessage(await orders[order]());
  } catch (error) {
    parentPort.postMessage({ error: String(error.stack ?? error) });
  }
}

async function round() {
  const sidecar = await Sidecar.start({ logLevel: 'error' });
  const voice = await open(sidecar);
  await voice.speak();
  await sidecar.call('session/ping', { sessionId: voice.id });
  const session = await voice.mine();
  const back = new Promise((resolve) => sidecar.once('session/reconnected', resolve));
  await control('/fault', { do: 'cut', session: session.session });
  await voice.speak();
  assert.equal((await back).stateRestored, 'resumed');
  await voice.speak();
  const { queue } = await sidecar.call('session/close', { sessionId: voice.id, drainMs: 10_000 });
  const { audio } = await voice.mine();
  assert.deepEqual([queue.confirmedMs, audio.uniqueMs], [voice.saidMs(), voice.saidMs()]);
  assert.deepEqual(voice.strangers, [], 'another one\'s notification came');
  const { pid } = sidecar;
  const { code } = await sidecar.stop();
  assert.equal(code, 0);
  return { pid };
}

async function hold() {
  const sidecar = await Sidecar.start({ logLevel: 'error' });
  const voice = await open(sidecar);
  const { revision } = await sidecar.call('session/get', { sessionId: voice.id });
  orders.check = async () => {
    await voice.speak();
    await sidecar.call('session/ping', { sessionId: voice.id }); // its pong confirms what was said before
    const now = await sidecar.call('session/get', { sessionId: voice.id });
    assert.deepEqual([now.state, now.revision, now.queue.confirmedMs], ['connected', revision, voice.saidMs()]);
    await voice.mine();
  };
  return { pid: sidecar.pid };
}

async function goesOn() {
  await orders.check();
  return {};
}

/** Opens a session under a name of its own, and gives the way to speak in it. */
async function open(sidecar) {
  const id = `of-${workerData.number}-${randomBytes(4).toString('hex')}`;
  const said = createHash('sha256');
  const strangers = [];
  let n = 0;
  for (const event of ['session/stateChanged', 'session/queue', 'session/message', 'session/resumption']) {
    sidecar.on(event, (body) => body.sessionId === id || strangers.push(body));
  }
  await sidecar.call('session/open', {
    sessionId: id,
    endpoint: { baseUrl: workerData.url },
    auth: { type: 'apiKey', apiKey: new Secret('a-key') },
    setup: { model: 'models/m', generationConfig: { responseModalities: ['AUDIO'] } },
    settings: BRISK,
  });
  const speak = async () => {
    for (let i = 0; i < CHUNKS; i += 1) {
      const pcm = randomBytes(CHUNK_MS * 32);
      said.update(pcm);
      const room = sidecar.notify('session/sendAudio', { sessionId: id, n: (n += 1) - 1, data: pcm.toString('base64') });
      if (!room) await sidecar.drained();
    }
  };
  const mine = async () => {
    const sha256 = said.copy().digest('hex');
    const session = (await control('/state')).sessions.find(({ audio }) => audio.sha256 === sha256);
    assert.ok(session, 'the service has what this worker said, and nothing else, in one session');
    return session;
  };
  return { id, speak, mine, strangers, saidMs: () => n * CHUNK_MS };
}

async function control(path, body) {
  const answer = await fetch(workerData.control + path, body && { method: 'POST', body: JSON.stringify(body) });
  assert.equal(answer.status, 200);
  return answer.json();
}

// --- the main thread ------------------------------------------------------------------------------

async function main() {
  const [url, controlUrl, count, rounds] = process.argv.slice(2);
  const file = fileURLToPath(import.meta.url);
  const workers = Array.from({ length: Number(count) }, (_, number) => {
    return new Worker(file, { workerData: { number, url, control: controlUrl } });
  });
  const samples = [];
  for (let turn = 0; turn < Number(rounds); turn += 1) {
    const pids = await all(workers, 'round');
    samples.push({ orphans: pids.filter(isAlive).length, descriptors: readdirSync('/proc/self/fd').length, threads: threads() });
  }
  const held = await all(workers, 'hold');
  const [victim, ...others] = workers;
  await victim.terminate();
  const goneMs = await msUntilGone(held[0]);
  await all(others, 'goesOn');
  await Promise.all(others.map((worker) => worker.terminate()));
  const left = await Promise.all(held.slice(1).map(msUntilGone));
  console.log(JSON.stringify({ samples, goneMs, leftMs: Math.max(...left) }));
  process.exit(0);
}

/** Gives every worker the order, and resolves with the pids of their sidecars. */
function all(workers, order) {
  return Promise.all(
    workers.map(async (worker) => {
      const said = new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`no word of a worker in ${WAIT_MS} ms`)), WAIT_MS);
        worker.once('message', (word) => (clearTimeout(late), resolve(word)));
      });
      worker.postMessage(order);
      const { pid, error } = await said;
      if (error) throw new Error(error);
      return pid;
    }),
  );
}

function threads() {
  return readdirSync('/proc/self/task').length;
}

/** One that ended, and that its parent did not collect yet, does not live: Node collects no child of an ended thread. */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function msUntilGone(pid) {
  const started = performance.now();
  while (isAlive(pid)) {
    if (performance.now() - started > GONE_MS) throw new Error(`the sidecar ${pid} is still there`);
    await sleep(10);
  }
  return Math.round(performance.now() - started);
}
