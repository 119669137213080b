/**
 * The conversation with @google/genai, from outside: `client.mjs PACKAGES URL CONTROL WAV`. See `__main__.py`.
 *
 * PACKAGES is the folder in which the SDK is installed. Prints one line of JSON: for each scene what the SDK
 * made of it. `client.py` is the same in Python, scene by scene.
 */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import path from 'node:path';
import { readWav } from '../../examples/demo/wav.mjs';

const MODEL = 'gemini-3.8-live';
const CHUNK_BYTES = 1280;
const BYTES_PER_MS = 32;
const RESUMES = 30;
const WITHIN_MS = 15_000;

const [packages, url, control, wav] = process.argv.slice(2);
const require = createRequire(path.resolve(packages, 'package.json'));
const { GoogleGenAI, Modality } = require('@google/genai');
const { OAuth2Client } = require('google-auth-library');
const { version } = require(path.resolve(packages, 'node_modules/@google/genai/package.json'));

const baseUrl = url.replace(/^ws/, 'http');
const speech = readWav(wav);
const fields = new Set(); // of every message so far: dotted paths in the names of the API
const warnings = [];
console.warn = (text) => /[Ee]phemeral token/.test(text) || warnings.push(String(text));
console.error = (text) => warnings.push(String(text));

const weather = {
  name: 'get_weather',
  description: 'The weather in a city.',
  parameters: {
    type: 'OBJECT',
    properties: { city: { type: 'STRING' }, daysAhead: { type: 'INTEGER' } },
    required: ['city'],
  },
};
const config = (more = {}) => ({
  responseModalities: [Modality.AUDIO],
  systemInstruction: 'Be brief.',
  temperature: 0.5,
  speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Puck' } }, languageCode: 'en-US' },
  tools: [{ functionDeclarations: [weather] }, { googleSearch: {} }],
  inputAudioTranscription: {},
  outputAudioTranscription: {},
  realtimeInputConfig: { automaticActivityDetection: { prefixPaddingMs: 40, silenceDurationMs: 1500 } },
  contextWindowCompression: { triggerTokens: '25600', slidingWindow: { targetTokens: '12800' } },
  ...more,
});
const client = ({ http, ...options }) => new GoogleGenAI({ ...options, httpOptions: { baseUrl, ...http } });
const fault = (body) => fetch(`${control}/fault`, { method: 'POST', body: JSON.stringify(body) });

/** What is filled in, as dotted paths; what is below `args` is the caller's. */
function note(value, prefix = '') {
  if (Array.isArray(value)) return value.forEach((item) => note(item, prefix));
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || prefix.endsWith('.args') || Object.keys(value).length === 0) {
    return prefix && fields.add(prefix);
  }
  return Object.entries(value).forEach(([name, item]) => note(item, prefix ? `${prefix}.${name}` : name));
}

/** What the SDK tells of the end of a connection, or of one that came to nothing. */
class Ended extends Error {
  constructor({ code = null, reason = '', message = '' }) {
    super(`${reason} ${message}`.trim());
    this.code = code;
  }
}

/** One connection of the SDK's, and a note of all that came. */
class Line {
  handle = null;
  called = [];
  cancelled = [];
  #messages = [];
  #ended = null;
  #wake = () => {};

  /** Rejects with what the SDK told. Up to the setup that is `onclose` in 2.x, whose `connect` never ends. */
  static async open(sdk, model, setup) {
    const line = new Line();
    let failed;
    const ended = new Promise((_, reject) => (failed = reject));
    ended.catch(() => {});
    const end = (told) => {
      line.#ended ??= new Ended(told);
      line.#wake();
      failed(line.#ended);
    };
    const callbacks = {
      onmessage: (message) => (line.#messages.push(message), line.#wake()),
      // An upgrade that is refused is told as an error alone, with the status in its text.
      onerror: (told) => end({ code: Number(/response: (\d+)/.exec(told.message)?.[1]) || null, message: told.message }),
      onclose: (told) => end(told),
    };
    line.session = await Promise.race([sdk.live.connect({ model, config: setup, callbacks }), ended]);
    return line;
  }

  async next() {
    const late = AbortSignal.timeout(WITHIN_MS);
    while (this.#messages.length === 0) {
      if (this.#ended) throw this.#ended;
      if (late.aborted) throw new Error(`no message within ${WITHIN_MS} ms`);
      await new Promise((wake) => ((this.#wake = wake), late.addEventListener('abort', wake)));
    }
    return this.#messages.shift();
  }

  /** Receives to the end of a turn, or to the message that `until` is true of. */
  async turn({ until = () => false, onMessage = () => {} } = {}) {
    const turn = { said: '', heard: '', thought: '', code: '', audioBytes: 0, order: [], calls: [] };
    for (;;) {
      const message = await this.next();
      this.take(message, turn);
      onMessage(message);
      const status = message.serverContent?.interactionStatus;
      if (until(message) || (status ? status === 'IDLE' : message.serverContent?.turnComplete)) return turn;
    }
  }

  take(message, turn) {
    note(message);
    this.setupComplete ||= Boolean(message.setupComplete);
    this.sessionId ??= message.setupComplete?.sessionId;
    this.handle = message.sessionResumptionUpdate?.newHandle || this.handle;
    const usage = message.usageMetadata;
    if (usage) {
      turn.usage = [usage.promptTokenCount, usage.responseTokenCount ?? null, usage.thoughtsTokenCount ?? 0];
      turn.usageTotal = usage.totalTokenCount;
    }
    for (const { id, name, args } of message.toolCall?.functionCalls ?? []) {
      turn.calls.push([name, args, Boolean(id)]);
      this.called.push(id);
    }
    this.cancelled.push(...(message.toolCallCancellation?.ids ?? []));
    const content = message.serverContent ?? {};
    for (const part of content.modelTurn?.parts ?? []) {
      if (part.inlineData) turn.audioBytes += Buffer.from(part.inlineData.data, 'base64').length;
      if (part.thought) turn.thought += part.text;
      turn.code += (part.executableCode?.code ?? '') + (part.codeExecutionResult?.output ?? '');
    }
    turn.said += content.outputTranscription?.text ?? '';
    turn.heard += content.inputTranscription?.text ?? '';
    for (const name of ['interrupted', 'generationComplete', 'turnComplete']) if (content[name]) turn.order.push(name);
  }

  /** A piece of the recording as fast as it goes, and the end of the stream. */
  speak(fromMs, toMs, heard) {
    const pcm = speech.subarray(fromMs * BYTES_PER_MS, toMs * BYTES_PER_MS);
    heard.update(pcm);
    for (let at = 0; at < pcm.length; at += CHUNK_BYTES) {
      const data = pcm.subarray(at, at + CHUNK_BYTES).toString('base64');
      this.session.sendRealtimeInput({ audio: { data, mimeType: 'audio/pcm;rate=16000' } });
    }
    this.session.sendRealtimeInput({ audioStreamEnd: true });
  }

  /** Closes, and returns when the service has closed, too. */
  async close() {
    this.session.close();
    await this.turn({ until: () => false }).catch(() => {});
  }
}

/** What the SDK told when it failed. */
async function refusal(attempt) {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof Ended) return { code: error.code, text: error.message };
    throw error;
  }
  return { code: null, text: 'nothing was thrown' };
}

/** Connects, and asks one thing. */
async function once(sdk, { model = MODEL, setup = config() } = {}) {
  const line = await Line.open(sdk, model, setup);
  line.session.sendClientContent({ turns: [{ role: 'user', parts: [{ text: 'Hello?' }] }] });
  const turn = await line.turn();
  await line.close();
  return { turn, sessionId: Boolean(line.sessionId), handle: Boolean(line.handle) };
}

/** A connection with the handle, tried again as long as the old one is taken to live: 1011. */
async function resumed(sdk, handle, done) {
  for (let i = 0; i < RESUMES; i += 1) {
    try {
      return await Line.open(sdk, MODEL, config({ sessionResumption: { handle } }));
    } catch (error) {
      if (error.code !== 1011) throw error;
      done.tooEarly ??= { code: error.code, text: error.message };
    }
  }
  throw new Error('the session was not resumed');
}

const scenes = {
  /** One session over three connections: turns, a tool, an interruption, a cut, a goAway. */
  async conversation(done) {
    const sdk = client({ apiKey: 'good-key' });
    const heard = createHash('sha256');
    let line = await Line.open(sdk, MODEL, config({ sessionResumption: {} }));
    line.session.sendClientContent({ turns: [{ role: 'user', parts: [{ text: 'A turn.' }] }] });
    done.content = await line.turn();
    done.setupComplete = line.setupComplete;
    line.session.sendRealtimeInput({ text: 'A text.' });
    done.text = await line.turn();
    line.speak(0, 2600, heard);
    done.speech = await line.turn();

    line.session.sendRealtimeInput({ text: 'The weather?' });
    done.tool = await line.turn({
      onMessage: (message) => {
        for (const { id, name } of message.toolCall?.functionCalls ?? []) {
          line.session.sendToolResponse({ functionResponses: [{ id, name, response: { sky: 'clear' } }] });
        }
      },
    });

    line.session.sendRealtimeInput({ text: 'A long story.' });
    const begun = await line.turn({ until: (message) => message.serverContent?.modelTurn });
    line.speak(5400, 8000, heard);
    done.interrupted = { ...(await line.turn()), begun: begun.audioBytes > 0 };
    done.interruption = await line.turn();

    await fault({ do: 'cut' });
    done.cut = await refusal(line.turn());

    line = await resumed(sdk, line.handle, done);
    line.session.sendRealtimeInput({ text: 'Still there?' });
    done.afterCut = await line.turn();
    await fault({ do: 'goAway', timeLeft: '9.5s' });
    await line.turn({ until: (message) => (done.timeLeft = message.goAway?.timeLeft) });
    await line.close();

    line = await resumed(sdk, line.handle, done);
    line.speak(11400, 14000, heard);
    done.afterGoAway = await line.turn();
    line.session.sendRealtimeInput({ text: 'The weather?' });
    await line.turn({ until: (message) => message.toolCall });
    line.session.sendRealtimeInput({ text: 'Never mind.' });
    const sameIds = () => line.called.length > 0 && line.called.join() === line.cancelled.join();
    done.cancelled = { ...(await line.turn()), sameIds: sameIds() };
    done.secondThought = await line.turn();
    await line.close();
    done.audioSent = heard.digest('hex');
  },

  /** An ephemeral token that the SDK makes: one use, a setup that is locked, and a resume for nothing. */
  async token(done) {
    const http = { apiVersion: 'v1alpha' };
    const locked = {
      model: MODEL,
      config: { responseModalities: [Modality.AUDIO], outputAudioTranscription: {}, sessionResumption: {} },
    };
    const made = await client({ apiKey: 'good-key', http }).authTokens.create({
      config: { uses: 1, liveConnectConstraints: locked },
    });
    const sdk = client({ apiKey: made.name, http });
    Object.assign(done, {
      named: made.name.startsWith('auth_tokens/'),
      first: await once(sdk, { model: 'a-model-that-is-not-locked' }),
      spent: await refusal(once(sdk)),
    });
  },

  /** A bearer token, an API key, and a base URL that is the whole address. */
  async vertex(done) {
    const bearer = (token) => {
      const authClient = new OAuth2Client();
      authClient.setCredentials({ access_token: token });
      return client({ vertexai: true, project: 'p', location: 'us-central1', googleAuthOptions: { authClient } });
    };
    const alias = client({
      vertexai: true,
      http: { baseUrl: `${baseUrl}/custom`, headers: { Authorization: 'Bearer good-token' } },
    });
    Object.assign(done, {
      bearer: await once(bearer('good-token'), { setup: config({ sessionResumption: { transparent: true } }) }),
      key: await once(client({ vertexai: true, apiKey: 'good-key' })),
      alias: await once(alias, { model: `projects/p/locations/us-central1/publishers/google/models/${MODEL}` }),
      badBearer: await refusal(once(bearer('bad-token'))),
    });
  },

  async refusals(done) {
    const good = client({ apiKey: 'good-key' });
    Object.assign(done, {
      badKey: await refusal(once(client({ apiKey: 'bad-key' }))),
      noModel: await refusal(once(good, { model: 'gemini-0' })),
      badHandle: await refusal(once(good, { setup: config({ sessionResumption: { handle: 'x' } }) })),
    });
  },
};

const report = { version };
for (const [name, scene] of Object.entries(scenes)) {
  const done = (report[name] = {});
  await scene(done).catch((error) => (done.failed = `${error.name}: ${error.message}`));
}
// A scene that failed leaves its connection open, which would keep the program alive.
process.stdout.write(JSON.stringify({ ...report, fields: [...fields].sort(), warnings }), () => process.exit());
