/** What a person sees: the conversation as it arrives, one live status line below it, and a table at the end. */

const STATUS_EVERY_MS = 100;
const PLAIN_STATUS_EVERY_MS = 5_000;

export class Screen {
  #live = process.stdout.isTTY === true;
  #timer;
  #status = () => '';
  #shown = '';

  /** Shows `status()` from now on: rewritten in place on a terminal, now and then elsewhere. */
  start(status) {
    this.#status = status;
    this.#timer = setInterval(() => this.#show(), this.#live ? STATUS_EVERY_MS : PLAIN_STATUS_EVERY_MS);
    this.#show();
  }

  stop() {
    clearInterval(this.#timer);
    this.#erase();
    this.#status = () => '';
  }

  /** A line that stays. */
  say(line) {
    this.#erase();
    console.log(line);
    if (this.#live && this.#timer !== undefined) this.#show();
  }

  #show() {
    const line = this.#status();
    if (line === '') return;
    if (!this.#live) {
      console.log(line);
      return;
    }
    this.#erase();
    this.#shown = line.slice(0, (process.stdout.columns ?? 100) - 1);
    process.stdout.write(this.#shown);
  }

  #erase() {
    if (this.#shown !== '') process.stdout.write('\r\x1b[2K');
    this.#shown = '';
  }
}

/** Rows of two columns, aligned. */
export function table(rows) {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n');
}
