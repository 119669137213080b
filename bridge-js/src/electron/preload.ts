/**
 * The preload script: gives the page `window.liveSidecar`, and nothing of Electron. Built into one file, because a
 * sandboxed preload script cannot load others.
 */
import { contextBridge, ipcRenderer } from 'electron';
import { callChannel, eventChannel, isWindowEvent, METHODS, type Answer, type WindowMethod } from './channels.js';
import type { LiveSidecarApi } from './renderer.js';

async function call(method: WindowMethod, args: readonly unknown[]): Promise<unknown> {
  const answer = (await ipcRenderer.invoke(callChannel(method), ...args)) as Answer;
  if (!answer.ok) throw new Error(answer.message);
  return answer.value;
}

function on(event: unknown, listener: unknown): () => void {
  if (!isWindowEvent(event)) throw new TypeError(`There is no event ${JSON.stringify(event)}.`);
  if (typeof listener !== 'function') throw new TypeError(`The listener for ${event} must be a function.`);
  // The page never sees Electron's own event, whose `sender` could send anything.
  const withoutEvent = (_: unknown, ...args: never[]): void => (listener as (...args: never[]) => void)(...args);
  ipcRenderer.on(eventChannel(event), withoutEvent);
  return () => void ipcRenderer.removeListener(eventChannel(event), withoutEvent);
}

const calls = Object.fromEntries(METHODS.map((method) => [method, (...args: unknown[]) => call(method, args)]));
const api = { on, ...calls } as unknown as LiveSidecarApi;

// Frames inside the page are not the app's.
if ((process as { isMainFrame?: boolean }).isMainFrame !== false) contextBridge.exposeInMainWorld('liveSidecar', api);
