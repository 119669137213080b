// An app in CommonJS: starts the sidecar, asks the simulator something, prints the answer, and ends by itself.
const { Sidecar } = require('live-sidecar');
const { ConnectionState, GeminiLiveWebSocketClient, default: GeminiLive } = require('live-sidecar/app');

async function main([, , websocketBaseUrl, command]) {
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
}

void main(process.argv);
