import assert from 'node:assert/strict';
import test from 'node:test';
import { LineTooLongError } from '../src/errors.js';
import { encodeLine, LineSplitter, type TooLong } from '../src/framing.js';
import { Secret } from '../src/secret.js';

const MIB = 1024 * 1024;

/** A small generator of our own, so that a failing case can be run again by its seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function texts(lines: (Buffer | TooLong)[]): (string | number)[] {
  return lines.map((line) => (Buffer.isBuffer(line) ? line.toString('utf8') : line.sizeBytes));
}

test('lines come out whole however the stream is cut into chunks', () => {
  const lines = ['{"a":1}', 'ünïcödé 日本語 🎙️', 'x'.repeat(3000), '{"separators":"\u2028\u2029\u0085"}', 'last'];
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  for (let seed = 1; seed <= 300; seed++) {
    const next = random(seed);
    const splitter = new LineSplitter(MIB);
    const out: (Buffer | TooLong)[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + next(seed % 3 === 0 ? 2 : 700);
      out.push(...splitter.feed(bytes.subarray(at, at + size)));
      at += size;
    }
    assert.deepEqual(texts(out), lines, `seed ${seed}`);
  }
});

test('a character cut between two chunks is not damaged', () => {
  const splitter = new LineSplitter(MIB);
  const bytes = Buffer.from('🎙️é\n');
  const out = [...bytes].flatMap((byte) => splitter.feed(Buffer.from([byte])));
  assert.deepEqual(texts(out), ['🎙️é']);
});

test('one carriage return before the newline goes, any other stays', () => {
  assert.deepEqual(texts(new LineSplitter(100).feed(Buffer.from('a\r\nb\r\r\nc\rd\n'))), ['a', 'b\r', 'c\rd']);
});

test('empty lines are left out', () => {
  assert.deepEqual(texts(new LineSplitter(100).feed(Buffer.from('\n\r\n\na\n\n'))), ['a']);
});

test('an over-long line is reported once with its size and the next one is read', () => {
  const splitter = new LineSplitter(10);
  const out = [
    ...splitter.feed(Buffer.from('12345678901')),
    ...splitter.feed(Buffer.from('x'.repeat(500))),
    ...splitter.feed(Buffer.from('y\nok\n1234567890\n')),
  ];
  assert.deepEqual(texts(out), [512, 'ok', '1234567890']);
});

test('a line of the full 16 MiB in small chunks is joined', () => {
  const splitter = new LineSplitter(16 * MIB);
  const chunk = Buffer.alloc(16 * 1024, 'z');
  for (let i = 0; i < 1024; i++) assert.deepEqual(splitter.feed(chunk), []);
  const [line] = splitter.feed(Buffer.from('\n'));
  assert.ok(Buffer.isBuffer(line));
  assert.equal(line.length, 16 * MIB);
  assert.ok(line.every((byte) => byte === 0x7a));
});

test('the rest is what stands after the last newline', () => {
  const splitter = new LineSplitter(100);
  splitter.feed(Buffer.from('a\nunfinished'));
  assert.deepEqual(texts(splitter.rest()), ['unfinished']);
  assert.deepEqual(splitter.rest(), []);
});

test('a message becomes one line of UTF-8', () => {
  assert.equal(encodeLine({ text: 'a\nb "é"' }, 100).toString('utf8'), '{"text":"a\\nb \\"é\\""}\n');
});

test('lone surrogates become the replacement character, in keys too', () => {
  const line = encodeLine({ 'k\ud800': 'a\udfffb', pair: '🎙', list: ['\ud83c'] }, 1000).toString('utf8');
  assert.deepEqual(JSON.parse(line), { 'k\ufffd': 'a\ufffdb', pair: '🎙', list: ['\ufffd'] });
  assert.ok(!line.includes('\\u'));
});

test('text that only looks like an escaped surrogate stays', () => {
  const value = { a: '\\ud800', b: 'C:\\\\udfff', c: '\\\ud800', d: '\u0001\\u0041' };
  const back = JSON.parse(encodeLine(value, 1000).toString('utf8')) as typeof value;
  assert.deepEqual(back, { ...value, c: '\\\ufffd' });
});

test('secrets are revealed in the line, at any depth', () => {
  const line = encodeLine({ auth: { apiKey: new Secret('k-1') }, list: [new Secret('k-2')] }, 1000).toString('utf8');
  assert.deepEqual(JSON.parse(line), { auth: { apiKey: 'k-1' }, list: ['k-2'] });
});

test('where no secret was expected, one stays hidden', () => {
  const line = encodeLine({ data: new Secret('k-1'), text: '\ud800' }, 1000, false).toString('utf8');
  assert.ok(!line.includes('k-1'));
  assert.equal((JSON.parse(line) as { text: string }).text, '\ufffd');
});

test('a message over the limit is refused with both sizes, counted in bytes', () => {
  assert.equal(encodeLine({ t: 'é' }, 10).length, 11);
  assert.throws(
    () => encodeLine({ t: 'éé' }, 10),
    (error) => error instanceof LineTooLongError && error.sizeBytes === 12 && error.maxLineBytes === 10,
  );
});
