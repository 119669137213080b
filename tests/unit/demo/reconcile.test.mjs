import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reconcile, sha256 } from '../../../examples/demo/reconcile.mjs';

const CHUNK = 4;
const recording = Buffer.from('aaaabbbbccccddddeeeeffff');
const cut = (...stretches) => reconcile(recording, stretches.map((s) => Buffer.from(s)), CHUNK);

test('one connection that received everything is whole', () => {
  assert.deepEqual(cut('aaaabbbbccccddddeeeeffff'), {
    lostBytes: 0, doubledBytes: 0, foreignBytes: 0, sha256: sha256(recording), whole: true,
  });
});

test('what a second connection repeats is doubled, and the rest is whole', () => {
  const { lostBytes, doubledBytes, whole } = cut('aaaabbbbcccc', 'bbbbccccddddeeeeffff');
  assert.deepEqual({ lostBytes, doubledBytes, whole }, { lostBytes: 0, doubledBytes: 8, whole: true });
});

test('what lies between two connections is lost', () => {
  const { lostBytes, doubledBytes, whole } = cut('aaaabbbb', 'eeeeffff');
  assert.deepEqual({ lostBytes, doubledBytes, whole }, { lostBytes: 8, doubledBytes: 0, whole: false });
});

test('a missing end is lost', () => {
  const { lostBytes, whole } = cut('aaaabbbb');
  assert.deepEqual({ lostBytes, whole }, { lostBytes: 16, whole: false });
});

test('what was never said is foreign, and nothing is whole then', () => {
  const { foreignBytes, whole } = cut('aaaabbbbccccddddeeeeffff', 'zzzz');
  assert.deepEqual({ foreignBytes, whole }, { foreignBytes: 4, whole: false });
});

test('a connection that received only what was there already adds nothing', () => {
  const { doubledBytes, whole } = cut('aaaabbbb', 'bbbb', 'ccccddddeeeeffff');
  assert.deepEqual({ doubledBytes, whole }, { doubledBytes: 4, whole: true });
});
