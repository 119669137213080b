// A script that has nothing left to do and ends nothing: it must end by itself. `node idle.mjs <url of the bridge> <how>`:
// `idle` never opened a session, `closed` closed its session, `waiting` is between two processes.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const [bridge, how] = process.argv.slice(2);
const { LiveSession, Supervisor, locate } = await import(bridge);
const supervisor = new Supervisor({ restart: { baseDelayMs: 60_000 } });
const { pid } = await supervisor.start();

if (how === 'closed') {
  const simulator = spawn(locate(), ['simulate', '--until-stdin-closes', '--quiet'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const line = await new Promise((resolve) => createInterface(simulator.stdout).once('line', resolve));
  const session = new LiveSession(supervisor, {
    sessionId: 's',
    auth: { type: 'apiKey', apiKey: 'k' },
    endpoint: { baseUrl: JSON.parse(line).url },
    setup: { model: 'models/m' },
  });
  await session.open();
  await session.close();
  simulator.stdin.end();
}
if (how === 'waiting') {
  const down = new Promise((resolve) => supervisor.once('down', resolve));
  process.kill(pid, 'SIGKILL');
  supervisor.ref(); // holds this script until it hears of it
  await down;
  supervisor.unref();
}
console.log(pid, 'done');
