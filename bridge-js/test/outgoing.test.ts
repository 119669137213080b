/** What a session sends reaches the next process in order and whole, also when that is busy. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { Backlog, type Kept } from '../src/backlog.js';
import { Offering } from '../src/offering.js';
import { Outgoing } from '../src/outgoing.js';
import { Sidecar } from '../src/sidecar.js';
import { PROGRAM } from './support-program.js';
import { until } from './support.js';
import { heard, next, stage } from './support-session.js';

test('a thousand messages that were accepted and a thousand while there is no process: none is lost', () =>
  stage(
    async ({ session, kill, told }) => {
      const say = (): Promise<unknown> =>
        Promise.all(Array.from({ length: 1_000 }, (_, i) => session.send({ realtimeInput: { text: `${i}` } })));
      await session.open();
      await say();
      kill('SIGKILL');
      await next(session, 'lost');
      const confirmed = next(session, 'queue', ({ confirmedThrough = -1 }) => confirmedThrough >= 1_999);
      await say();
      await confirmed;
      const { texts } = await heard();
      assert.ok(texts >= 1_000 && texts <= 3_000, `${texts}`);
      assert.ok(!told.includes('(dropped)'));
    },
    {},
    { restart: { baseDelayMs: 300 } },
  ));

test('a process that is busy is asked again, and nothing passes what it did not take', async () => {
  const sidecar = await Sidecar.start({ command: process.execPath, args: [PROGRAM, 'isBusyAtFirst'] });
  try {
    const backlog = new Backlog({ audioMs: 1_000, maxBytes: 10_000 });
    const kept: Kept[] = [];
    for (let i = 0; i < 8; i++) {
      kept.push(i % 4 === 1 ? backlog.keepAudio('AAAA', undefined) : backlog.keepMessage({ realtimeInput: { text: 'x' } }, 1));
    }
    const accepted: number[] = [];
    let idle = 0;
    const offering = new Offering('s1', sidecar, {
      accepted: ({ n }) => accepted.push(n),
      refused: ({ n }, error) => assert.fail(`${n}: ${error}`),
      idle: () => idle++,
    });
    offering.offerAll(kept.slice(0, 4));
    assert.equal(offering.isHeld, true);
    for (const one of kept.slice(4)) assert.equal(offering.offer(one), false);
    const six = kept[6]!;
    if (six.kind === 'message') offering.withdraw(six);
    await until(() => accepted.at(-1) === 7, 'all is accepted');
    assert.deepEqual((await sidecar.call('ping')) as object, { taken: [0, 1, 2, 3, 4, 5, 7] });
    assert.deepEqual([accepted, idle, offering.through], [[0, 2, 3, 4, 7], 1, 7]);
  } finally {
    await sidecar.stop({ graceMs: 0 });
  }
});

test('whoever sends to a process that is busy sees no more of it than the time it takes', async () => {
  const sidecar = await Sidecar.start({ command: process.execPath, args: [PROGRAM, 'isBusyAtFirst'] });
  try {
    const lost: unknown[] = [];
    const outgoing = new Outgoing('s1', { audioMs: 1_000, maxBytes: 10_000 }, (dropped) => lost.push(dropped));
    const early = outgoing.send({ realtimeInput: { text: '0' } }, {});
    outgoing.attach(sidecar, { again: false, resumes: false });
    const late = [1, 2, 3].map((i) => outgoing.send({ realtimeInput: { text: `${i}` } }, {}));
    assert.equal(outgoing.sendAudio('AAAA', undefined), false);
    await outgoing.drained();
    assert.equal((await Promise.all([early, ...late])).length, 4);
    assert.deepEqual((await sidecar.call('ping')) as object, { taken: [0, 1, 2, 3, 4] });
    assert.deepEqual(lost, []);
  } finally {
    await sidecar.stop({ graceMs: 0 });
  }
});

test('a chunk that fits into no line is told as dropped, and the rest is offered', () =>
  stage(
    async ({ session, kill }) => {
      await session.open();
      kill('SIGKILL');
      await next(session, 'lost');
      session.sendAudio('A'.repeat(17 * 1024 * 1024), 'audio/pcm;rate=192000');
      const dropped = next(session, 'dropped');
      const sent = session.send({ realtimeInput: { text: 'x' } });
      const { reason, fromN, throughN } = await dropped;
      assert.deepEqual([reason, fromN, throughN], ['outboxFull', 0, 0]);
      await sent;
      assert.throws(() => session.sendAudio(randomBytes(17 * 1024 * 1024)), { name: 'LineTooLongError' });
      assert.equal(session.sendAudio(randomBytes(640)), true);
    },
    { settings: { outbox: { maxBytes: 64 * 1024 * 1024 } } },
    { restart: { baseDelayMs: 300 } },
  ));
