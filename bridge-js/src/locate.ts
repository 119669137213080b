/** Where the sidecar's program is. Not looked for on PATH or in the working directory: anybody may plant one there. */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { SidecarSpawnError } from './errors.js';
import { here } from './here.cjs';

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
  /** Whether programs named by the environment, or lying about, may be trusted. */
  readonly development: boolean;
  /** The folder of this package; empty inside a bundle that does not know it. */
  readonly from: string;
}

/**
 * The program to start: `command` as it is; else, in development only, the one that LIVE_SIDECAR_BINARY names, or
 * that of the nearest `.venv` above this package.
 * @throws SidecarSpawnError naming every path that was tried.
 */
export function locate(command?: string, around: Surroundings = surroundings()): string {
  if (command !== undefined) return command;
  const tried = around.development ? candidates(around) : [];
  const found = tried.find(isProgram);
  if (found !== undefined) return found;
  throw new SidecarSpawnError(
    'The live-sidecar program was not found. Give `Sidecar.start({ command })` its path' +
      (around.development
        ? `, set LIVE_SIDECAR_BINARY, or create the development environment with \`make setup\`. Tried: ${tried.join(', ')}`
        : '; outside development it is not looked for.'),
    tried,
  );
}

function surroundings(): Surroundings {
  const electron = process.versions['electron'] !== undefined;
  // Electron sets `defaultApp` only when it runs an app from its sources.
  const packaged = electron && (process as { defaultApp?: boolean }).defaultApp !== true;
  return {
    env: process.env,
    platform: process.platform,
    development: !packaged && process.env['NODE_ENV'] !== 'production',
    from: here,
  };
}

function candidates({ env, from, platform }: Surroundings): string[] {
  const named = env['LIVE_SIDECAR_BINARY'];
  if (named) return [resolve(named)];
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
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
