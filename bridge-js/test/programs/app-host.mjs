// A host with two clients and no sidecar of its own: connects, destroys them, prints the pids of its children before and
// after, and does not call process.exit().
import { readFileSync } from 'node:fs';

const [, , index, url] = process.argv;
const { GeminiLiveWebSocketClient } = await import(index);
const clients = [1, 2].map(() => new GeminiLiveWebSocketClient({ apiKey: 'AIza-of-a-script', websocketBaseUrl: url }));
await Promise.all(clients.map((client) => client.connect()));
const pids = children();
await Promise.all(clients.map((client) => client.destroy()));
console.log(JSON.stringify({ pids, left: children() }));

/** Linux only, as `/proc` is. */
function children() {
  return readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}
