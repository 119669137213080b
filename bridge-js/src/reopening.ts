/** With what params a session is opened in a new process, so that it goes on where it was. Pure. */
import type { OpenParams, SessionSettings } from './generated/protocol.js';
import { isSecret, Secret } from './secret.js';

/** The sidecar's defaults (docs/settings.md). */
const OPEN_MS = 30_000;
const MAX_ELAPSED_MS = 600_000;
const RING_MS = 45_000;
/** The ring, what came while no process was there, and the newest that no report has confirmed yet. */
const RING_MARGIN_MS = 15_000;
const MAX_BYTES = 16 * 1024 * 1024;
/** The most that it takes for these. */
const LONGEST_RING_MS = 86_400_000;
const MOST_MESSAGES = 1_000_000;

/** Without these a session cannot go on in another process, so the sidecar always sends them. */
export const NEEDED = ['session/stateChanged', 'session/queue', 'session/resumption'] as const;

export interface Past {
  /** The newest handle, if any is known and good. */
  readonly handle: Secret | undefined;
  /** How long ago the last line ended; undefined: the session never was connected. */
  readonly lineEndedAgoMs: number | undefined;
  /** Whether something the app sent has arrived: then it does not give its initial history again. */
  readonly heard: boolean;
  /** How many messages the new process is offered at once. */
  readonly kept: number;
}

/** `patch` over `settings`, group by group, as `session/configure` does it. */
export function patched(settings: SessionSettings, patch: SessionSettings): SessionSettings {
  const result: Record<string, object> = { ...settings };
  for (const [group, values] of Object.entries(patch)) result[group] = { ...result[group], ...values };
  return result as SessionSettings;
}

/** So much audio is kept for another process; more than a process itself keeps. */
export function backlogLimits({ outbox }: SessionSettings): { audioMs: number; maxBytes: number } {
  return { audioMs: (outbox?.ringMs ?? RING_MS) + RING_MARGIN_MS, maxBytes: outbox?.maxBytes ?? MAX_BYTES };
}

/** The params of the first opening: the app's own, with the notifications that are needed. */
export function firstOpening(params: OpenParams): OpenParams {
  const { exclude } = params.notifications ?? {};
  if (exclude === undefined) return params;
  return { ...params, notifications: { exclude: exclude.filter((name) => !isNeeded(name)) } };
}

export function isNeeded(name: string): boolean {
  return (NEEDED as readonly string[]).includes(name);
}

/** How long an opening may take; as long as any reconnect if its line was lost, not its first one refused. */
export function openingMs({ settings }: OpenParams, again: boolean): number {
  if (again) return settings?.reconnect?.maxElapsedMs ?? MAX_ELAPSED_MS;
  return settings?.deadlines?.openMs ?? OPEN_MS;
}

/** The params of the opening in a new process. `params` are those of the first, with all patches in their settings. */
export function reopening(params: OpenParams, { handle, lineEndedAgoMs, heard, kept }: Past): OpenParams {
  const settings = params.settings ?? {};
  if (lineEndedAgoMs === undefined) return params;
  const { handle: _, previousCloseAgeMs: __, ...resumption } = settings.resumption ?? {};
  return {
    ...params,
    setup: withoutThePast(params.setup, heard),
    settings: {
      ...settings,
      deadlines: { ...settings.deadlines, openMs: openingMs(params, true) },
      // All of the backlog is offered at once, and nothing of it may be dropped for want of room.
      outbox: { ...settings.outbox, ...widened(settings, kept) },
      resumption:
        handle === undefined
          ? resumption
          : { ...resumption, handle, previousCloseAgeMs: Math.max(0, Math.round(lineEndedAgoMs)) },
    },
  };
}

/** Its own room beside that for the backlog. Without a `maxMessages` of the app there is enough of it. */
function widened(settings: SessionSettings, kept: number): SessionSettings['outbox'] & object {
  const ringMs = Math.min(backlogLimits(settings).audioMs, LONGEST_RING_MS);
  const own = settings.outbox?.maxMessages;
  return own === undefined ? { ringMs } : { ringMs, maxMessages: Math.min(own + kept, MOST_MESSAGES) };
}

/** The handle that the app gave to the first opening, in either of its two places. */
export function givenHandle({ settings, setup }: OpenParams): Secret | undefined {
  const inSetup = (setup['sessionResumption'] ?? setup['session_resumption']) as { handle?: string } | undefined;
  const handle = settings?.resumption?.handle ?? inSetup?.handle;
  if (handle === undefined || handle === '') return undefined;
  return isSecret(handle) ? handle : new Secret(handle);
}

/** Without an old handle, and without asking to wait for an initial history that was given already. */
function withoutThePast(setup: Record<string, unknown>, heard: boolean): Record<string, unknown> {
  const past: Readonly<Record<string, readonly string[]>> = {
    sessionResumption: ['handle'],
    session_resumption: ['handle'],
    ...(heard && {
      historyConfig: ['initialHistoryInClientContent', 'initial_history_in_client_content'],
      history_config: ['initialHistoryInClientContent', 'initial_history_in_client_content'],
    }),
  };
  const result = { ...setup };
  for (const [group, fields] of Object.entries(past)) {
    const value = result[group];
    if (typeof value !== 'object' || value === null) continue;
    result[group] = Object.fromEntries(Object.entries(value).filter(([name]) => !fields.includes(name)));
  }
  return result;
}
