/** What tests with programs that misbehave need. */
import { fileURLToPath } from 'node:url';
import type { LogEvent } from '../src/sidecar.js';
import type { Supervisor } from '../src/supervisor.js';

export const PROGRAM = fileURLToPath(new URL('../../test/programs/misbehaving.mjs', import.meta.url));

/** Resolves once a line that is not of the log was told. */
export async function firstRaw(events: readonly LogEvent[], supervisor: Supervisor): Promise<void> {
  while (!events.some(({ level }) => level === 'raw')) {
    await new Promise((resolve) => supervisor.once('log', resolve));
  }
}
