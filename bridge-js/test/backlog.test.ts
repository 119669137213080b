import assert from 'node:assert/strict';
import test from 'node:test';
import { Backlog } from '../src/backlog.js';
import { BacklogFullError } from '../src/errors.js';

const LIMITS = { audioMs: 100, maxBytes: 10_000 };
/** 20 ms of PCM16 at 16 kHz. */
const CHUNK = Buffer.alloc(640).toString('base64');
const text = (words: string): { realtimeInput: { text: string } } => ({ realtimeInput: { text: words } });
const numbers = (backlog: Backlog): number[] => backlog.inOrder().map(({ n }) => n);

test('everything has its number, in the order in which it was given', () => {
  const backlog = new Backlog(LIMITS);
  backlog.keepAudio(CHUNK, undefined);
  backlog.keepMessage(text('a'), 10);
  backlog.keepAudio(CHUNK, 'audio/pcm;rate=16000');
  assert.deepEqual(backlog.inOrder().map(({ n, kind }) => [n, kind]), [[0, 'audio'], [1, 'message'], [2, 'audio']]);
  assert.equal(backlog.audioMs, 40);
});

test('what is confirmed is not kept, and a report that comes late changes nothing', () => {
  const backlog = new Backlog(LIMITS);
  for (let i = 0; i < 3; i++) backlog.keepAudio(CHUNK, undefined);
  const message = backlog.keepMessage(text('a'), 10);
  assert.deepEqual(backlog.confirmed(1), []);
  assert.deepEqual(numbers(backlog), [2, 3]);
  assert.deepEqual(backlog.confirmed(0), []);
  assert.deepEqual(backlog.confirmed(3), [message]);
  assert.ok(backlog.isEmpty);
  assert.deepEqual([backlog.audioMs, backlog.bytes, backlog.confirmedThrough], [0, 0, 3]);
});

test('another process starts with no number, and what is confirmed stays confirmed', () => {
  const backlog = new Backlog(LIMITS);
  for (let i = 0; i < 4; i++) backlog.keepAudio(CHUNK, undefined);
  backlog.confirmed(1);
  backlog.confirmed(-1);
  assert.deepEqual([numbers(backlog), backlog.confirmedThrough], [[2, 3], 1]);
});

test('the oldest audio gives way, is told with its range, and messages stay', () => {
  const backlog = new Backlog(LIMITS);
  backlog.keepMessage(text('first'), 10);
  for (let i = 0; i < 7; i++) backlog.keepAudio(CHUNK, undefined);
  const dropped = backlog.makeRoom(false);
  assert.deepEqual(dropped, { reason: 'outboxFull', kind: 'audio', count: 2, durationMs: 40, fromN: 1, throughN: 2 });
  assert.deepEqual(numbers(backlog), [0, 3, 4, 5, 6, 7]);
  assert.equal(backlog.makeRoom(false), undefined);
});

test('audio that a process has is lost only with that process', () => {
  const backlog = new Backlog(LIMITS);
  for (let i = 0; i < 8; i++) backlog.keepAudio(CHUNK, undefined);
  assert.equal(backlog.makeRoom(true), undefined);
  backlog.confirmed(0);
  const lost = backlog.processLost();
  assert.deepEqual([lost?.reason, lost?.count, lost?.fromN, lost?.throughN], ['deliveryUnknown', 2, 1, 2]);
  assert.equal(backlog.processLost(), undefined);
});

test('bytes count too, and audio makes room for messages until they alone are too much', () => {
  const backlog = new Backlog({ audioMs: 100_000, maxBytes: 2_000 });
  backlog.keepAudio(CHUNK, undefined);
  backlog.keepAudio(CHUNK, undefined);
  backlog.keepMessage(text('a'), 1_500);
  assert.equal(backlog.makeRoom(false)?.count, 2);
  assert.throws(() => backlog.keepMessage(text('b'), 501), BacklogFullError);
  assert.equal(backlog.keepMessage(text('b'), 500).n, 3, 'a message that was not taken has no number');
});

test('a message is taken back', () => {
  const backlog = new Backlog(LIMITS);
  const message = backlog.keepMessage(text('a'), 10);
  backlog.keepAudio(CHUNK, undefined);
  backlog.remove(message);
  backlog.remove(message);
  assert.deepEqual([numbers(backlog), backlog.bytes], [[1], CHUNK.length]);
});

test('an activity whose beginning is confirmed, and not its end, must begin again', () => {
  const backlog = new Backlog(LIMITS);
  const start = { realtimeInput: { activityStart: {} } };
  backlog.keepMessage(start, 10);
  backlog.keepAudio(CHUNK, undefined);
  backlog.keepMessage({ realtimeInput: { activityEnd: {} } }, 10);
  assert.equal(backlog.openActivity, undefined, 'unconfirmed, it is offered again by its number');
  backlog.confirmed(1);
  assert.equal(backlog.openActivity, start);
  backlog.confirmed(2);
  assert.equal(backlog.openActivity, undefined);
});

test('what is left at the end is told by kind', () => {
  const backlog = new Backlog({ audioMs: 40, maxBytes: 10_000 });
  for (let i = 0; i < 3; i++) backlog.keepAudio(CHUNK, undefined);
  backlog.makeRoom(true);
  backlog.keepMessage({ toolResponse: { functionResponses: [] } }, 10);
  backlog.keepMessage({ clientContent: {} }, 10);
  const told = backlog.clear().map(({ kind, count, fromN, throughN }) => [kind, count, fromN, throughN]);
  assert.deepEqual(told, [['audio', 3, 0, 2], ['toolResponse', 1, 3, 3], ['content', 1, 4, 4]]);
  assert.ok(backlog.isEmpty);
});

test('the length of a chunk goes by its rate', () => {
  const backlog = new Backlog(LIMITS);
  assert.equal(backlog.keepAudio(CHUNK, 'audio/pcm;rate=8000').durationMs, 40);
  assert.equal(backlog.keepAudio(Buffer.alloc(32).toString('base64'), undefined).durationMs, 1);
});
