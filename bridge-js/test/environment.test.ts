import assert from 'node:assert/strict';
import test from 'node:test';
import { childEnvironment } from '../src/environment.js';

test('on POSIX only what is listed passes', () => {
  const passing = { HOME: '/h', PATH: '/bin', LC_ALL: 'C', https_proxy: 'p', NO_PROXY: 'n', SSL_CERT_FILE: 'f', TZ: 'UTC' };
  const kept = childEnvironment(
    {},
    {
      ...passing,
      GEMINI_API_KEY: 'key',
      NODE_OPTIONS: '--inspect',
      ELECTRON_RUN_AS_NODE: '1',
      PYTHONPATH: '/evil',
      LD_PRELOAD: 'x.so',
      DYLD_INSERT_LIBRARIES: 'x.dylib',
      path: 'lower case is another variable',
    },
    'linux',
  );
  assert.deepEqual(kept, passing);
});

test('on Windows names have no case', () => {
  const kept = childEnvironment({}, { Path: 'C:\\', SystemRoot: 'C:\\Windows', HOME: 'x', Pythonhome: 'y' }, 'win32');
  assert.deepEqual(kept, { Path: 'C:\\', SystemRoot: 'C:\\Windows' });
});

test('an exported shell function does not pass', () => {
  assert.deepEqual(childEnvironment({}, { TERM: '() { :; }; echo', SHELL: '/bin/sh' }, 'linux'), { SHELL: '/bin/sh' });
});

test('what is given is added, and undefined takes away', () => {
  const kept = childEnvironment({ PATH: undefined, EXTRA: '1', TZ: 'UTC' }, { PATH: '/bin', TZ: 'CET' }, 'darwin');
  assert.deepEqual(kept, { TZ: 'UTC', EXTRA: '1' });
});
