/** Compares what was said with what each connection of the service received. */
import { createHash } from 'node:crypto';

/**
 * The service's audio, de-duplicated, against the recording.
 *
 * Every connection received one stretch of the recording. It is placed where it fits, as late as possible but
 * not behind the end of what is there already: what it repeats is doubled. Where it only fits later, what is
 * between is lost; where it fits nowhere, it counts as foreign.
 *
 * @param {Buffer} recording PCM
 * @param {Buffer[]} connections PCM that each connection received, in order
 * @param {number} chunkBytes stretches begin at multiples of this
 */
export function reconcile(recording, connections, chunkBytes) {
  const kept = [];
  let end = 0;
  let lostBytes = 0;
  let doubledBytes = 0;
  let foreignBytes = 0;
  for (const stretch of connections) {
    if (stretch.length === 0) continue;
    const at = place(recording, stretch, end, chunkBytes);
    if (at === undefined) {
      foreignBytes += stretch.length;
      kept.push(stretch);
      continue;
    }
    lostBytes += Math.max(0, at - end);
    const repeated = Math.min(Math.max(0, end - at), stretch.length);
    doubledBytes += repeated;
    kept.push(stretch.subarray(repeated));
    end = Math.max(end, at + stretch.length);
  }
  lostBytes += recording.length - end;
  const received = sha256(Buffer.concat(kept));
  return { lostBytes, doubledBytes, foreignBytes, sha256: received, whole: received === sha256(recording) };
}

/** Where `stretch` stands in `recording`: the last place not behind `end`, else the first place behind it. */
function place(recording, stretch, end, chunkBytes) {
  let before;
  for (let at = recording.indexOf(stretch); at !== -1; at = recording.indexOf(stretch, at + 1)) {
    if (at % chunkBytes !== 0) continue;
    if (at > end) return before ?? at;
    before = at;
  }
  return before;
}

export function sha256(data) {
  return createHash('sha256').update(data).digest('hex');
}
