/** JSON-RPC 2.0 over two streams. Knows nothing of processes: whoever owns the streams finds out why they ended. */
import type { Readable, Writable } from 'node:stream';
import { defaultTimeoutMs, type CallArguments, type NotifyArguments } from './calls.js';
import {
  RequestRefusedError,
  SidecarAbortError,
  SidecarClosedError,
  SidecarRpcError,
  SidecarTimeoutError,
  type SidecarError,
  type UnansweredCall,
} from './errors.js';
import { encodeLine, LineSplitter } from './framing.js';
import {
  ERROR_CODES,
  MAX_LINE_BYTES,
  type ErrorData,
  type HostNotifications,
  type Methods,
} from './generated/protocol.js';
import { startTimer } from './timer.js';

/** So much of a line that is not a message is shown. */
const EXCERPT_CHARACTERS = 200;

/** What a handler gets beside the params. */
export interface RequestContext {
  /** Aborted when the sidecar does not want the answer any more, or is gone. */
  readonly signal: AbortSignal;
}

/** Answers a call of the sidecar. Of what it throws, only a {@link RequestRefusedError} is passed on in words. */
export type RequestHandler<Params = unknown, Result = unknown> = (
  params: Params,
  context: RequestContext,
) => Result | Promise<Result>;

/** A line that cannot be a message of the sidecar. */
export interface ProtocolViolation {
  readonly reason: string;
  /** The beginning of the line. */
  readonly excerpt: string;
}

/** What the owner of the streams is told. */
export interface ConnectionOwner {
  notification(method: string, params: unknown): void;
  protocolError(violation: ProtocolViolation): void;
  /** A handler of the app threw what is not passed on, or there is none for this method. */
  unanswered(method: string, why: unknown): void;
  /** One of the streams ended or failed; told once. Calls wait until the owner calls `close`. */
  broken(cause: Error | undefined): void;
}

interface PendingCall {
  readonly method: string;
  sent: boolean;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** What may stand in a line; nothing of it is trusted. */
interface Message {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code?: unknown; readonly message?: unknown; readonly data?: unknown } | null;
}

export class Connection {
  /** The longest line that the other side reads; `initialize` announces it. */
  maxLineBytes = MAX_LINE_BYTES;

  readonly #output: Writable;
  readonly #owner: ConnectionOwner;
  readonly #pending = new Map<number, PendingCall>();
  readonly #handlers = new Map<string, RequestHandler>();
  /** Calls of the sidecar that are being answered. */
  readonly #answering = new Map<unknown, AbortController>();
  readonly #waitingForRoom = new Set<(error?: SidecarError) => void>();
  #nextId = 1;
  #isBroken = false;
  /** Once set, nothing is sent any more, and this tells why. */
  #refusal: ((call?: UnansweredCall) => SidecarError) | undefined;

  constructor(input: Readable, output: Writable, owner: ConnectionOwner) {
    this.#output = output;
    this.#owner = owner;
    const splitter = new LineSplitter(MAX_LINE_BYTES);
    input.on('data', (chunk: Buffer) => {
      for (const line of splitter.feed(chunk)) {
        if (Buffer.isBuffer(line)) this.#receive(line);
        else this.#violation(`a line of ${line.sizeBytes} bytes, over the limit of ${MAX_LINE_BYTES}`, '');
      }
    });
    input.on('end', () => this.#broken(undefined));
    for (const stream of [input, output]) {
      stream.on('error', (cause) => this.#broken(cause));
      stream.on('close', () => this.#broken(undefined));
    }
    output.on('drain', () => this.#tellWaiting());
  }

  /** Sends a request and resolves with its result. */
  call<M extends keyof Methods>(
    method: M,
    ...rest: CallArguments<Methods[M]['params']>
  ): Promise<Methods[M]['result']> {
    const [params, { signal, timeoutMs = defaultTimeoutMs(method, params) } = {}] = rest;
    return new Promise((resolve, reject) => {
      if (!(timeoutMs > 0)) throw new RangeError('`timeoutMs` must be more than 0; `Infinity` waits for ever.');
      if (this.#refusal !== undefined) throw this.#refusal({ method, sent: false });
      if (signal?.aborted) throw new SidecarAbortError({ method, sent: false }, signal.reason);

      const id = this.#nextId++;
      const settled = (): void => {
        this.#pending.delete(id);
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const call: PendingCall = {
        method,
        sent: false,
        resolve: (result) => (settled(), resolve(result as Methods[M]['result'])),
        reject: (error) => (settled(), reject(error)),
      };
      const giveUp = (error: SidecarError): void => {
        call.reject(error);
        this.#cancel(id, method);
      };
      const onAbort = (): void => giveUp(new SidecarAbortError(call, signal?.reason));
      const timer = startTimer(() => giveUp(new SidecarTimeoutError(call, timeoutMs)), timeoutMs);
      signal?.addEventListener('abort', onAbort);
      this.#pending.set(id, call);
      try {
        this.#write({ jsonrpc: '2.0', id, method, params }, () => (call.sent = true));
      } catch (error) {
        call.reject(error as Error); // it could not be encoded
      }
    });
  }

  /**
   * Sends a notification. False: it was taken, but the sidecar does not keep up; send no more before `drained()`.
   * @throws SidecarClosedError or SidecarExitError when nothing can be sent any more.
   */
  notify<N extends keyof HostNotifications>(method: N, ...rest: NotifyArguments<N>): boolean {
    if (this.#refusal !== undefined) throw this.#refusal();
    // Fifty times a second, and only strings that the app gave as such.
    const hasSecrets = method !== 'session/sendAudio';
    return this.#output.write(encodeLine({ jsonrpc: '2.0', method, params: rest[0] }, this.maxLineBytes, hasSecrets));
  }

  /** Resolves when there is room again; rejects when there never will be. */
  drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#refusal !== undefined) throw this.#refusal();
      if (!this.#output.writableNeedDrain) return resolve();
      this.#waitingForRoom.add((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /** Lets `handler` answer the calls of `method` that the sidecar makes; returns the way to take it back. */
  handle(method: string, handler: RequestHandler): () => void {
    if (this.#handlers.has(method)) throw new Error(`${method} has a handler already; remove that one first.`);
    this.#handlers.set(method, handler);
    return () => {
      if (this.#handlers.get(method) === handler) this.#handlers.delete(method);
    };
  }

  /** Sends `exit` and ends the output. Answers may still come; nothing can be sent any more. */
  end(): void {
    if (this.#refusal !== undefined) return;
    this.notify('exit');
    this.#output.end();
    this.#refusal = (call) => new SidecarClosedError('The sidecar was stopped', call);
  }

  /** The conversation is over: every call in flight, and every later one, is rejected with what `why` makes of it. */
  close(why: (call?: UnansweredCall) => SidecarError): void {
    this.#refusal = why;
    for (const call of [...this.#pending.values()]) call.reject(why(call));
    for (const unwanted of this.#answering.values()) unwanted.abort();
    this.#tellWaiting(why);
  }

  #cancel(id: number, method: keyof Methods): void {
    // `initialize` cannot be cancelled: before it nothing else may be said.
    if (method !== 'initialize' && this.#refusal === undefined) this.notify('$/cancelRequest', { id });
  }

  #write(message: object, onSent?: () => void): boolean {
    const line = encodeLine(message, this.maxLineBytes);
    return this.#output.write(line, (error) => {
      if (!error) onSent?.();
    });
  }

  #receive(line: Buffer): void {
    const text = line.toString('utf8');
    let message: Message;
    try {
      message = JSON.parse(text) as Message;
    } catch {
      return this.#violation('a line that is not JSON', text);
    }
    if (typeof message !== 'object' || message === null) return this.#violation('JSON that is not an object', text);
    const { id, method, params, error } = message;
    if (typeof method === 'string') {
      if (method === '$/cancelRequest') this.#answering.get((params as { id?: unknown } | null)?.id)?.abort();
      else if (id === undefined) this.#owner.notification(method, params);
      else void this.#answer(id, method, params);
      return;
    }
    if (id === null && error) {
      return this.#violation('it could not read a line of ours', String(error.message));
    }
    const call = typeof id === 'number' ? this.#pending.get(id) : undefined;
    if (call === undefined) {
      // An answer to a call that was given up comes late, and is ignored.
      if (typeof id !== 'number' || id >= this.#nextId) this.#violation('an answer to no call of ours', text);
    } else if (error) {
      const { code, message: words, data } = error;
      call.reject(new SidecarRpcError(call.method, Number(code), String(words), data as ErrorData | undefined));
    } else {
      call.resolve(message.result);
    }
  }

  async #answer(id: unknown, method: string, params: unknown): Promise<void> {
    const handler = this.#handlers.get(method);
    const cancelled = new AbortController();
    this.#answering.set(id, cancelled);
    let outcome: object;
    try {
      outcome =
        handler === undefined
          ? { error: { code: ERROR_CODES.methodNotFound, message: `The host does not answer ${method}.` } }
          : { result: (await handler(params, { signal: cancelled.signal })) ?? null };
    } catch (error) {
      if (!(error instanceof RequestRefusedError)) this.#owner.unanswered(method, error);
      outcome = { error: describe(error, method) };
    }
    if (handler === undefined) this.#owner.unanswered(method, new Error('no handler is set'));
    this.#answering.delete(id);
    if (cancelled.signal.aborted || this.#refusal !== undefined) return;
    try {
      this.#write({ jsonrpc: '2.0', id, ...outcome });
    } catch (error) {
      this.#write({ jsonrpc: '2.0', id, error: describe(error, method) });
    }
  }

  #violation(reason: string, text: string): void {
    this.#owner.protocolError({ reason, excerpt: text.slice(0, EXCERPT_CHARACTERS) });
  }

  #broken(cause: Error | undefined): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#owner.broken(cause);
  }

  #tellWaiting(why?: () => SidecarError): void {
    const waiting = [...this.#waitingForRoom];
    this.#waitingForRoom.clear();
    for (const tell of waiting) tell(why?.());
  }
}

/** A handler's failure for the wire. Its text may hold anything, so only what was meant for the sidecar is sent. */
function describe(error: unknown, method: string): object {
  return error instanceof RequestRefusedError
    ? { code: ERROR_CODES.internalError, message: error.message, data: { retryable: error.retryable } }
    : { code: ERROR_CODES.internalError, message: `The host failed to answer ${method}.` };
}
