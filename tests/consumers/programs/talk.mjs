// An app in ESM: starts the sidecar, asks the simulator something, prints the answer, and ends by itself.
import { Sidecar } from 'live-sidecar';
import GeminiLive, { ConnectionState, GeminiLiveWebSocketClient } from 'live-sidecar/app';

const [, , websocketBaseUrl, command] = process.argv;
const sidecar = await Sidecar.start({ command });
const { version } = sidecar.info.sidecar;
await sidecar.stop();

const client = new GeminiLiveWebSocketClient({ apiKey: 'any', websocketBaseUrl, sidecar: { command } });
const answered = new Promise((resolve, reject) => {
  client.on('chatResponse', ({ text, isFinal }) => isFinal && resolve(text));
  client.on('error', reject);
});
await client.connect();
const connected = client.getConnectionState() === ConnectionState.CONNECTED && client instanceof GeminiLive;
await client.sendRealtimeInput({ text: 'Hello' });
const answer = await answered;
await client.destroy();
console.log(JSON.stringify({ version, connected, answer }));
