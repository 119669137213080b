/** The end: sessions are closed and the process is gone before the app is, within a deadline. */

export interface Closable {
  /** Closes all there is, gracefully. */
  close(): Promise<unknown>;
  /** Ends what is left, by force. */
  kill(): Promise<unknown>;
}

/** Resolves when all is closed; after `deadlineMs` it is ended by force. Never rejects: the app is ending. */
export async function closeWithin(deadlineMs: number, { close, kill }: Closable): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, deadlineMs, 'late')));
  const closed = close().then(
    () => 'closed',
    () => 'failed',
  );
  const outcome = await Promise.race([closed, late]);
  clearTimeout(timer);
  if (outcome !== 'closed') await kill().catch(() => undefined);
}
