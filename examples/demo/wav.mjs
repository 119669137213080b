/** Reads the one kind of recording that the Live API takes: PCM16, mono, 16 kHz. */
import { readFileSync } from 'node:fs';

export const RATE_HZ = 16_000;
export const BYTES_PER_MS = (RATE_HZ * 2) / 1000;
export const CHUNK_MS = 20;
export const CHUNK_BYTES = CHUNK_MS * BYTES_PER_MS;

/** The samples of a WAV file. Throws an error that says how to convert it when it is of another kind. */
export function readWav(path) {
  const file = readFileSync(path);
  if (file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE') {
    throw new Error(`${path} is not a WAV file`);
  }
  let format;
  for (let at = 12; at + 8 <= file.length; ) {
    const id = file.toString('latin1', at, at + 4);
    const size = file.readUInt32LE(at + 4);
    const body = file.subarray(at + 8, at + 8 + size);
    if (body.length < size) throw new Error(`${path} is cut off: ${size - body.length} bytes are missing`);
    if (id === 'fmt ') format = [body.readUInt16LE(2), body.readUInt32LE(4), body.readUInt16LE(14)].join();
    if (id === 'data') {
      if (format !== `1,${RATE_HZ},16`) {
        throw new Error(`${path} is not mono PCM16 at 16 kHz; convert it: sox ${path} -r 16000 -b 16 -c 1 speech.wav`);
      }
      return body.subarray(0, body.length - (body.length % 2));
    }
    at += 8 + size + (size % 2);
  }
  throw new Error(`${path} holds no samples`);
}
