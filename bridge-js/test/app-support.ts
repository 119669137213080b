/** What the tests of the app's class need: a simulator, a service that says whatever a test wants, and speech. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GeminiLiveWebSocketClient } from '../src/app/client.js';
import type { AppEvent, AppEvents } from '../src/app/contract.js';
import { locate } from '../src/locate.js';
import { firstLine } from './support.js';

export interface Simulator {
  readonly url: string;
  fault(fault: Record<string, unknown>): Promise<void>;
  state(): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

export async function startSimulator(script: Record<string, unknown> = {}): Promise<Simulator> {
  const file = join(tmpdir(), `app-test-${process.pid}-${Math.random().toString(36).slice(2)}.json`);
  writeFileSync(file, JSON.stringify({ playbackRate: 10, ownerGraceMs: 0, ...script }));
  const args = ['simulate', '--until-stdin-closes', '--quiet', '--script', file];
  const child: ChildProcess = spawn(locate(), args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const { url, control } = JSON.parse(await firstLine(child)) as { url: string; control: string };
  return {
    url,
    async fault(fault) {
      const answer = await fetch(`${control}/fault`, { method: 'POST', body: JSON.stringify(fault) });
      if (!answer.ok) throw new Error(await answer.text());
    },
    state: async () => (await (await fetch(`${control}/state`)).json()) as Record<string, unknown>,
    async stop() {
      child.stdin?.end();
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(file, { force: true });
    },
  };
}

/** 20 ms chunks of PCM16 in base64: a voice that repeats nowhere, then silence. */
export function speech(loudMs: number, silentMs: number): string[] {
  return Array.from({ length: (loudMs + silentMs) / 20 }, (_, index) => {
    const chunk = Buffer.alloc(640);
    const amplitude = index * 20 < loudMs ? 9_000 : 3;
    for (let i = 0; i < 320; i++)
      chunk.writeInt16LE(
        Math.round(amplitude * Math.sin(i * 0.3) + (Math.random() - 0.5) * 2 * amplitude * 0.1),
        i * 2,
      );
    return chunk.toString('base64');
  });
}

export const PCM = 'audio/pcm;rate=16000';

export async function say(client: GeminiLiveWebSocketClient, loudMs = 1_000, silentMs = 800): Promise<void> {
  for (const data of speech(loudMs, silentMs)) await client.sendRealtimeInput({ audio: { data, mimeType: PCM } });
}

/** The next `event` that fits; fails after the deadline, saying what was waited for. */
export function next<E extends AppEvent>(
  client: GeminiLiveWebSocketClient,
  event: E,
  fits: (...args: AppEvents[E]) => boolean = () => true,
  deadlineMs = 10_000,
): Promise<AppEvents[E]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => done(() => reject(new Error(`No ${event} within ${deadlineMs} ms`))), deadlineMs);
    const listener = (...args: AppEvents[E]): void => {
      if (fits(...args)) done(() => resolve(args));
    };
    const done = (settle: () => void): void => {
      clearTimeout(timer);
      client.off(event, listener);
      settle();
    };
    client.on(event, listener);
  });
}

/** A Live service in few lines, which says what the test gives it. It answers setups and pings. */
export interface Service {
  readonly url: string;
  /** To every connection. */
  say(message: object | string): void;
  stop(): Promise<void>;
}

const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

export async function startService(): Promise<Service> {
  const sockets = new Set<Socket>();
  const server = createServer();
  server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    let buffer = Buffer.alloc(0);
    socket.on('data', (data: Buffer) => {
      buffer = Buffer.concat([buffer, data]);
      for (let read = readFrame(buffer); read !== undefined; read = readFrame(buffer)) {
        buffer = buffer.subarray(read.size);
        if (read.opcode === PING) socket.write(frame(PONG, read.payload));
        if (read.opcode === CLOSE) socket.end(frame(CLOSE, read.payload));
        if (read.payload.includes('"setup"')) socket.write(frame(TEXT, Buffer.from('{"setupComplete":{}}')));
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}`,
    say(message) {
      const text = typeof message === 'string' ? message : JSON.stringify(message);
      for (const socket of sockets) socket.write(frame(TEXT, Buffer.from(text)));
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head =
    length < 126 ? Buffer.from([0x80 | opcode, length]) : Buffer.from([0x80 | opcode, 126, length >> 8, length & 255]);
  return Buffer.concat([head, payload]);
}

function readFrame(buffer: Buffer): { opcode: number; payload: Buffer; size: number } | undefined {
  if (buffer.length < 2) return undefined;
  const short = buffer[1]! & 127;
  const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
  const start = 2 + extra + 4;
  if (buffer.length < start) return undefined;
  const length = extra === 2 ? buffer.readUInt16BE(2) : extra === 8 ? Number(buffer.readBigUInt64BE(2)) : short;
  if (buffer.length < start + length) return undefined;
  const mask = buffer.subarray(start - 4, start);
  const payload = Buffer.from(buffer.subarray(start, start + length).map((byte, index) => byte ^ mask[index % 4]!));
  return { opcode: buffer[0]! & 15, payload, size: start + length };
}
