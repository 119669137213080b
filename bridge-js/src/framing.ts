/** Lines of JSON over bytes: split on 0x0A only, decode a line only when it is whole (design section 2). */
import { LineTooLongError } from './errors.js';
import { isSecret } from './secret.js';

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** A line longer than the limit: its bytes were thrown away, only their number is known. */
export interface TooLong {
  readonly sizeBytes: number;
}

/**
 * Cuts a stream of chunks into lines. Every byte is searched once: the parts of an unfinished line wait in a list
 * and are joined when its end comes.
 */
export class LineSplitter {
  #parts: Buffer[] = [];
  #sizeBytes = 0;

  constructor(readonly maxLineBytes: number) {}

  /** The lines that `chunk` completes, without their ends; empty lines are left out. */
  feed(chunk: Buffer): (Buffer | TooLong)[] {
    const lines: (Buffer | TooLong)[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end));
      this.#finish(lines);
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
    return lines;
  }

  /** What is left after the last newline, as a line of its own: for text whose last line may be unfinished. */
  rest(): (Buffer | TooLong)[] {
    const lines: (Buffer | TooLong)[] = [];
    this.#finish(lines);
    return lines;
  }

  #keep(part: Buffer): void {
    this.#sizeBytes += part.length;
    if (this.#sizeBytes > this.maxLineBytes) {
      this.#parts = [];
    } else if (part.length > 0) {
      this.#parts.push(part);
    }
  }

  #finish(lines: (Buffer | TooLong)[]): void {
    if (this.#sizeBytes > this.maxLineBytes) {
      lines.push({ sizeBytes: this.#sizeBytes });
    } else if (this.#sizeBytes > 0) {
      const line = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
      const body = line[line.length - 1] === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
      if (body.length > 0) lines.push(body);
    }
    this.#parts = [];
    this.#sizeBytes = 0;
  }
}

/**
 * One message as a line, secrets revealed, text well-formed. `hasSecrets: false` saves the search for them in every
 * field; one that is there all the same stays hidden.
 * @throws LineTooLongError when it does not fit; TypeError when it holds what JSON cannot (a BigInt, a cycle).
 */
export function encodeLine(message: object, maxLineBytes: number, hasSecrets = true): Buffer {
  const line = Buffer.from(`${wellFormed(JSON.stringify(message, hasSecrets ? revealing : undefined))}\n`);
  if (line.length - 1 > maxLineBytes) throw new LineTooLongError(line.length - 1, maxLineBytes);
  return line;
}

/** A JSON replacer. `this` is the holder: `value` went through `toJSON` already, which hides a secret. */
function revealing(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const own = this[key];
  return isSecret(own) ? own.reveal() : value;
}

/**
 * `JSON.stringify` writes a lone surrogate, and nothing else, as `\ud...`; the sidecar would refuse the line. Each
 * becomes U+FFFD. (`String.prototype.toWellFormed` came with Node 20.) Matching every escape keeps an escaped
 * backslash together, so that the text `\ud800` itself, written `\\ud800`, stays.
 */
function wellFormed(json: string): string {
  if (!json.includes('\\ud')) return json;
  return json.replace(/\\(?:ud[89a-f][0-9a-f]{2}|.)/g, (escape) => (escape.length > 2 ? '\ufffd' : escape));
}
