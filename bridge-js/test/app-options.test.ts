/** From the app's options to the params of `session/open`. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { ignoredOptions, OPTIONS, plan, type GeminiLiveConfig } from '../src/app/options.js';
import {
  heartbeatSettings,
  newHeartbeatConfig,
  newReconnectionConfig,
  reconnectSettings,
} from '../src/app/policies.js';
import { isSecret, Secret } from '../src/secret.js';

const params = (config: Partial<GeminiLiveConfig> = {}): ReturnType<typeof plan>['params'] =>
  plan({ apiKey: 'k', ...config }).params;

test('the defaults of the app', () => {
  const { setup, settings, endpoint, auth } = params();
  assert.equal(setup['model'], 'models/gemini-3.8-live');
  assert.deepEqual(setup['generationConfig'], { responseModalities: ['AUDIO'] });
  assert.deepEqual([setup['inputAudioTranscription'], setup['outputAudioTranscription']], [{}, {}]);
  assert.deepEqual(endpoint, { apiVersion: 'v1beta' });
  assert.ok(auth.type === 'apiKey' && isSecret(auth.apiKey));
  assert.deepEqual(settings?.reconnect, {
    maxAttempts: 5,
    backoff: 'exponential',
    baseDelayMs: 1_000,
    maxDelayMs: 30_000,
    factor: 2,
    jitter: 'proportional',
    jitterRange: 0.1,
  });
  assert.deepEqual([settings?.deadlines?.attemptMs, settings?.heartbeat, settings?.outbox], [10_000, {}, undefined]);
});

test('what each option becomes', () => {
  const { setup, settings } = params({
    model: 'models/x',
    responseModalities: ['TEXT'],
    systemInstruction: 'Be brief.',
    reconnectAttempts: 2,
    heartbeatInterval: 7_000,
    connectionTimeout: 10,
    handshakeTimeout: 10,
    reconnectionStrategy: 'fibonacci',
    maxQueueSize: 40,
    generationConfig: { temperature: 0.5 },
  });
  assert.equal(setup['model'], 'models/x');
  assert.deepEqual(setup['generationConfig'], { responseModalities: ['TEXT'], temperature: 0.5 });
  assert.deepEqual(setup['systemInstruction'], { parts: [{ text: 'Be brief.' }] });
  assert.equal('outputAudioTranscription' in setup, false);
  assert.deepEqual([settings?.reconnect?.maxAttempts, settings?.reconnect?.backoff], [2, 'fibonacci']);
  assert.deepEqual(settings?.heartbeat, { intervalMs: 7_000 });
  assert.deepEqual(
    settings?.deadlines,
    { attemptMs: 1_000, openMs: 30_000, handshakeMs: 500, setupMs: 500 },
    'the floors',
  );
  assert.deepEqual(settings?.outbox, { maxMessages: 40 });
  assert.equal('systemInstruction' in params({ systemInstruction: '' }).setup, false);
  assert.equal(plan({ apiKey: 'k' }, { GEMINI_MODEL: 'from-env' }).params.setup['model'], 'models/from-env');
});

test('the base URL, with or without path', () => {
  const endpoint = (websocketBaseUrl: string, apiVersion?: string): unknown =>
    params({ websocketBaseUrl, ...(apiVersion && { apiVersion }) }).endpoint;
  const method = (version: string): string =>
    `/ws/google.ai.generativelanguage.${version}.GenerativeService.BidiGenerateContent`;
  assert.deepEqual(endpoint('ws://127.0.0.1:9'), { apiVersion: 'v1beta', baseUrl: 'ws://127.0.0.1:9' });
  assert.deepEqual(endpoint(`wss://generativelanguage.googleapis.com${method('v1alpha')}`), { apiVersion: 'v1alpha' });
  assert.deepEqual(endpoint(`wss://generativelanguage.googleapis.com${method('v1alpha')}`, 'v1beta'), {
    apiVersion: 'v1beta',
  });
  assert.deepEqual(endpoint(`wss://gate.example/live${method('v1beta')}?key=abc`), {
    apiVersion: 'v1beta',
    baseUrl: 'wss://gate.example/live',
  });
  assert.deepEqual(endpoint('wss://generativelanguage.googleapis.com/ws/'), { apiVersion: 'v1beta' });
});

test('credentials and TLS', () => {
  const auth = (authConfig: NonNullable<GeminiLiveConfig['authConfig']>): unknown => {
    const { type, ...rest } = params({ authConfig }).auth;
    const [secret] = Object.values(rest) as Secret[];
    return [type, secret!.reveal()];
  };
  assert.deepEqual(auth({ method: 'apiKey' }), ['apiKey', 'k']);
  assert.deepEqual(auth({ method: 'oauth', accessToken: 'o' }), ['bearer', 'o']);
  assert.deepEqual(auth({ method: 'jwt', jwt: 'j' }), ['bearer', 'j']);
  assert.throws(() => params({ apiKey: '' }), /apiKey is missing or empty/);
  assert.throws(() => params({ authConfig: { method: 'oauth' } }), /accessToken is missing/);
  assert.deepEqual(params({ tlsConfig: { ca: ['a', 'b'], minVersion: 'TLSv1.3', rejectUnauthorized: true } }).tls, {
    caPem: 'a\nb',
    verify: true,
    minVersion: '1.3',
  });
});

test('odd numbers: what they must mean, or what is wrong with them, in the words of the app', () => {
  const settings = (config: Partial<GeminiLiveConfig>): any => params(config).settings;
  const reconnect = (reconnectionConfig: GeminiLiveConfig['reconnectionConfig']): any =>
    settings({ reconnectionConfig: reconnectionConfig! }).reconnect;
  assert.equal(settings({ reconnectAttempts: Infinity }).reconnect.maxAttempts, 1_000_000);
  assert.equal(settings({ reconnectAttempts: 0 }).reconnect.maxAttempts, 0);
  const { baseDelayMs, maxDelayMs, factor, jitterRange } = reconnect({
    baseDelay: 0.4,
    maxDelay: Infinity,
    backoffMultiplier: 50,
    jitterRange: 2,
  });
  assert.deepEqual([baseDelayMs, maxDelayMs, factor, jitterRange], [1, 86_400_000, 10, 1]);
  assert.equal(reconnect({ baseDelay: 1_500.6 }).baseDelayMs, 1_501);
  assert.equal(reconnect({ baseDelay: 5_000, maxDelay: 1_000 }).baseDelayMs, 1_000);
  assert.equal(reconnect({ maxAttempts: undefined } as never).maxAttempts, 5);
  assert.equal(
    reconnect({ strategy: 'custom', maxAttempts: Infinity, customDelayFunction: (n) => n }).delaysMs.length,
    100,
  );
  assert.equal(settings({ heartbeatInterval: 60_000.5 }).heartbeat.intervalMs, 60_001);
  assert.equal(settings({ connectionTimeout: Infinity }).deadlines.attemptMs, 86_400_000);
  assert.equal(settings({ handshakeTimeout: 600.5 }).deadlines.setupMs, 601);
  assert.equal(settings({ maxQueueSize: 0 }).outbox.maxMessages, 1);
  assert.equal(plan({ apiKey: 'k', maxQueueSize: 0 }).maxWaiting, 0);

  const refused: readonly [Partial<GeminiLiveConfig>, string][] = [
    [{ reconnectAttempts: -1 }, 'reconnectAttempts'],
    [{ reconnectionConfig: { maxAttempts: NaN } }, 'reconnectionConfig.maxAttempts'],
    [{ reconnectionConfig: { backoffMultiplier: 0.5 } }, 'reconnectionConfig.backoffMultiplier'],
    [{ reconnectionConfig: { baseDelay: '5' as never } }, 'reconnectionConfig.baseDelay'],
    [{ reconnectionConfig: { strategy: 'random' as never } }, 'reconnectionConfig.strategy'],
    [{ reconnectionStrategy: 'toString' as never }, 'reconnectionStrategy'],
    [{ heartbeatInterval: 0 }, 'heartbeatInterval'],
    [{ connectionTimeout: -5 }, 'connectionTimeout'],
    [{ handshakeTimeout: NaN }, 'handshakeTimeout'],
    [{ maxQueueSize: -1 }, 'maxQueueSize'],
  ];
  for (const [config, option] of refused) {
    const named = (error: Error): boolean => error instanceof RangeError && error.message.includes(`option ${option} is`);
    assert.throws(() => plan({ apiKey: 'k', ...config }), named, option);
  }
  const broken = {
    strategy: 'custom' as const,
    customDelayFunction: () => {
      throw new Error('no idea');
    },
  };
  assert.throws(() => plan({ apiKey: 'k', reconnectionConfig: broken }), /customDelayFunction threw .* no idea/);
  const { deadAfterMs } = heartbeatSettings({ timeout: 86_400_000 }, newHeartbeatConfig(86_400_000));
  assert.equal(deadAfterMs, 86_400_000);
});

test('what the class is made of is told in any case', () => {
  const exclude = ['session/turn', 'session/usage', 'session/health'] as const;
  assert.deepEqual(
    new Set(params({ session: { notifications: { exclude: [...exclude] } } }).notifications?.exclude),
    new Set(['session/usage', 'session/stalled', 'session/reconnected', 'session/health']),
  );
});

test('a function of delays becomes a list; what it gives is made usable', () => {
  const config = newReconnectionConfig({
    reconnectionConfig: { maxAttempts: 4, strategy: 'custom', maxDelay: 500, jitterEnabled: false },
  });
  const settings = reconnectSettings({
    ...config,
    customDelayFunction: (attempt) => [100.4, -3, Number.NaN, 9_999][attempt - 1]!,
  });
  assert.deepEqual([settings.backoff, settings.delaysMs, settings.jitter], ['list', [100, 0, 500, 500], 'none']);
  assert.equal(reconnectSettings(config).backoff, 'exponential', 'custom without a function');
});

test('missed beats decide when the line is dead', () => {
  const all = { ...newHeartbeatConfig(), interval: 2_000, timeout: 800, maxMissedBeats: 3 };
  assert.deepEqual(heartbeatSettings({ timeout: 800 }, all), {
    intervalMs: 2_000,
    suspectAfterMs: 800,
    deadAfterMs: 6_800,
  });
  assert.deepEqual(heartbeatSettings({ interval: 2_000 }, all), { intervalMs: 2_000 });
});

test('`session` is laid over the rest, group by group', () => {
  const { setup, settings } = params({
    session: {
      setup: { model: 'models/y', tools: [{ googleSearch: {} }], generationConfig: { speechConfig: {} } },
      settings: { reconnect: { maxAttempts: 9 } },
    },
  });
  assert.deepEqual([setup['model'], setup['tools']], ['models/y', [{ googleSearch: {} }]]);
  assert.deepEqual(setup['generationConfig'], { responseModalities: ['AUDIO'], speechConfig: {} });
  assert.deepEqual([settings?.reconnect?.maxAttempts, settings?.reconnect?.baseDelayMs], [9, 1_000]);
});

test('what is ignored is named, and nothing else', () => {
  assert.deepEqual(ignoredOptions({ apiKey: 'k', model: 'm' }), []);
  assert.deepEqual(
    ignoredOptions({ apiKey: 'k', validation: {}, performance: {}, reconnectionConfig: { qualityThreshold: 1 } }),
    ['validation', 'performance', 'reconnectionConfig.qualityThreshold'],
  );
});

test('a name that there is not is named, and a value that makes no sense is refused by its name', () => {
  assert.deepEqual(ignoredOptions({ apiKey: 'k', websocketBaseURL: 'ws://x' } as never), ['websocketBaseURL']);
  for (const [options, told] of [
    [{ compat: 'r3' }, /compat is "r3"/],
    [{ model: 42 }, /model is 42, a number/],
    [{ websocketBaseUrl: '127.0.0.1:9000' }, /websocketBaseUrl is no address/],
    [{ connectionTimeout: '5000' }, /connectionTimeout is the text "5000"/],
  ] as const) {
    assert.throws(() => plan({ apiKey: 'k', ...options } as never), { name: 'RangeError', message: told });
  }
  assert.throws(() => plan(undefined as never), { name: 'TypeError', message: /apiKey/ });
});

test('the migration page tells of every option what the code does with it', () => {
  const page = readFileSync(new URL('../../../docs/migration.md', import.meta.url), 'utf8');
  for (const [option, becomes] of Object.entries(OPTIONS)) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${option}\``));
    assert.ok(row !== undefined, `${option} is missing`);
    if (becomes !== 'ours') assert.ok(row.includes(becomes), `${option}: ${becomes}`);
  }
});
