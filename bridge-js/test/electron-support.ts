/** Electron's parts without an Electron, for the rules that need none. What needs one is in tests/electron. */
import { EventEmitter } from 'node:events';
import type { ElectronParts, Frame, InvokeEvent, WindowContents } from '../src/electron/surface.js';
import type { ForwardedClient } from '../src/electron/windows.js';

export const PAGE = 'app://live/index.html';

export class FakeContents extends EventEmitter implements WindowContents {
  static #nextId = 1;
  readonly id = FakeContents.#nextId++;
  readonly sent: unknown[][] = [];
  url = PAGE;
  destroyed = false;
  crashed = false;
  refuses = false;

  isDestroyed(): boolean {
    return this.destroyed;
  }
  isCrashed(): boolean {
    return this.crashed;
  }
  getURL(): string {
    if (this.destroyed) throw new TypeError('Object has been destroyed');
    return this.url;
  }
  send(...args: unknown[]): void {
    if (this.refuses) throw new Error('Render frame was disposed before WebFrameMain could be accessed');
    this.sent.push(args);
  }
  destroy(): void {
    this.destroyed = true;
    this.emit('destroyed');
  }
}

export class FakeElectron {
  readonly app = Object.assign(new EventEmitter(), { quits: 0, quit: () => void this.app.quits++ });
  readonly powerMonitor = new EventEmitter();
  readonly net = { isOnline: () => true };
  readonly handlers = new Map<string, (event: InvokeEvent, ...args: unknown[]) => unknown>();
  readonly ipcMain = {
    handle: (channel: string, listener: (event: InvokeEvent, ...args: unknown[]) => unknown) => {
      this.handlers.set(channel, listener);
    },
    removeHandler: (channel: string) => void this.handlers.delete(channel),
  };

  get parts(): ElectronParts {
    return this as unknown as ElectronParts;
  }

  /** A call of a page, as Electron hands it on. */
  call(contents: FakeContents, method: string, ...args: unknown[]): unknown {
    return this.callFrom({ url: contents.url, parent: null }, contents, method, ...args);
  }

  callFrom(senderFrame: Frame | null, sender: { readonly id: number }, method: string, ...args: unknown[]): unknown {
    return this.handlers.get(`live-sidecar:call:${method}`)!({ sender, senderFrame }, ...args);
  }
}

/** Notes what is asked of it. */
export class FakeClient extends EventEmitter {
  readonly asked: unknown[] = [];
  readonly sendRealtimeInput = (input: unknown): Promise<void> => Promise.resolve(void this.asked.push(input));
  readonly sendToolCallResponse = (...args: unknown[]): Promise<void> => Promise.resolve(void this.asked.push(args));
  readonly connect = (): Promise<void> => Promise.reject(new Error('The key was refused.'));
  destroy = (): Promise<void> => Promise.resolve(void this.asked.push('destroy'));

  get client(): ForwardedClient {
    return this as unknown as ForwardedClient;
  }
}
