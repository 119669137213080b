// In the audio thread: gathers samples into chunks of PCM16.

const CHUNK_SAMPLES = 320;

class Capture extends AudioWorkletProcessor {
  #chunk = new Int16Array(CHUNK_SAMPLES);
  #filled = 0;

  process([[samples = []]]) {
    for (const sample of samples) {
      this.#chunk[this.#filled++] = Math.max(-1, Math.min(1, sample)) * 32_767;
      if (this.#filled < CHUNK_SAMPLES) continue;
      this.port.postMessage(this.#chunk.buffer, [this.#chunk.buffer]);
      this.#chunk = new Int16Array(CHUNK_SAMPLES);
      this.#filled = 0;
    }
    return true;
  }
}

registerProcessor('capture', Capture);
