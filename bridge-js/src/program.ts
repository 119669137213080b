/** What kind of machine a program file is for, by its first bytes; and why a program cannot be started, in words. */
import { closeSync, openSync, readSync } from 'node:fs';

const HEADER_BYTES = 4096;
/** The machine numbers of the three formats, by Node's names for processors. */
const ELF: Readonly<Record<number, string>> = { 0x03: 'ia32', 0x28: 'arm', 0x3e: 'x64', 0xb7: 'arm64', 0xf3: 'riscv64' };
const MACH_O: Readonly<Record<number, string>> = { 0x01000007: 'x64', 0x0100000c: 'arm64' };
const PE: Readonly<Record<number, string>> = { 0x14c: 'ia32', 0x8664: 'x64', 0xaa64: 'arm64' };

/** What each failure to start means, by the system's name for it. What is not here is not known to happen. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOENT:
    'Check that it exists. If it does, what runs it is missing: it needs glibc, and there is no build for musl (Alpine).',
  ENOTDIR: 'Check its path: a part of it is a file and no folder.',
  EACCES: 'Check that it is a file and may be executed (`chmod +x`), and that its disk is not mounted `noexec`.',
  EPERM: 'The system forbids it: look for a quarantine, a security policy or a virus scanner.',
  EAGAIN: 'There are too many processes at the moment. Try again.',
  EBUSY: 'Another program, such as a virus scanner, holds the file. Try again.',
  ETXTBSY: 'The file is being written. Try again when its installation is complete.',
  EMFILE: 'This process has too many files open. Close some, or raise its limit.',
  ENFILE: 'The system has too many files open. Try again.',
  ENOMEM: 'There is not enough memory. Try again.',
};
/** Of a program for another machine: by system, "exec format error", "bad CPU type", "not a valid Win32 application". */
const WRONG_FORMAT = new Set(['ENOEXEC', 'EBADARCH', 'Unknown system error -86', 'EFTYPE', 'UNKNOWN']);
const IN_ARCHIVE = /[\\/]app\.asar[\\/]/;

export interface Machine {
  readonly platform: string;
  readonly arch: string;
}

/** What to do about a program that could not be started, in one or two sentences. */
export function adviceFor(command: string, code: string | undefined, machine: Machine = process): string {
  if (IN_ARCHIVE.test(command)) {
    return 'A program inside app.asar cannot be executed. Unpack it (`asarUnpack`), or ship it as an extra resource.';
  }
  if (code !== undefined && WRONG_FORMAT.has(code)) return aboutBuild(command, machine) ?? wrongBuild('another machine', machine);
  return ADVICE[code ?? ''] ?? 'Check that it exists and may be executed.';
}

/** That the program is built for another machine, if it is: a shell may have run it in vain without an error. */
export function aboutBuild(command: string, machine: Machine = process): string | undefined {
  const built = builtFor(header(command));
  if (built === undefined) return undefined;
  const fits = built.platforms.includes(machine.platform) && (built.arch === undefined || built.arch === machine.arch);
  return fits ? undefined : wrongBuild([built.platforms[0], built.arch].join('-'), machine);
}

/** What a program says whose folder is not whole: itself, PyInstaller's loader, and Python without its library. */
const DAMAGED = /^live-sidecar cannot start:|^\[PYI-\d+:ERROR\] (?!Failed to execute script)|^Fatal Python error|^ModuleNotFoundError/;
/** What ends a program that loads a library which was cut or changed. */
const OF_DAMAGE = new Set(['SIGBUS', 'SIGSEGV', 'SIGILL']);

/** What glibc's and musl's loaders say when the system lacks a library. */
const LACKING = /error while loading shared libraries: ([^\s:]+)|Error loading shared library ([^\s:]+)/i;

/** What kept the program from starting, by its last words and the signal that ended it: a library of the system, or its folder. */
export function aboutFolder(stderrTail: readonly string[], signal: string | null = null): string | undefined {
  for (const line of stderrTail) {
    const lacking = LACKING.exec(line);
    if (lacking !== null) return `The system lacks ${lacking[1] ?? lacking[2]}: install the package that brings it (libz.so.1: zlib).`;
  }
  if (!OF_DAMAGE.has(signal ?? '') && !stderrTail.some((line) => DAMAGED.test(line))) return undefined;
  return 'Files of its folder are missing or damaged: install it again, and ship the folder whole.';
}

function wrongBuild(what: string, { platform, arch }: Machine): string {
  return `It is built for ${what}, and this is ${platform}-${arch}. Install the build for this machine.`;
}

interface Built {
  readonly platforms: readonly string[];
  /** Undefined: several, or one that is not known here. */
  readonly arch: string | undefined;
}

/** By the first bytes of an ELF, Mach-O or PE file; undefined for anything else, such as a script. */
export function builtFor(bytes: Buffer): Built | undefined {
  if (bytes.length < 64) return undefined;
  if (bytes.readUInt32BE(0) === 0x7f454c46) {
    const isLittle = bytes[5] === 1;
    const machine = isLittle ? bytes.readUInt16LE(18) : bytes.readUInt16BE(18);
    return { platforms: ['linux', 'freebsd', 'openbsd', 'android', 'sunos'], arch: ELF[machine] };
  }
  if (bytes.readUInt32LE(0) === 0xfeedfacf) return { platforms: ['darwin'], arch: MACH_O[bytes.readUInt32LE(4)] };
  if (bytes.readUInt32BE(0) === 0xcafebabe) return { platforms: ['darwin'], arch: undefined };
  const at = bytes.toString('latin1', 0, 2) === 'MZ' ? bytes.readUInt32LE(0x3c) : Infinity;
  if (at + 6 > bytes.length || bytes.toString('latin1', at, at + 4) !== 'PE\0\0') return undefined;
  return { platforms: ['win32'], arch: PE[bytes.readUInt16LE(at + 4)] };
}

function header(path: string): Buffer {
  try {
    const file = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(HEADER_BYTES);
      return bytes.subarray(0, readSync(file, bytes, 0, HEADER_BYTES, 0));
    } finally {
      closeSync(file);
    }
  } catch {
    return Buffer.alloc(0);
  }
}
