// When each piece of the voice is played: one after the other, never two at once. Pure; times are seconds.

/** The first piece of an answer waits so long, so that the next ones are there in time. */
const LEAD_S = 0.12;

export class Playlist {
  #endS = 0;

  /** The start of a piece that lasts `durationS` and came at `nowS`. */
  add(durationS, nowS) {
    const isIdle = this.#endS <= nowS;
    const startS = isIdle ? nowS + LEAD_S : this.#endS;
    this.#endS = startS + durationS;
    return startS;
  }

  /** What is left to be played. */
  leftS(nowS) {
    return Math.max(0, this.#endS - nowS);
  }

  /** Nothing is to be played any more. */
  clear() {
    this.#endS = 0;
  }
}
