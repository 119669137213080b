import assert from 'node:assert/strict';
import test from 'node:test';
import { Vigil, watch, type Verdict } from '../src/watchdog.js';

const ticks = (vigil: Vigil, count: number): Verdict[] => Array.from({ length: count }, () => vigil.tick());

test('it rests, asks, and after its patience judges', () => {
  assert.deepEqual(ticks(new Vigil(3, 2), 6), ['rest', 'rest', 'ask', 'wait', 'wait', 'hung']);
});

test('an answer, also a late one, starts a new rest', () => {
  const vigil = new Vigil(2, 3);
  assert.deepEqual(ticks(vigil, 4), ['rest', 'ask', 'wait', 'wait']);
  vigil.answered();
  assert.deepEqual(ticks(vigil, 3), ['rest', 'ask', 'wait']);
});

test('a host that was blocked for longer than the deadline judges nothing by that', async () => {
  let hung = false;
  let asked = 0;
  let answer = (): void => {};
  const stop = watch(
    () => (asked++, new Promise<void>((resolve) => (answer = resolve))),
    { intervalMs: 20, timeoutMs: 50 },
    () => (hung = true),
  );
  while (asked === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const wokeAt = performance.now() + 300;
  while (performance.now() < wokeAt); // blocks the loop: six deadlines
  // The answer came meanwhile, and is read as soon as the loop turns; a timer that is due comes before it.
  setImmediate(() => answer());
  while (asked === 1 && !hung) await new Promise((resolve) => setTimeout(resolve, 1));
  stop();
  assert.equal(hung, false);
});

test('no answer at all is found once, at about the deadline', async () => {
  const start = performance.now();
  let times = 0;
  await new Promise<void>((resolve) => {
    const timers = setTimeout(() => {}, 5_000); // the watch itself keeps nothing alive
    watch(
      () => new Promise(() => {}),
      { intervalMs: 50, timeoutMs: 100 },
      () => (times++, clearTimeout(timers), resolve()),
    );
  });
  const tookMs = performance.now() - start;
  assert.ok(tookMs >= 130 && tookMs < 2_000, `${tookMs}`);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(times, 1);
});

test('times that make no sense are refused', () => {
  assert.throws(() => watch(async () => {}, { intervalMs: 0 }, () => {}), RangeError);
});
