/** A real sidecar, a real simulator, and a session over them: for the tests that import this. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { OpenParams } from '../src/generated/protocol.js';
import { locate } from '../src/locate.js';
import { Secret } from '../src/secret.js';
import { LiveSession } from '../src/session.js';
import type { LiveSessionEvents } from '../src/session-events.js';
import { Supervisor, type SupervisorOptions } from '../src/supervisor.js';
import { firstLine, getJson, nextOf } from './support.js';

export const KEY = 'AIza-of-the-session-test';
export const CHUNK_MS = 20;
export const POSIX_ONLY = { skip: process.platform === 'win32' && 'Windows cannot stop a process by a signal' };

/** No waits but those that a test is about; `rounds.test.ts` keeps those that a real service needs. */
const QUICK_SERVICE = { ownerGraceMs: 0 };
const QUICK = { handOver: { firstDelayMs: 0, doneAfterMs: 50 }, heartbeat: { audioIntervalMs: 100 } };
/** For tests in which nothing hangs: a busy machine may take longer than a short one waits. */
const UNWATCHED = { restart: { baseDelayMs: 20 }, watchdog: false } as const;

let simulator: ChildProcess;
let folder = '';
export let url = '';
let control = '';
let opened = 0;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'live-sidecar-session-test-'));
  const script = join(folder, 'script.json');
  writeFileSync(script, JSON.stringify(QUICK_SERVICE));
  const args = ['simulate', '--until-stdin-closes', '--quiet', '--script', script];
  simulator = spawn(locate(), args, { stdio: ['pipe', 'pipe', 'inherit'] });
  ({ url, control } = JSON.parse(await firstLine(simulator)) as { url: string; control: string });
});

after(async () => {
  simulator.stdin?.end();
  await once(simulator, 'exit');
  rmSync(folder, { recursive: true });
});

export interface Stage {
  readonly supervisor: Supervisor;
  readonly session: LiveSession;
  /** Names of what was told, with the state for `stateChanged`. */
  readonly told: string[];
  kill(signal: NodeJS.Signals): void;
}

/** Runs `body` with a session that is not open yet; afterwards nothing of it is left. */
export async function stage(
  body: (stage: Stage) => Promise<void>,
  more: Partial<OpenParams> = {},
  options: SupervisorOptions = {},
): Promise<void> {
  const supervisor = new Supervisor({ logLevel: 'error', ...UNWATCHED, ...options });
  const session = new LiveSession(supervisor, {
    sessionId: `s${++opened}`,
    auth: { type: 'apiKey', apiKey: new Secret(KEY) },
    endpoint: { baseUrl: url },
    setup: { model: 'models/m', generationConfig: { responseModalities: ['AUDIO'] } },
    ...more,
    settings: { ...QUICK, ...more.settings },
  });
  const told: string[] = [];
  session.on('stateChanged', ({ state }) => told.at(-1) !== state && told.push(state));
  for (const name of ['lost', 'reconnecting', 'reconnected', 'failed', 'dropped', 'turn', 'error'] as const) {
    session.on(name, () => told.push(`(${name})`));
  }
  try {
    await body({ supervisor, session, told, kill: (signal) => process.kill(supervisor.current!.pid, signal) });
  } finally {
    await session.close();
    await supervisor.stop();
  }
}

export function next<E extends keyof LiveSessionEvents>(
  session: LiveSession,
  event: E,
  wanted: (value: LiveSessionEvents[E]) => boolean = () => true,
): Promise<LiveSessionEvents[E]> {
  return nextOf((listener) => session.on(event, listener), event, wanted);
}

/** What the service has of the newest session. */
export async function heard(): Promise<{ texts: number; audio: { uniqueMs: number; doubledMs: number; sha256: string } }> {
  const state = (await getJson(`${control}/state`)) as { sessions: never[] };
  return state.sessions.at(-1)!;
}

/** Speaks noise at the speed of speech; calls `at` in the middle. Resolves with what was said, once it is confirmed. */
export async function speak(session: LiveSession, chunks: number, at: () => unknown): Promise<string> {
  const hash = createHash('sha256');
  const confirmed = next(session, 'queue', ({ confirmedThrough = -1 }) => confirmedThrough >= chunks - 1);
  for (let i = 0; i < chunks; i++) {
    const chunk = randomBytes(640);
    hash.update(chunk);
    session.sendAudio(chunk);
    if (i === Math.floor(chunks / 2)) await at();
    await delay(CHUNK_MS);
  }
  await confirmed;
  return hash.digest('hex');
}

/** Tells the service what to do to those that are connected, or will be. */
export async function fault(what: object): Promise<void> {
  const answer = await fetch(`${control}/fault`, { method: 'POST', body: JSON.stringify(what) });
  if (!answer.ok) throw new Error(await answer.text());
}
