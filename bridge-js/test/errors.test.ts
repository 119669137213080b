/** An app may load the ESM and the CJS copy of this package: an error of one is known to the other. */
import assert from 'node:assert/strict';
import test from 'node:test';
import * as here from '../src/errors.js';

const other = (await import(new URL('../src/errors.js?another-copy', import.meta.url).href)) as typeof here;

const EXIT = { code: 1, signal: null, stderrTail: [] };
const CALL = { method: 'ping', sent: true };

/** One of every class, made by a copy. */
const MADE: { readonly [name: string]: (from: typeof here) => Error } = {
  BacklogFullError: (from) => new from.BacklogFullError(1, 2),
  LineTooLongError: (from) => new from.LineTooLongError(2, 1),
  RequestRefusedError: (from) => new from.RequestRefusedError('no'),
  SessionFailedError: (from) => new from.SessionFailedError('s'),
  SidecarAbortError: (from) => new from.SidecarAbortError(CALL, undefined),
  SidecarClosedError: (from) => new from.SidecarClosedError('closed'),
  SidecarCrashLoopError: (from) => new from.SidecarCrashLoopError(2, 1, new from.SidecarExitError(EXIT)),
  SidecarDownError: (from) => new from.SidecarDownError('ping'),
  SidecarError: (from) => new from.SidecarError('any'),
  SidecarExitError: (from) => new from.SidecarExitError(EXIT),
  SidecarProtocolError: (from) => new from.SidecarProtocolError('what?'),
  SidecarRpcError: (from) => new from.SidecarRpcError('ping', -32603, 'internalError'),
  SidecarSpawnError: (from) => new from.SidecarSpawnError('none', []),
  SidecarStuckError: (from) => new from.SidecarStuckError(7),
  SidecarTimeoutError: (from) => new from.SidecarTimeoutError(CALL, 1),
};

const classes = Object.entries(here).filter(([name]) => name.endsWith('Error')) as [string, new () => Error][];

test('every class is in the table of this test', () => {
  assert.deepEqual(classes.map(([name]) => name).sort(), Object.keys(MADE));
});

test('an error of another copy is an instance of the class of its name, and of no other', () => {
  assert.notEqual(other.SidecarError, here.SidecarError);
  for (const [name, make] of Object.entries(MADE)) {
    const bases = name === 'RequestRefusedError' ? [name] : [name, 'SidecarError'];
    for (const copy of [here, other]) {
      const known = classes.filter(([, type]) => make(copy) instanceof type).map(([known]) => known);
      assert.deepEqual(known.sort(), [...new Set(bases)].sort(), name);
    }
  }
});

test('nothing else is an instance, and a class that extends one has only its own', () => {
  class Mine extends here.SidecarError {}
  const mine: Error = new Mine('x');
  assert.ok(mine instanceof Mine && mine instanceof here.SidecarError && mine instanceof other.SidecarError);
  assert.ok(!(new other.SidecarError('x') instanceof Mine) && !(new here.SidecarError('x') instanceof Mine));
  for (const stranger of [undefined, null, 'SidecarError', new Error('x'), { name: 'SidecarError' }, Object.create(null)]) {
    assert.ok(!((stranger as unknown) instanceof here.SidecarError));
  }
});
