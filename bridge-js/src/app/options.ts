/**
 * From the app's options to the params of `session/open`. Pure. What each option does stands in `OPTIONS`, and in
 * docs/migration.md.
 */
import type { Endpoint, EventName, OpenParams, SessionSettings, Tls } from '../generated/protocol.js';
import { isSecret, Secret } from '../secret.js';
import type { Supervisor, SupervisorOptions } from '../supervisor.js';
import type { Compat } from './contract.js';
import type { ReconnectionStrategy, ResponseModality } from './enums.js';
import { usable } from './numbers.js';
import { heartbeatSettings, newHeartbeatConfig, newReconnectionConfig, reconnectSettings } from './policies.js';
import type { HeartbeatConfig, ReconnectionConfig } from './shapes.js';

const DEFAULT_MODEL = 'gemini-3.8-live';
const DEFAULT_INSTRUCTION = 'You are a helpful assistant and answer in a friendly tone.';
const OPEN_TIMEOUT_MS = 30_000;
const TEXTS = ['model', 'systemInstruction', 'websocketBaseUrl', 'apiVersion'] as const;
const COMPAT: ReadonlySet<Compat | undefined> = new Set<Compat | undefined>(['r1', 'r2', undefined]);
/** Notifications of which the app hears nothing. */
const UNUSED = ['session/usage', 'session/stalled', 'session/reconnected'] as const;
/** What the class itself is made of: an app that does not want to hear it does not listen. */
const NEEDED: ReadonlySet<EventName> = new Set<EventName>([
  'session/stateChanged',
  'session/turn',
  'session/queue',
  'session/dropped',
  'session/error',
]);

export interface GenerationConfig {
  candidateCount?: number;
  maxOutputTokens?: number;
  temperature?: number;
  topP?: number;
  topK?: number;
  presencePenalty?: number;
  frequencyPenalty?: number;
}

export interface TlsConfig {
  /** Certificates to trust beside the system's, as PEM. */
  ca?: string | string[];
  caFile?: string;
  /** False only for an endpoint on this machine. */
  rejectUnauthorized?: boolean;
  minVersion?: 'TLSv1.2' | 'TLSv1.3';
  servername?: string;
}

export interface AuthConfig {
  method: 'apiKey' | 'oauth' | 'jwt';
  apiKey?: string | Secret;
  /** Of `oauth` and `jwt`. */
  token?: string | Secret;
  accessToken?: string | Secret;
  jwt?: string | Secret;
}

/** The app's options. Times are milliseconds. */
export interface GeminiLiveConfig {
  apiKey: string | Secret;
  model?: string;
  responseModalities?: readonly ResponseModality[];
  systemInstruction?: string;
  reconnectAttempts?: number;
  heartbeatInterval?: number;
  connectionTimeout?: number;
  handshakeTimeout?: number;
  reconnectionStrategy?: ReconnectionStrategy;
  reconnectionConfig?: Partial<ReconnectionConfig>;
  websocketBaseUrl?: string;
  apiVersion?: string;
  maxQueueSize?: number;
  generationConfig?: GenerationConfig;
  tlsConfig?: TlsConfig;
  authConfig?: AuthConfig;
  validation?: object;
  performance?: object;

  /** Which of the app's versions is served where their arguments differ. Default `r2`. */
  compat?: Compat;
  /** A supervisor that you own, or options for one of this client's own. Default: one for all clients. */
  sidecar?: Supervisor | SupervisorOptions;
  /** What the options above have no word for, such as tools: laid over what they make, group by group. */
  session?: Partial<Omit<OpenParams, 'sessionId'>>;
  /** For the one line about options that are ignored. Default `console`. */
  logger?: { warn(message: string): void };
}

/** What becomes of each option. The rest of the page is in docs/migration.md; a test compares the two. */
export const OPTIONS: { readonly [O in keyof Required<GeminiLiveConfig>]: string } = {
  apiKey: '`auth`',
  model: '`setup.model`; `models/` is added where it is missing',
  responseModalities: '`setup.generationConfig.responseModalities`',
  systemInstruction: '`setup.systemInstruction`; an empty one is left out',
  reconnectAttempts: '`reconnect.maxAttempts`, unless `reconnectionConfig.maxAttempts` is given',
  heartbeatInterval: '`heartbeat.intervalMs`',
  connectionTimeout: '`deadlines.attemptMs`, at least 1,000',
  handshakeTimeout: '`deadlines.handshakeMs` and `deadlines.setupMs`, at least 500',
  reconnectionStrategy: '`reconnect.backoff`, unless `reconnectionConfig.strategy` is given',
  reconnectionConfig: '`reconnect`',
  websocketBaseUrl: '`endpoint.baseUrl`, with or without path',
  apiVersion: '`endpoint.apiVersion`',
  maxQueueSize: '`outbox.maxMessages`, and how many inputs wait before the first `connect()` (100)',
  generationConfig: '`setup.generationConfig`',
  tlsConfig: '`tls`',
  authConfig: '`auth`',
  validation: 'ignored: setup and messages are always checked',
  performance: 'ignored: there is nothing to tune',
  compat: 'ours',
  sidecar: 'ours',
  session: 'ours',
  logger: 'ours',
};

/** Options that have no effect, also those that there are not, by their names; asked once. */
export function ignoredOptions(config: GeminiLiveConfig): string[] {
  const { validation, performance, reconnectionConfig } = config;
  const unknown = Object.keys(config).filter((name) => !Object.hasOwn(OPTIONS, name));
  const { qualityThreshold, unstableConnectionThreshold } = reconnectionConfig ?? {};
  const all = {
    validation,
    performance,
    'reconnectionConfig.qualityThreshold': qualityThreshold,
    'reconnectionConfig.unstableConnectionThreshold': unstableConnectionThreshold,
  };
  return [...unknown, ...Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [name]))];
}

/** The options as they are kept: without the key, which is a Secret from here on. */
export interface Plan {
  readonly params: Omit<OpenParams, 'sessionId'>;
  readonly model: string;
  readonly modalities: readonly string[];
  readonly systemInstruction: string;
  readonly reconnection: ReconnectionConfig;
  readonly heartbeat: HeartbeatConfig;
  readonly maxWaiting: number;
}

/** @throws TypeError when there is no key, and nothing in its place; RangeError for a value that makes no sense. */
export function plan(config: GeminiLiveConfig, env: Readonly<Record<string, string | undefined>> = {}): Plan {
  if (typeof config !== 'object' || config === null) throw new TypeError('There are no options. Give at least { apiKey }.');
  for (const name of TEXTS) mustBeText(name, config[name]);
  if (!COMPAT.has(config.compat)) throw new RangeError(`The option compat is ${JSON.stringify(config.compat)}. Give "r1" or "r2".`);
  const model = config.model || env['GEMINI_MODEL'] || DEFAULT_MODEL;
  const modalities = config.responseModalities ?? ['AUDIO'];
  const systemInstruction = config.systemInstruction ?? DEFAULT_INSTRUCTION;
  const reconnection = newReconnectionConfig(config);
  const heartbeat = newHeartbeatConfig(config.heartbeatInterval);
  const over = config.session ?? {};
  const setup = {
    model: /^(models|tunedModels|projects)\//.test(model) ? model : `models/${model}`,
    generationConfig: { responseModalities: [...modalities], ...defined(config.generationConfig ?? {}) },
    ...(systemInstruction === '' ? {} : { systemInstruction: { parts: [{ text: systemInstruction }] } }),
    inputAudioTranscription: {},
    ...(modalities.includes('AUDIO') ? { outputAudioTranscription: {} } : {}),
  };
  const tls = tlsOf(config.tlsConfig);
  const params: Omit<OpenParams, 'sessionId'> = {
    auth: over.auth ?? authOf(config),
    endpoint: endpointOf(config),
    ...(tls && { tls }),
    ...over,
    setup: laidOver(setup, over.setup ?? {}),
    settings: laidOver(settingsOf(config, reconnection, heartbeat), over.settings ?? {}),
    notifications: { exclude: [...UNUSED, ...(over.notifications?.exclude ?? []).filter((name) => !NEEDED.has(name))] },
  };
  const maxWaiting = usable('maxQueueSize', config.maxQueueSize ?? 100);
  return { params, model, modalities, systemInstruction, reconnection, heartbeat, maxWaiting };
}

function settingsOf(
  config: GeminiLiveConfig,
  reconnection: ReconnectionConfig,
  { interval }: HeartbeatConfig,
): SessionSettings {
  const { connectionTimeout = 10_000, handshakeTimeout, heartbeatInterval, maxQueueSize } = config;
  const attemptMs = usable('connectionTimeout', connectionTimeout);
  const handshakeMs = handshakeTimeout === undefined ? undefined : usable('handshakeTimeout', handshakeTimeout);
  return {
    heartbeat: heartbeatInterval === undefined ? {} : heartbeatSettings({ interval }),
    reconnect: reconnectSettings(reconnection),
    deadlines: {
      attemptMs,
      openMs: Math.max(OPEN_TIMEOUT_MS, attemptMs),
      ...(handshakeMs !== undefined && { handshakeMs, setupMs: handshakeMs }),
    },
    // With 0 nothing waits for a session; the sidecar itself keeps one at least.
    ...(maxQueueSize !== undefined && { outbox: { maxMessages: Math.max(1, usable('maxQueueSize', maxQueueSize)) } }),
  };
}

function authOf({ apiKey, authConfig }: GeminiLiveConfig): OpenParams['auth'] {
  if (authConfig === undefined || authConfig.method === 'apiKey') {
    return { type: 'apiKey', apiKey: secret(authConfig?.apiKey ?? apiKey, 'apiKey') };
  }
  const { token, accessToken, jwt, method } = authConfig;
  const given = method === 'jwt' ? (jwt ?? token) : (accessToken ?? token);
  return { type: 'bearer', token: secret(given, `authConfig.${method === 'jwt' ? 'jwt' : 'accessToken'}`) };
}

function secret(value: string | Secret | undefined, name: string): Secret {
  if (isSecret(value)) return value;
  if (typeof value === 'string' && value !== '') return new Secret(value);
  throw new TypeError(`The option ${name} is missing or empty. Is the environment variable or setting unset?`);
}

function mustBeText(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'string') return;
  throw new RangeError(`The option ${name} is ${String(value)}, a ${typeof value}. Give a text.`);
}

/** The whole address of the method, as the app gave it; the sidecar adds that part itself. */
const METHOD = /\/ws\/google\.[a-z.]+\.(v\d\w*)\.[A-Za-z]+[./]BidiGenerateContent(Constrained)?\/?$/;
const ADDRESS = /^(wss?|https?):\/\/[^/\s]+/;
const GOOGLE = /^(wss|https):\/\/generativelanguage\.googleapis\.com(:443)?\/?(ws\/?)?$/;

function endpointOf({ websocketBaseUrl, apiVersion }: GeminiLiveConfig): Endpoint {
  const withoutQuery = (websocketBaseUrl ?? '').replace(/[?#].*$/, '');
  if (withoutQuery !== '' && !ADDRESS.test(withoutQuery)) {
    throw new RangeError('The option websocketBaseUrl is no address. Give one such as wss://host, or none.');
  }
  const version = METHOD.exec(withoutQuery)?.[1];
  const baseUrl = withoutQuery.replace(METHOD, '').replace(/\/ws\/?$/, '');
  return {
    apiVersion: (apiVersion ?? version ?? 'v1beta') as NonNullable<Endpoint['apiVersion']>,
    ...(baseUrl === '' || GOOGLE.test(baseUrl) ? {} : { baseUrl }),
  };
}

function tlsOf(config: TlsConfig | undefined): Tls | undefined {
  if (config === undefined) return undefined;
  const { ca, caFile, rejectUnauthorized, minVersion, servername } = config;
  return defined({
    caPem: typeof ca === 'string' ? ca : ca?.join('\n'),
    caFile,
    verify: rejectUnauthorized,
    minVersion: minVersion === undefined ? undefined : minVersion === 'TLSv1.3' ? '1.3' : '1.2',
    serverName: servername,
  }) as Tls;
}

/** `over` on top of `base`, group by group: a group of both is merged, anything else is replaced. */
export function laidOver<T extends object>(base: T, over: object): T {
  const result = { ...base } as Record<string, unknown>;
  for (const [name, value] of Object.entries(over)) {
    const under = result[name];
    result[name] = isGroup(under) && isGroup(value) ? { ...under, ...value } : value;
  }
  return result as T;
}

function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Partial<T>;
}
