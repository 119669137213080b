/** The audio that the service hears: PCM16, mono, at a rate that the type names. */

export const DEFAULT_MIME_TYPE = 'audio/pcm;rate=16000';
const PCM = /^audio\/pcm(;rate=\d{4,6})?$/;

/** Anything else would be taken, and heard by nobody. */
export function isPcm(mimeType: unknown): mimeType is string {
  return mimeType === DEFAULT_MIME_TYPE || (typeof mimeType === 'string' && PCM.test(mimeType));
}
