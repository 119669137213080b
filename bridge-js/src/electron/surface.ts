/** The parts of Electron that are used here. Electron's own types fit them, so this package needs none of it to build. */

export interface Frame {
  readonly url: string;
  readonly parent: unknown;
}

/** As Electron's `WebContents`. */
export interface WindowContents {
  readonly id: number;
  isDestroyed(): boolean;
  isCrashed(): boolean;
  getURL(): string;
  send(channel: string, ...args: unknown[]): void;
  once(event: 'destroyed', listener: () => void): unknown;
  removeListener(event: 'destroyed', listener: () => void): unknown;
}

/** As Electron's `BrowserWindow`. */
export interface AppWindow {
  readonly webContents: WindowContents;
}

export interface InvokeEvent {
  readonly sender: { readonly id: number };
  /** Null when the frame is gone; a getter that may throw then. */
  readonly senderFrame: Frame | null;
}

export interface QuitEvent {
  preventDefault(): void;
}

export type PowerEvent = 'suspend' | 'resume' | 'unlock-screen';

export interface ElectronParts {
  readonly app: {
    on(event: 'before-quit', listener: (event: QuitEvent) => void): unknown;
    removeListener(event: 'before-quit', listener: (event: QuitEvent) => void): unknown;
    quit(): void;
  };
  readonly ipcMain: {
    handle(channel: string, listener: (event: InvokeEvent, ...args: unknown[]) => unknown): void;
    removeHandler(channel: string): void;
  };
  readonly powerMonitor: {
    on(event: PowerEvent, listener: () => void): unknown;
    removeListener(event: PowerEvent, listener: () => void): unknown;
  };
  readonly net: { isOnline(): boolean };
}
