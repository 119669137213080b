/** The other processes: the simulator, and how much memory each of them takes. */
import { spawn, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** Starts `live-sidecar simulate`; it ends with this process, however that ends. */
export async function startSimulator(command, script) {
  const child = spawn(command, ['simulate', '--script', script, '--quiet', '--until-stdin-closes'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    windowsHide: true,
  });
  child.stdin.on('error', () => {});
  const first = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the simulator ended with ${code} before it listened`)));
  });
  const { url, control } = JSON.parse(first);
  const ask = async (path) => {
    const response = await fetch(control + path);
    if (!response.ok) throw new Error(`the simulator answered ${response.status} to ${path}`);
    return response;
  };
  return {
    pid: child.pid,
    url,
    state: async () => (await ask('/state')).json(),
    /** PCM that one connection received. */
    audio: async (session, connection) =>
      Buffer.from(await (await ask(`/audio?session=${session}&connection=${connection}`)).arrayBuffer()),
    stop: () => {
      child.stdin.end();
      return new Promise((resolve) => (child.exitCode === null ? child.once('exit', resolve) : resolve()));
    },
  };
}

/** Resident memory of a process, in MB; undefined where the system does not tell. */
export function residentMB(pid) {
  try {
    if (process.platform === 'linux') {
      return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
    }
    if (process.platform === 'win32') return undefined;
    return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024;
  } catch {
    return undefined;
  }
}
