// A minimal Live service in a process of its own, for measuring: it answers every audio frame with a small message,
// and sends what a client asks for in `clientContent`: {"turns": [{"count": 1000, "bytes": 120, "perSecond": 0}]}.
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('listening', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();

const json = (value) => Buffer.from(JSON.stringify(value));

server.on('connection', (socket) => {
  let replies = 0;
  socket.on('message', (data) => {
    const message = JSON.parse(data);
    if (message.setup) socket.send(json({ setupComplete: {} }));
    else if (message.realtimeInput) socket.send(json({ serverContent: { usage: (replies += 1) } }));
    else if (message.clientContent) burst(socket, message.clientContent.turns[0]);
  });
});

function burst(socket, { count, bytes, perSecond }) {
  const frame = json({ serverContent: { filler: 'x'.repeat(Math.max(0, bytes - 36)) } });
  if (!perSecond) {
    for (let i = 0; i < count; i += 1) socket.send(frame);
    return;
  }
  let sent = 0;
  const timer = setInterval(() => {
    socket.send(frame);
    if ((sent += 1) >= count) clearInterval(timer);
  }, 1000 / perSecond);
  socket.on('close', () => clearInterval(timer));
}
