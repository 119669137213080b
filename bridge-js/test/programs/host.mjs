// A host that opens a session and then waits to be killed, or ends as it is told:
// `node host.mjs <url of the bridge> <url of the simulator> main|worker|exit|throw`. Prints the sidecar's pid.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const [bridge, simulator, how] = isMainThread ? process.argv.slice(2) : workerData;

if (isMainThread && how === 'worker') {
  const worker = new Worker(new URL(import.meta.url), { workerData: [bridge, simulator, how] });
  worker.on('message', (pid) => console.log(pid));
  process.stdin.once('data', () => worker.terminate()); // the thread alone ends; this process lives on
} else {
  const { Sidecar } = await import(bridge);
  const sidecar = await Sidecar.start();
  await sidecar.call('session/open', {
    sessionId: 's1',
    auth: { type: 'apiKey', apiKey: 'k' },
    endpoint: { baseUrl: simulator },
    setup: { model: 'models/m' },
  });
  if (isMainThread) console.log(sidecar.pid);
  else parentPort.postMessage(sidecar.pid);
  if (how === 'exit') process.exit(0);
  if (how === 'throw') throw new Error('the host fails');
}
