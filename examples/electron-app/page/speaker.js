// Plays the model's voice: PCM16, 24 kHz, in base64, as it comes.
import { Playlist } from './playlist.js';

const RATE_HZ = 24_000;

export class Speaker {
  #context;
  #playlist = new Playlist();
  #sources = new Set();

  /** To be called when the user has done something: before that, nothing may be heard. */
  wake() {
    this.#context ??= new AudioContext({ sampleRate: RATE_HZ });
    void this.#context.resume();
  }

  play(base64) {
    if (this.#context === undefined) return;
    const samples = decode(base64);
    if (samples.length === 0) return;
    const buffer = this.#context.createBuffer(1, samples.length, RATE_HZ);
    buffer.copyToChannel(samples, 0);
    const source = this.#context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#context.destination);
    source.onended = () => this.#sources.delete(source);
    source.start(this.#playlist.add(buffer.duration, this.#context.currentTime));
    this.#sources.add(source);
  }

  /** The user spoke over it: what waits is not to be heard any more. */
  stop() {
    for (const source of this.#sources) source.stop();
    this.#sources.clear();
    this.#playlist.clear();
  }
}

function decode(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length >> 1 }, (_, i) => view.getInt16(i * 2, true) / 32_768);
}
