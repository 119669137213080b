/** What one session hears of the supervisor: its own notifications, and what becomes of the processes. */
import { SidecarClosedError } from './errors.js';
import { SESSION_NOTIFICATIONS, type ShortName } from './session-events.js';
import type { Sidecar } from './sidecar.js';
import type { DownEvent, Supervisor } from './supervisor.js';

export interface SessionListener {
  up(sidecar: Sidecar): void;
  down(down: DownEvent): void;
  gaveUp(error: Error): void;
  stopped(error: Error): void;
  receive(name: ShortName, params: object): void;
}

/** Until the function it returns is called. As long it keeps Node alive. */
export function listen(supervisor: Supervisor, sessionId: string, listener: SessionListener): () => void {
  const undo: (() => void)[] = [
    supervisor.hold(),
    supervisor.on('up', ({ sidecar }) => listener.up(sidecar)),
    supervisor.on('down', (down) => listener.down(down)),
    supervisor.on('gaveUp', (error) => listener.gaveUp(error)),
    supervisor.on('stopped', () => listener.stopped(new SidecarClosedError('The sidecar was stopped'))),
  ];
  const mine = (name: ShortName, params: { readonly sessionId: string }): void => {
    if (params.sessionId === sessionId) listener.receive(name, params);
  };
  for (const [method, name] of SESSION_NOTIFICATIONS) undo.push(supervisor.on(method, (params) => mine(name, params)));
  return () => {
    for (const step of undo) step();
  };
}
