/** Programs that cannot be started, and what is said about them. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { aboutBuild, aboutFolder, adviceFor, builtFor } from '../src/program.js';
import { Sidecar } from '../src/sidecar.js';

const POSIX_ONLY = { skip: process.platform === 'win32' && 'Windows has no executable bit' };
const HERE = { platform: 'linux', arch: 'x64' };
let folder: string;

before(() => (folder = mkdtempSync(join(tmpdir(), 'program-'))));
after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: Buffer | string, mode = 0o755): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

function elf(machine: number): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write('\x7fELF\x02\x01\x01', 'latin1');
  bytes.writeUInt16LE(2, 16);
  bytes.writeUInt16LE(machine, 18);
  return bytes;
}

function machO(cpu: number): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32LE(0xfeedfacf, 0);
  bytes.writeUInt32LE(cpu, 4);
  return bytes;
}

function pe(machine: number): Buffer {
  const bytes = Buffer.alloc(128);
  bytes.write('MZ', 'latin1');
  bytes.writeUInt32LE(64, 0x3c);
  bytes.write('PE\0\0', 64, 'latin1');
  bytes.writeUInt16LE(machine, 68);
  return bytes;
}

test('what a program is built for is read from its first bytes', () => {
  assert.equal(builtFor(elf(0x3e))?.arch, 'x64');
  assert.equal(builtFor(elf(0xb7))?.arch, 'arm64');
  assert.deepEqual(builtFor(machO(0x0100000c)), { platforms: ['darwin'], arch: 'arm64' });
  assert.deepEqual(builtFor(pe(0x8664)), { platforms: ['win32'], arch: 'x64' });
  assert.equal(builtFor(Buffer.from('#!/bin/sh\n'.padEnd(80))), undefined);
  assert.equal(builtFor(Buffer.alloc(0)), undefined);
});

test('the node that runs this is built for this machine', () => {
  assert.equal(aboutBuild(process.execPath), undefined);
});

test('a build for another machine is named, with what to do', () => {
  const path = file('mac', machO(0x0100000c));
  assert.equal(aboutBuild(path, HERE), 'It is built for darwin-arm64, and this is linux-x64. Install the build for this machine.');
  for (const code of ['ENOEXEC', 'EBADARCH', 'Unknown system error -86', 'EFTYPE', 'UNKNOWN']) {
    assert.match(adviceFor(path, code, HERE), /built for darwin-arm64/, code);
    assert.match(adviceFor(join(folder, 'none'), code, HERE), /built for another machine/, code);
  }
});

test('by what it wrote: a folder that is not whole, a library that the system lacks, neither', () => {
  for (const line of [
    "[PYI-25065:ERROR] Failed to load Python shared library '/app/_internal/libpython3.11.so.1.0'",
    'live-sidecar cannot start: _internal/libssl.so.3 missing in /opt/app. Install live-sidecar again.',
    'Fatal Python error: init_fs_encoding: failed to get the Python codec of the filesystem encoding',
    "ModuleNotFoundError: No module named 'zlib'",
  ]) {
    assert.match(aboutFolder(['Traceback (most recent call last):', line]) ?? '', /missing or damaged: install it again/, line);
  }
  for (const line of [
    'live-sidecar: error while loading shared libraries: libz.so.1: cannot open shared object file: No such file or directory',
    'Error loading shared library libz.so.1: No such file or directory (needed by live-sidecar)',
  ]) {
    assert.match(aboutFolder([line]) ?? '', /^The system lacks libz\.so\.1: install/, line);
  }
  assert.equal(aboutFolder(['{"level":"error","msg":"no Fatal Python error"}']), undefined);
  assert.equal(aboutFolder([]), undefined);
  assert.match(aboutFolder([], 'SIGBUS') ?? '', /missing or damaged: install it again/);
  assert.equal(aboutFolder([], 'SIGTERM'), undefined);
});

test('a program inside app.asar is said to be just that', () => {
  assert.match(adviceFor('/opt/app/resources/app.asar/node_modules/x/bin/live-sidecar', 'ENOENT'), /asarUnpack/);
  assert.doesNotMatch(adviceFor('/opt/app/resources/app.asar.unpacked/bin/live-sidecar', 'ENOENT'), /asarUnpack/);
});

test('the system itself refuses: not executable, for another machine', POSIX_ONLY, async () => {
  await assert.rejects(Sidecar.start({ command: file('plain', '#!/bin/sh\n', 0o644) }), {
    name: 'SidecarSpawnError',
    code: 'EACCES',
    message: /chmod \+x/,
  });
  const other = process.arch === 'arm64' ? elf(0x3e) : elf(0xb7);
  // Some systems refuse it, others let a shell try: either way it is told.
  await assert.rejects(Sidecar.start({ command: file('other', other) }), /It is built for linux-\w+, and this is/);
});
