/**
 * One story over several processes. Each process begins anew: with revision 1, turn 1, state `connecting`, and without
 * a word of what the one before was in the middle of. This is where it is made to go on. Pure: time is an argument.
 */
import type { Payload } from './backlog.js';
import { SidecarRpcError } from './errors.js';
import type { Dropped, ErrorData, OpenParams, SessionSnapshot, StateChanged } from './generated/protocol.js';
import { givenHandle, type Past } from './reopening.js';
import { Secret } from './secret.js';
import type { ShortName, Story, Told } from './session-events.js';

type State = StateChanged['state'];
type Params<N extends ShortName> = Omit<Story[N], 'sessionId' | 'instanceId' | 'seq'>;
type Source = 'user' | 'model';
/** The audio that another process was offered. */
type Waiting = Pick<Story['reconnected'], 'heldMs' | 'replayedMs'>;

/** Where the session that a new process opens seems to come from, and go to, to those who saw it before. */
const SEEN_AS: { readonly [S in State]?: State } = { disconnected: 'reconnecting', connecting: 'reconnecting' };

export class Continuity {
  readonly #sessionId: string;
  #instanceId = '';
  #seq = 0;
  #revision = 0;
  #turnId = 0;
  /** What the numbers of the present process are told as: they begin after these. */
  #after = { revision: 0, turnId: 0 };
  #state: State = 'disconnected';
  #phase: StateChanged['phase'];
  #handle: Secret | undefined;
  #lineEndedAtMs: number | undefined;
  /** Present while the session is on its way back from the loss of its process. */
  #lost: { readonly sinceMs: number; readonly attempt: number } | undefined;
  #runningTurn: number | undefined;
  #unfinished: { [S in Source]?: { text: string; turnId: number } } = {};
  readonly #openCalls = new Set<string>();

  constructor(params: OpenParams) {
    this.#sessionId = params.sessionId;
    this.#handle = givenHandle(params);
  }

  get state(): State {
    return this.#state;
  }

  /** Whether it ever was connected. */
  get wasUsable(): boolean {
    return this.#lineEndedAtMs !== undefined;
  }

  /** What another process needs to know. */
  past(nowMs: number): Pick<Past, 'handle' | 'lineEndedAgoMs'> {
    const endedAtMs = this.#lineEndedAtMs;
    return { handle: this.#handle, lineEndedAgoMs: endedAtMs === undefined ? undefined : nowMs - endedAtMs };
  }

  /** A notification of the present process: how it is told, and what is told after it. `waiting` is asked if need be. */
  receive(name: ShortName, params: object, nowMs: number, waiting: () => Waiting): Told[] {
    const { instanceId } = params as Story[ShortName];
    this.#instanceId = instanceId;
    switch (name) {
      case 'stateChanged':
        return this.#stateChanged(params as Story['stateChanged'], nowMs, waiting);
      case 'resumption': {
        const { handle, ...rest } = params as { handle?: string; resumable: boolean };
        if (handle) this.#handle = new Secret(handle);
        return [this.#told(name, handle ? { ...rest, handle: this.#handle! } : rest)];
      }
      case 'turn': {
        const turn = this.#numbered(params as Story['turn']);
        if (turn.event === 'started') this.#runningTurn = turn.turnId;
        if (turn.event === 'complete' || turn.event === 'interrupted') this.#runningTurn = undefined;
        return [this.#told(name, turn)];
      }
      case 'transcript': {
        const transcript = this.#numbered(params as Story['transcript']);
        const { source, text, final, interim, turnId } = transcript;
        if (final) delete this.#unfinished[source];
        else if (!interim) this.#unfinished[source] = { text: (this.#unfinished[source]?.text ?? '') + text, turnId };
        return [this.#told(name, transcript)];
      }
      case 'usage':
        return [this.#told(name, this.#numbered(params as Story['usage']))];
      case 'toolCall':
        this.#openCalls.add((params as Story['toolCall']).id);
        break;
      case 'toolCallCancelled':
        for (const id of (params as Story['toolCallCancelled']).ids) this.#openCalls.delete(id);
    }
    return [this.#told(name, params as never)];
  }

  /** The app sent this; it may answer calls of the model. */
  sent({ toolResponse }: Payload): void {
    const { functionResponses = [] } = (toolResponse ?? {}) as { functionResponses?: { id?: string }[] };
    for (const { id } of functionResponses) if (id !== undefined) this.#openCalls.delete(id);
  }

  /** A snapshot of the present process, as this story knows it. */
  snapshot(snapshot: SessionSnapshot): SessionSnapshot {
    const revision = snapshot.revision + this.#after.revision;
    return { ...snapshot, revision, state: this.#seen(snapshot.state) };
  }

  /** The process is gone while the session was wanted: told as the sidecar tells a cut. */
  lost(nowMs: number, retryInMs: number | undefined): Told[] {
    const told = this.away(nowMs, retryInMs);
    if (this.#lineEndedAtMs === undefined) return told;
    return [...told, this.#told('error', { error: sidecarExited(this.#sessionId), fatal: false })];
  }

  /** No process has the session, and another one shall. Those in the middle of something are told its end. */
  away(nowMs: number, retryInMs: number | undefined): Told[] {
    const attempt = (this.#lost?.attempt ?? 0) + 1;
    const told = this.#cut();
    if (this.#state === 'connected') this.#lineEndedAtMs = nowMs;
    if (this.#lineEndedAtMs === undefined) {
      this.#after = { revision: this.#revision, turnId: this.#turnId };
      return told; // it never was connected: it still is being opened
    }
    this.#lost = { sinceMs: this.#lost?.sinceMs ?? nowMs, attempt };
    const wait = retryInMs === undefined ? {} : { retryInMs };
    const error = sidecarExited(this.#sessionId);
    told.push(this.#step('reconnecting', { phase: 'waiting', reason: error.kind, attempt, error, ...wait }));
    this.#after = { revision: this.#revision, turnId: this.#turnId };
    const mode = this.#handle === undefined ? 'fresh' : 'resume';
    told.push(
      this.#told('reconnecting', { attempt, delayMs: retryInMs ?? 0, mode, planned: false, reason: error.kind, error }),
    );
    return told;
  }

  /** No process has the session, and the app wants none for now. */
  parked(nowMs: number): Told[] {
    if (this.#state === 'suspended') return [];
    const told = this.#cut();
    if (this.#state === 'connected') this.#lineEndedAtMs = nowMs;
    return [...told, this.#step('suspended', { reason: 'suspendRequested', attempt: 0 })];
  }

  /** The session is given up. */
  failed(why: Error): Told[] {
    const said = why instanceof SidecarRpcError ? why.data : undefined;
    const error = said ?? sidecarGone(this.#sessionId, why);
    return [this.#step('failed', { reason: error.kind, attempt: 0, error }), this.#told('error', { error, fatal: true })];
  }

  /** What was lost without a process. */
  dropped(dropped: Dropped): Told {
    return this.#told('dropped', dropped);
  }

  /** The session has ended; `said`: so its process told it, if it did. */
  ended(reason: string, said: object | undefined, nowMs: number): Told[] {
    if (said !== undefined) return this.receive('stateChanged', said, nowMs, () => ({ heldMs: 0, replayedMs: 0 }));
    return this.#state === 'disconnected' ? [] : [this.#step('disconnected', { reason, attempt: 0 })];
  }

  #stateChanged(params: Story['stateChanged'], nowMs: number, waiting: () => Waiting): Told[] {
    if (this.#state === 'connected' && params.state !== 'connected') this.#lineEndedAtMs = nowMs;
    const previous = this.#lost === undefined ? params.previous : this.#state;
    const changed = {
      ...params,
      previous,
      state: this.#seen(params.state),
      revision: params.revision + this.#after.revision,
    };
    const told: Told[] = [];
    const { stateRestored, attempt } = params;
    if (params.state === 'connected') this.#lineEndedAtMs = nowMs; // until it is known to have ended later
    if (this.#lost !== undefined && params.state === 'connected') {
      const restored = stateRestored ?? (this.#handle === undefined ? 'fresh' : 'resumed');
      const gapMs = Math.max(0, nowMs - this.#lost.sinceMs);
      this.#lost = undefined;
      told.push(this.#remember({ ...changed, stateRestored: restored }));
      told.push(
        this.#told('reconnected', { attempt, gapMs, stateRestored: restored, ...waiting() }),
      );
      if (restored !== 'resumed' && this.#openCalls.size > 0) {
        told.push(this.#told('toolCallCancelled', { ids: [...this.#openCalls] }));
        this.#openCalls.clear();
      }
    } else told.push(this.#remember(changed));
    if (stateRestored === 'fresh' || stateRestored === 'reseeded') this.#handle = undefined;
    return told;
  }

  /** What was begun is ended: its text so far as final, its turn as interrupted. */
  #cut(): Told[] {
    const told: Told[] = [];
    for (const source of ['user', 'model'] as const) {
      const unfinished = this.#unfinished[source];
      if (unfinished !== undefined) told.push(this.#told('transcript', { source, final: true, cut: true, ...unfinished }));
    }
    const turnId = this.#runningTurn;
    if (turnId !== undefined) told.push(this.#told('turn', { turnId, event: 'interrupted', cut: true }));
    this.#unfinished = {};
    this.#runningTurn = undefined;
    return told;
  }

  #step(state: State, more: Omit<Params<'stateChanged'>, 'revision' | 'state' | 'previous'>): Told {
    const previous = { previous: this.#state, ...(this.#phase && { previousPhase: this.#phase }) };
    return this.#remember({ revision: this.#revision + 1, state, ...previous, ...more });
  }

  #remember(params: Params<'stateChanged'>): Told {
    this.#state = params.state;
    this.#phase = params.phase;
    this.#revision = params.revision;
    return this.#told('stateChanged', params);
  }

  #seen(state: State): State {
    return (this.#lost !== undefined && SEEN_AS[state]) || state;
  }

  #numbered<P extends { turnId: number }>(params: P): P {
    this.#turnId = params.turnId + this.#after.turnId;
    return { ...params, turnId: this.#turnId };
  }

  #told<N extends ShortName>(name: N, params: Params<N>): Told {
    const stamp = { sessionId: this.#sessionId, instanceId: this.#instanceId, seq: ++this.#seq };
    return { name, params: { ...params, ...stamp } } as unknown as Told;
  }
}

function sidecarExited(sessionId: string): ErrorData {
  return {
    kind: 'sidecarExited',
    message: 'the sidecar process ended; another one takes its place',
    userMessage: 'The connection was lost. Reconnecting…',
    retryable: true,
    action: 'resume',
    sessionId,
  };
}

/** Why a session failed though the sidecar did not say so. */
function sidecarGone(sessionId: string, { message }: Error): ErrorData {
  return {
    kind: 'sidecarGone',
    message,
    userMessage: 'The connection was lost and could not be restored.',
    retryable: true,
    action: 'stop',
    sessionId,
  };
}
