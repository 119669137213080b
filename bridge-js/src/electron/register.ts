/** Puts it together: windows, hints and the end. Electron comes from outside, so that it can be tested without one. */
import type { Sidecar } from '../sidecar.js';
import type { Supervisor } from '../supervisor.js';
import { pageTest } from './allowed.js';
import { DEFAULT_EVENTS, isWindowEvent, type WindowEvent } from './channels.js';
import { closeWithin } from './closing.js';
import { surroundings, watchSystem, type Hint } from './hints.js';
import type { AppWindow, ElectronParts, QuitEvent } from './surface.js';
import { Windows, type ForwardedClient } from './windows.js';

const CLOSE_MS = 4_000;

/** A `Supervisor`, of any copy of this package: an app may load the ESM and the CJS one. */
export type StoppableSupervisor = Pick<Supervisor, 'stop'> & {
  readonly current: Pick<Sidecar, 'notify' | 'kill'> | undefined;
};

export interface RegisterOptions {
  /**
   * The app's own pages, as URLs: an origin (`app://bundle`, `http://localhost:5173`), a folder or a file
   * (`file:///opt/app/pages/`). Other pages hear nothing, and their calls are refused.
   */
  readonly allowed: readonly string[];
  /** The one that you gave to your clients as `sidecar`. It is told the hints, and stopped when the app quits. */
  readonly supervisor: StoppableSupervisor;
  /** So long may closing take when the app quits; then the sidecar is ended by force. Default 4 000. */
  readonly closeMs?: number | undefined;
}

export interface AttachOptions {
  /** What this window hears. Default: all but what only repeats the rest in another form. */
  readonly events?: readonly WindowEvent[] | undefined;
}

export interface LiveSidecarRegistration {
  /**
   * Forwards the client's events to the window, and its calls to the client. A window has one client; a client may
   * have many windows. It ends with the window, or when the function that is returned is called.
   * @throws Error when the window has a client already or is closed, TypeError for an event that there is not.
   */
  attach(window: AppWindow, client: ForwardedClient, options?: AttachOptions): () => void;
  /**
   * Destroys the clients of all windows, stops the sidecar, and takes everything back; resolves when no process is
   * left, after `closeMs` at the latest and what a kill may take. It is called when the app quits. Await it yourself
   * before `autoUpdater.quitAndInstall()`. A second call gets the same answer.
   */
  close(): Promise<void>;
}

export function register(
  electron: ElectronParts,
  { allowed, supervisor, closeMs = CLOSE_MS }: RegisterOptions,
): LiveSidecarRegistration {
  const { app, ipcMain } = electron;
  const windows = new Windows(ipcMain, pageTest(allowed));
  const tell = ({ name, params }: Hint): void => {
    try {
      supervisor.current?.notify(name, params as never);
    } catch {
      // The process is ending. Without one there is no line, and nothing to be told.
    }
  };
  const stopWatching = watchSystem(surroundings(electron), tell);
  let closing: Promise<void> | undefined;

  const beforeQuit = (event: QuitEvent): void => {
    event.preventDefault();
    void close().then(() => app.quit());
  };

  async function endAll(): Promise<void> {
    stopWatching();
    const { clients } = windows;
    await closeWithin(closeMs, {
      close: async () => {
        await Promise.all(clients.map((client) => client.destroy()));
        await supervisor.stop();
      },
      // Stopped as well as killed, lest it be replaced.
      kill: () => Promise.all([supervisor.current?.kill(), supervisor.stop({ graceMs: 0 })]),
    });
    windows.close();
    app.removeListener('before-quit', beforeQuit);
  }

  function close(): Promise<void> {
    return (closing ??= endAll());
  }

  app.on('before-quit', beforeQuit);
  return {
    attach(window, client, { events = DEFAULT_EVENTS } = {}) {
      if (closing !== undefined) throw new Error('The app is quitting. No window can be attached any more.');
      const unknown = events.find((event) => !isWindowEvent(event));
      if (unknown !== undefined) throw new TypeError(`There is no event ${JSON.stringify(unknown)} for windows.`);
      return windows.attach(window, client, events);
    },
    close,
  };
}
