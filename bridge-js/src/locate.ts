/** Where the sidecar's program is. Not looked for on PATH or in the working directory: anybody may plant one there. */
import { accessSync, constants, readFileSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { SidecarSpawnError } from './errors.js';
import { here } from './here.cjs';
import { adviceFor } from './program.js';

/** The packages with the program, and the folder in each: `@live-sidecar/linux-x64`, in it `live-sidecar/live-sidecar`. */
const SCOPE = '@live-sidecar';
const FOLDER = 'live-sidecar';
const UNPACKED = /[\\/]app\.asar\.unpacked[\\/]/;

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
  readonly arch: string;
  /** Whether programs named by the environment, or lying about, may be trusted. */
  readonly development: boolean;
  /** The folder of this package; empty inside a bundle that does not know it. */
  readonly from: string;
  /** Where a packaged Electron app keeps its extra resources. */
  readonly resources: string | undefined;
  /** Whether this process runs on musl, as on Alpine: npm leaves out what is built for glibc. */
  readonly musl: () => boolean;
}

/**
 * The program to start: `command` as it is; else the first that is there of
 * 1. in development only, the one that LIVE_SIDECAR_BINARY names: then no other is taken;
 * 2. `live-sidecar/live-sidecar` among the resources of a packaged Electron app;
 * 3. the same in the package `@live-sidecar/<platform>-<arch>` that is installed beside this one;
 * 4. in development only, that of the nearest `.venv` above this package.
 * @throws SidecarSpawnError naming every path that was tried.
 */
export function locate(command?: string, around: Surroundings = surroundings()): string {
  if (command !== undefined) return command;
  const tried = candidates(around);
  const found = tried.find(isProgram);
  if (found !== undefined) return found;
  throw new SidecarSpawnError(`${whyNone(tried, around)} Tried: ${tried.join(', ') || 'nothing'}`, tried);
}

/** Why no program was found, and what to do. */
function whyNone(tried: readonly string[], around: Surroundings): string {
  const inert = tried.find(isFile);
  if (inert !== undefined) {
    return `The live-sidecar program is there, but may not be executed: ${inert}. ${adviceFor(inert, 'EACCES')}`;
  }
  if (named(around)) return 'LIVE_SIDECAR_BINARY names a program that is not there. Correct it, or take it away.';
  const install = `install ${packageName(around)} (npm leaves it out with \`--omit=optional\`)`;
  const remedies = around.development
    ? `, ${install}, or set LIVE_SIDECAR_BINARY. (In a checkout of live-sidecar, \`make setup\` makes one.)`
    : `, ship it as the resource ${join(FOLDER, programName(around))}, or ${install}.` +
      ' LIVE_SIDECAR_BINARY and folders above are not trusted outside development.';
  return (
    'The live-sidecar program was not found. Give its path as `command`: `new Supervisor({ command })`, or ' +
    `\`configureSidecar({ command })\` of live-sidecar/app${remedies}${whyNot(tried, around)}`
  );
}

/** What is nearly right. */
function whyNot(tried: readonly string[], around: Surroundings): string {
  if (around.musl()) {
    return ' This system has musl as its C library, as Alpine has, and there is no build for musl: use one with glibc, such as Debian.';
  }
  if (tried.some((path) => UNPACKED.test(path))) {
    return ' Its package is inside app.asar, where no system can run a program: have the packager unpack that.';
  }
  const others = installedPackages(around).filter((name) => name !== packageName(around));
  if (others.length === 0) return '';
  return (
    ` Installed is ${others.join(', ')}, and this is ${around.platform}-${around.arch}: npm installs the package of the` +
    ` machine it runs on, unless told another (\`npm install --os=${around.platform} --cpu=${around.arch}\`).`
  );
}

function surroundings(): Surroundings {
  const { platform, arch, env } = process;
  const electron = process.versions['electron'] !== undefined;
  // Electron sets `defaultApp` only when it runs an app from its sources.
  const packaged = electron && (process as { defaultApp?: boolean }).defaultApp !== true;
  const { resourcesPath } = process as { resourcesPath?: string };
  return {
    env,
    platform,
    arch,
    development: !packaged && env['NODE_ENV'] !== 'production',
    from: here,
    resources: packaged ? resourcesPath : undefined,
    musl: runsOnMusl,
  };
}

/** By the loader in this process: others may be installed beside it. */
function runsOnMusl(): boolean {
  try {
    return readFileSync('/proc/self/maps', 'latin1').includes('/ld-musl-');
  } catch {
    return false; // no Linux
  }
}

function candidates(around: Surroundings): string[] {
  const { development, resources } = around;
  const only = named(around);
  if (only) return [resolve(only)];
  const program = programName(around);
  return [
    ...(resources === undefined ? [] : [join(resources, FOLDER, program)]),
    ...inPackage(packageName(around), program, around),
    ...(development ? environmentsAbove(around) : []),
  ];
}

function named({ development, env }: Surroundings): string | undefined {
  return development ? env['LIVE_SIDECAR_BINARY'] : undefined;
}

function programName({ platform }: Surroundings): string {
  return platform === 'win32' ? 'live-sidecar.exe' : 'live-sidecar';
}

function packageName({ platform, arch }: Surroundings): string {
  return `${SCOPE}/${platform}-${arch}`;
}

/** The program in another package, as Node itself would find that from here. */
function inPackage(name: string, program: string, { from }: Surroundings): string[] {
  if (from === '') return [];
  try {
    const manifest = createRequire(join(from, 'here.cjs')).resolve(`${name}/package.json`);
    return [unpacked(join(dirname(manifest), FOLDER, program))];
  } catch {
    return [];
  }
}

/** Every platform package that Node would find from here. */
function installedPackages({ from }: Surroundings): string[] {
  if (from === '') return [];
  const folders = createRequire(join(from, 'here.cjs')).resolve.paths(SCOPE) ?? [];
  return folders.flatMap((folder) => {
    try {
      return readdirSync(join(folder, SCOPE)).map((name) => `${SCOPE}/${name}`);
    } catch {
      return [];
    }
  });
}

/** Electron reads files inside app.asar, but no system executes them; the packager puts programs beside it. */
function unpacked(path: string): string {
  return path.replace(/([\\/]app\.asar)([\\/])/, '$1.unpacked$2');
}

function environmentsAbove({ from, platform }: Surroundings): string[] {
  const program = platform === 'win32' ? ['Scripts', 'live-sidecar.exe'] : ['bin', 'live-sidecar'];
  const paths: string[] = [];
  for (let folder = from, below = ''; folder !== below; [folder, below] = [dirname(folder), folder]) {
    paths.push(join(folder, '.venv', ...program));
  }
  return paths;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    return false;
  }
  return isFile(path);
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
