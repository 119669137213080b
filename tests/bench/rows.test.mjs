import assert from 'node:assert/strict';
import test from 'node:test';
import { print } from './rows.mjs';

test('only a hard bound that is not met makes a bad end, and each is shown', () => {
  const lines = [];
  const log = (line) => lines.push(line);
  assert.equal(print([['start', '100 ms', '200 ms', true, true], ['p50', '1 ms', '0.25 ms', false]], log), true);
  assert.equal(print([['start', '300 ms', '200 ms', false, true]], log), false);
  assert.deepEqual(lines, ['start  100 ms  200 ms   met', 'p50    1 ms    0.25 ms  NOT MET', 'start  300 ms  200 ms  NOT MET']);
});
