/** Which pages may use the sidecar: a list of origins, folders and files. Pure. */

/** Whether a page of this address is one of the app's own. */
export type PageTest = (url: string) => boolean;

/**
 * Each entry is a URL. Scheme and host must be the same; the path too, unless the entry has none or ends with `/`: then
 * all below it is allowed. `app://bundle`, `http://localhost:5173`, `file:///opt/app/pages/`.
 * @throws TypeError when an entry is no URL, or allows every file of the machine.
 */
export function pageTest(allowed: readonly string[]): PageTest {
  const entries = allowed.map(parsedEntry);
  let last: { readonly url: string; readonly verdict: boolean } | undefined;
  return (url) => {
    // Asked for every event of every window, and nearly always about the same page.
    if (last?.url !== url) last = { url, verdict: isCovered(url, entries) };
    return last.verdict;
  };
}

function parsedEntry(entry: string): URL {
  const url = parsed(entry);
  if (url === undefined) throw new TypeError(`${JSON.stringify(entry)} in \`allowed\` is no URL. Write "app://name" or "file:///folder/".`);
  if (url.protocol === 'file:' && url.pathname.replace(/^\/([A-Za-z]:\/?)?$/, '') === '') {
    throw new TypeError(`${JSON.stringify(entry)} in \`allowed\` is every file of the machine. Name the folder of your pages.`);
  }
  return url;
}

function isCovered(page: string, entries: readonly URL[]): boolean {
  const url = parsed(page);
  if (url === undefined) return false;
  // A slash in disguise is one to the file system, and none to the comparison.
  if (url.protocol === 'file:' && /%2f|%5c/i.test(url.pathname)) return false;
  return entries.some(
    ({ protocol, host, pathname }) =>
      url.protocol === protocol &&
      url.host === host &&
      (pathname === '' || url.pathname === pathname || (pathname.endsWith('/') && url.pathname.startsWith(pathname))),
  );
}

function parsed(url: string): URL | undefined {
  try {
    return new URL(url);
  } catch {
    return undefined;
  }
}
