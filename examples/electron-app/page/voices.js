// Where the user's speech comes from: a recording, or the microphone. Each takes `send(bytes)` and, when it ends by
// itself, calls `ended()`; it returns a function that stops it. PCM16, mono, 16 kHz, in chunks of 20 ms.

const RATE_HZ = 16_000;
const CHUNK_MS = 20;
const CHUNK_BYTES = (RATE_HZ * 2 * CHUNK_MS) / 1_000;
const WAV_HEADER_BYTES = 44;

/** At the pace at which it was spoken. */
export async function recording(send, ended) {
  const file = await (await fetch('/recording.wav')).arrayBuffer();
  const samples = new Uint8Array(file, WAV_HEADER_BYTES);
  const startMs = performance.now();
  let at = 0;
  const timer = setInterval(() => {
    const due = Math.floor((performance.now() - startMs) / CHUNK_MS) * CHUNK_BYTES;
    for (; at < Math.min(due, samples.length); at += CHUNK_BYTES) send(samples.slice(at, at + CHUNK_BYTES));
    if (at >= samples.length) {
      clearInterval(timer);
      ended();
    }
  }, CHUNK_MS);
  return () => clearInterval(timer);
}

export async function microphone(send) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: true } });
  const context = new AudioContext({ sampleRate: RATE_HZ });
  await context.audioWorklet.addModule('/capture.js');
  const capture = new AudioWorkletNode(context, 'capture', { numberOfOutputs: 0 });
  capture.port.onmessage = ({ data }) => send(new Uint8Array(data));
  context.createMediaStreamSource(stream).connect(capture);
  return () => {
    for (const track of stream.getTracks()) track.stop();
    void context.close();
  };
}
