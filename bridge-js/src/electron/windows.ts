/** Which window belongs to which client: events go to the windows, calls come back from them. */
import type { GeminiLiveWebSocketClient } from '../app/client.js';
import type { PageTest } from './allowed.js';
import { CALLS, type CallableClient } from './calls.js';
import { callChannel, eventChannel, METHODS, type Answer, type WindowEvent, type WindowMethod } from './channels.js';
import { plain } from './plain.js';
import type { AppWindow, ElectronParts, Frame, InvokeEvent, WindowContents } from './surface.js';

/** A client whose events are forwarded. */
export type ForwardedClient = CallableClient &
  Pick<GeminiLiveWebSocketClient, 'destroy'> & {
    on(event: string, listener: (...args: any[]) => void): unknown;
    removeListener(event: string, listener: (...args: any[]) => void): unknown;
  };

interface Bond {
  readonly contents: WindowContents;
  readonly client: ForwardedClient;
  readonly events: ReadonlySet<WindowEvent>;
  readonly undo: () => void;
}

interface Source {
  /** How many windows hear it. */
  windows: number;
  readonly heard: Map<WindowEvent, () => void>;
}

/** Events that the client has under another name, or not at all. */
const MADE_OF: Partial<Record<WindowEvent, { readonly event: string; readonly when: (payload: never) => boolean }>> = {
  interrupted: { event: 'serverContent', when: (content: { interrupted?: boolean }) => content.interrupted === true },
};

export class Windows {
  readonly #ipcMain: ElectronParts['ipcMain'];
  readonly #isAllowed: PageTest;
  /** By the id of the window's contents. */
  readonly #bonds = new Map<number, Bond>();
  readonly #sources = new Map<ForwardedClient, Source>();
  #isRefusalTold = false;

  constructor(ipcMain: ElectronParts['ipcMain'], isAllowed: PageTest) {
    this.#ipcMain = ipcMain;
    this.#isAllowed = isAllowed;
    for (const method of METHODS) {
      ipcMain.handle(callChannel(method), (event, ...args) => this.#answer(method, event, args));
    }
  }

  get clients(): readonly ForwardedClient[] {
    return [...this.#sources.keys()];
  }

  /** @throws Error when the window has a client already, or is gone. */
  attach({ webContents: contents }: AppWindow, client: ForwardedClient, events: readonly WindowEvent[]): () => void {
    if (contents.isDestroyed()) throw new Error('The window is closed. Attach a client right after the window is made.');
    const { id } = contents;
    if (this.#bonds.has(id)) throw new Error('The window has a client already. Call what `attach` returned for it first.');
    const detach = (): void => this.#detach(id, bond);
    const undo = (): void => {
      if (!contents.isDestroyed()) contents.removeListener('destroyed', detach);
    };
    const bond: Bond = { contents, client, events: new Set(events), undo };
    contents.once('destroyed', detach);
    this.#bonds.set(id, bond);
    this.#listen(bond);
    return detach;
  }

  /** Detaches all windows, and refuses their calls. */
  close(): void {
    for (const [id, bond] of this.#bonds) this.#detach(id, bond);
    for (const method of METHODS) this.#ipcMain.removeHandler(callChannel(method));
  }

  #detach(id: number, bond: Bond): void {
    if (this.#bonds.get(id) !== bond) return;
    this.#bonds.delete(id);
    bond.undo();
    const source = this.#sources.get(bond.client)!;
    if (--source.windows > 0) return;
    this.#sources.delete(bond.client);
    for (const stop of source.heard.values()) stop();
  }

  /** One listener per event and client, however many windows there are. */
  #listen({ client, events }: Bond): void {
    const source = this.#sources.get(client) ?? { windows: 0, heard: new Map<WindowEvent, () => void>() };
    source.windows++;
    this.#sources.set(client, source);
    for (const event of events) {
      if (source.heard.has(event)) continue;
      const { event: from, when } = MADE_OF[event] ?? { event, when: undefined };
      const listener = (...args: unknown[]): void => {
        if (when === undefined) this.#forward(client, event, args);
        else if (when(args[0] as never)) this.#forward(client, event, []);
      };
      client.on(from, listener);
      source.heard.set(event, () => client.removeListener(from, listener));
    }
  }

  #forward(client: ForwardedClient, event: WindowEvent, args: readonly unknown[]): void {
    let copy: unknown[] | undefined;
    for (const bond of this.#bonds.values()) {
      if (bond.client !== client || !bond.events.has(event) || !this.#mayHear(bond.contents)) continue;
      copy ??= args.map(plain);
      try {
        bond.contents.send(eventChannel(event), ...copy);
      } catch {
        // The page is just being replaced or taken down; the next one asks how things are.
      }
    }
  }

  /** The window is there, and shows a page of the app: it may have been led elsewhere. */
  #mayHear(contents: WindowContents): boolean {
    return !contents.isDestroyed() && !contents.isCrashed() && this.#isAllowed(contents.getURL());
  }

  async #answer(method: WindowMethod, event: InvokeEvent, args: readonly unknown[]): Promise<Answer> {
    try {
      const bond = this.#bonds.get(event.sender.id);
      if (bond === undefined || !this.#isTrusted(event)) {
        if (bond !== undefined) this.#tellRefused(bond.contents);
        throw new Error(`This page may not call ${method}.`);
      }
      return { ok: true, value: plain(await CALLS[method](bond.client, args)) };
    } catch (error) {
      return { ok: false, message: error instanceof Error ? error.message : String(error) };
    }
  }

  /** To whoever wrote the app, once: the page itself learns nothing of the list. */
  #tellRefused(contents: WindowContents): void {
    if (this.#isRefusalTold || contents.isDestroyed()) return;
    this.#isRefusalTold = true;
    const page = JSON.stringify(contents.getURL());
    process.emitWarning(`A call from ${page} was refused: it is not among \`allowed\`, or comes from a frame inside the page.`, {
      type: 'LiveSidecarWarning',
    });
  }

  /** It is the window's own page that asks, no frame inside it, and the page is the app's. */
  #isTrusted(event: InvokeEvent): boolean {
    let frame: Frame | null;
    try {
      frame = event.senderFrame;
      return frame !== null && frame.parent === null && this.#isAllowed(frame.url);
    } catch {
      return false; // the frame is gone
    }
  }
}
