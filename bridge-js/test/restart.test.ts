import assert from 'node:assert/strict';
import test from 'node:test';
import { Restarts } from '../src/restart.js';

const MIDDLE = (): number => 0.5;

test('the wait grows with each end in a row, up to its cap, and then there is no more', () => {
  const restarts = new Restarts({ baseDelayMs: 100, factor: 3, maxDelayMs: 1_000, maxRestarts: 5 }, MIDDLE);
  const waits = Array.from({ length: 7 }, () => restarts.afterEnd(0));
  assert.deepEqual(waits, [100, 300, 900, 1_000, 1_000, undefined, undefined]);
});

test('a process that worked long enough is forgiven what was before it', () => {
  const restarts = new Restarts({ baseDelayMs: 100, factor: 2, healthyMs: 5_000, maxRestarts: 2 }, MIDDLE);
  const worked = [0, 4_999, 5_000, 0, 1, 9_000];
  assert.deepEqual(worked.map((ms) => restarts.afterEnd(ms)), [100, 200, 100, 200, undefined, 100]);
});

test('one that never came up was not well, even if nothing is asked for', () => {
  const restarts = new Restarts({ healthyMs: 0, maxRestarts: 1 }, MIDDLE);
  assert.deepEqual([restarts.afterEnd(0), restarts.afterEnd(0)], [250, undefined]);
});

test('chance moves a wait by its share to either side, and no further', () => {
  for (const [chance, waitMs] of [[0, 800], [0.5, 1_000], [1, 1_200]] as const) {
    assert.equal(new Restarts({ baseDelayMs: 1_000, jitter: 0.2 }, () => chance).afterEnd(0), waitMs);
  }
});

test('the defaults, one after the other', () => {
  const restarts = new Restarts({}, MIDDLE);
  assert.deepEqual(Array.from({ length: 6 }, () => restarts.afterEnd(29_999)), [250, 500, 1_000, 2_000, 4_000, undefined]);
  assert.equal(new Restarts({}, MIDDLE).afterEnd(30_000), 250);
});

test('no wait is longer than a timer can hold', () => {
  const restarts = new Restarts({ baseDelayMs: 2 ** 40, maxDelayMs: Infinity }, MIDDLE);
  assert.deepEqual([restarts.afterEnd(0), restarts.afterEnd(0)], [2 ** 31 - 1, 2 ** 31 - 1]);
});

test('what makes no sense is named', () => {
  for (const policy of [{ factor: 0.5 }, { baseDelayMs: -1 }, { jitter: 2 }, { maxRestarts: NaN }]) {
    assert.throws(() => new Restarts(policy), { name: 'RangeError', message: new RegExp(Object.keys(policy)[0]!) });
  }
});
