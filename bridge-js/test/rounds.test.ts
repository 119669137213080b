/** A few rounds of `scripts/rounds.mjs`; `make rounds` plays many. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const ROUNDS = fileURLToPath(new URL('../../scripts/rounds.mjs', import.meta.url));
const POSIX_ONLY = { skip: process.platform === 'win32' && 'Windows cannot stop a process by a signal' };

test('each party is killed or stopped at a random moment, and nothing is lost', POSIX_ONLY, async () => {
  const rounds = spawn(process.execPath, [ROUNDS, '--rounds', '6', '--seed', '1'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  rounds.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(rounds, 'exit')) as [number];
  assert.equal(code, 0, output);
  assert.match(output, /; 0 failed/);
});
