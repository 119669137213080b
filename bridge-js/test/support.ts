/** What several tests need. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { json } from 'node:stream/consumers';

/** Whether a process runs. One that ended, and that its parent did not collect yet, does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== 'linux') return true;
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false; // it ended in between
  }
}

/** Waits until `condition` holds; fails, saying what was waited for, after `deadlineMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  deadlineMs = 10_000,
): Promise<void> {
  const start = performance.now();
  while (!(await condition())) {
    if (performance.now() - start > deadlineMs) throw new Error(`Not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The next value that `register` hands on and that is `wanted`; fails when none comes within `deadlineMs`. */
export function nextOf<Value>(
  register: (listener: (value: Value) => void) => () => void,
  what: string,
  wanted: (value: Value) => boolean = () => true,
  deadlineMs = 10_000,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Not within ${deadlineMs} ms: ${what}`)), deadlineMs);
    const off = register((value) => {
      if (!wanted(value)) return;
      clearTimeout(timer);
      off();
      resolve(value);
    });
  });
}

/** The JSON at this URL. Not by `fetch`: that sets TCP's keep-alive times, which Wine does not have. */
export async function getJson(url: string): Promise<unknown> {
  return json(await new Promise<IncomingMessage>((resolve, reject) => get(url, resolve).on('error', reject)));
}

/** The first line that a child prints; fails when it ends without one. */
export function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface(child.stdout!).once('line', resolve).once('close', () => reject(new Error('It printed no line.')));
    child.once('error', reject);
  });
}
