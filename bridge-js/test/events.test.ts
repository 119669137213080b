import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { Emitter } from '../src/events.js';

interface Events {
  a: number;
  b: string;
}

test('listeners are called in order, each for its own event', () => {
  const seen: unknown[] = [];
  const events = new Emitter<Events>();
  events.on('a', (value) => seen.push(['first', value]));
  events.on('a', (value) => seen.push(['second', value]));
  events.on('b', (value) => seen.push(value));
  events.emit('a', 1);
  events.emit('b', 'x');
  assert.deepEqual(seen, [['first', 1], ['second', 1], 'x']);
});

test('once listens once, and off and the returned function end listening', () => {
  const seen: string[] = [];
  const events = new Emitter<Events>();
  const both = (value: number): unknown => seen.push(`both ${value}`);
  events.once('a', (value) => seen.push(`once ${value}`));
  const stop = events.on('a', (value) => seen.push(`on ${value}`));
  events.on('a', both);
  events.on('a', both);
  events.emit('a', 1);
  stop();
  stop();
  events.off('a', both);
  events.emit('a', 2);
  assert.deepEqual(seen, ['once 1', 'on 1', 'both 1', 'both 1']);
  assert.equal(events.listenerCount('a'), 0);
});

test('a listener may add and remove listeners while an event is on its way', () => {
  const seen: string[] = [];
  const events = new Emitter<Events>();
  events.once('a', () => {
    seen.push('first');
    events.on('a', () => seen.push('added'));
    stop();
  });
  const stop = events.on('a', () => seen.push('removed'));
  events.emit('a', 1);
  events.emit('a', 2);
  assert.deepEqual(seen, ['first', 'removed', 'added']);
});

test('a listener that throws does not stop the others, and its error reaches uncaughtException', () => {
  const program = `
    import { Emitter } from ${JSON.stringify(new URL('../src/events.js', import.meta.url).href)};
    process.on('uncaughtException', (error) => console.log('uncaught', error.message));
    const events = new Emitter();
    events.on('a', () => { throw new Error('bad listener'); });
    events.on('a', () => console.log('second'));
    events.emit('a', 1);
    console.log('emitted');`;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.deepEqual(out.trim().split('\n'), ['second', 'emitted', 'uncaught bad listener']);
});
