/** Electron as this package sees it while it is built. Not part of what is published. */
declare module 'electron' {
  type Parts = import('./surface.js').ElectronParts;
  export const app: Parts['app'];
  export const ipcMain: Parts['ipcMain'];
  export const powerMonitor: Parts['powerMonitor'];
  export const net: Parts['net'];
  export const contextBridge: { exposeInMainWorld(name: string, api: object): void };
  export const ipcRenderer: {
    invoke(channel: string, ...args: unknown[]): Promise<unknown>;
    on(channel: string, listener: (event: unknown, ...args: never[]) => void): unknown;
    removeListener(channel: string, listener: (event: unknown, ...args: never[]) => void): unknown;
  };
}
