// A minimal Live service in a process of its own, for measuring: for ten chunks of 20 ms that it gets it says 16 KB of
// audio, so that a session at real time has 50 messages a second up and 5 down.
import { randomBytes } from 'node:crypto';
import { WebSocketServer } from 'ws';

const json = (value) => Buffer.from(JSON.stringify(value, undefined, 2));
const inlineData = { mimeType: 'audio/pcm;rate=24000', data: randomBytes(12_000).toString('base64') };
const SPEECH = json({ serverContent: { modelTurn: { role: 'model', parts: [{ inlineData }] } } });

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('listening', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();

server.on('connection', (socket) => {
  let chunks = 0;
  socket.on('message', (data) => {
    if (data.includes('"setup"')) socket.send(json({ setupComplete: {} }));
    else if (data.includes('"audio"') && ++chunks % 10 === 0) socket.send(SPEECH);
  });
});
