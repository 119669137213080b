/** For Electron's main process: `live-sidecar/electron/main`. */
import { app, ipcMain, net, powerMonitor } from 'electron';
import { register, type LiveSidecarRegistration, type RegisterOptions } from './register.js';

export type { WindowEvent, WindowEvents } from './channels.js';
export type { AttachOptions, LiveSidecarRegistration, RegisterOptions, StoppableSupervisor } from './register.js';
export type { ForwardedClient } from './windows.js';

/**
 * Connects clients with windows, the system's hints with the sidecar, and the end of the app with that of the sidecar.
 * Call it once, after `app.whenReady()`.
 *
 * ```ts
 * const live = registerLiveSidecar({ supervisor, allowed: ['app://bundle'] });
 * live.attach(window, client);
 * ```
 * @throws TypeError when `allowed` has something else than URLs.
 */
export function registerLiveSidecar(options: RegisterOptions): LiveSidecarRegistration {
  return register({ app, ipcMain, net, powerMonitor }, options);
}
