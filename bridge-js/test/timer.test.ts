import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import { LONGEST_TIMER_MS, startTimer } from '../src/timer.js';

test('a wait that no timer can hold does not end at once', async () => {
  const told = new EventTarget();
  const warnings: string[] = [];
  const onWarning = ({ name }: Error): number => warnings.push(name);
  process.on('warning', onWarning);
  const first = once(told, 'end');
  for (const delayMs of [Infinity, LONGEST_TIMER_MS + 1, LONGEST_TIMER_MS]) {
    clearTimeout(startTimer(() => assert.fail(`after ${delayMs} ms`), delayMs));
  }
  assert.equal(startTimer(() => {}, LONGEST_TIMER_MS + 1), undefined);
  startTimer(() => told.dispatchEvent(new Event('end')), 5);
  await first;
  process.off('warning', onWarning);
  assert.deepEqual(warnings, []);
});
