/**
 * What of this process's environment the sidecar inherits. A list of what may pass, not of what may not: keys and
 * tokens of the app, `NODE_OPTIONS`, `ELECTRON_RUN_AS_NODE`, `PYTHON*`, `LD_PRELOAD` and `DYLD_*` stay out.
 */

export type Environment = Readonly<Record<string, string | undefined>>;

const PROXY = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'];
const NETWORK = [...PROXY, ...PROXY.map((name) => name.toLowerCase()), 'SSL_CERT_FILE', 'SSL_CERT_DIR'];
const POSIX = ['HOME', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'USER', 'LANG', 'TMPDIR', 'TZ'];
const WINDOWS = [
  'APPDATA',
  'COMSPEC',
  'HOMEDRIVE',
  'HOMEPATH',
  'LOCALAPPDATA',
  'PATH',
  'PATHEXT',
  'PROCESSOR_ARCHITECTURE',
  'PROGRAMDATA',
  'PROGRAMFILES',
  'SYSTEMDRIVE',
  'SYSTEMROOT',
  'TEMP',
  'TMP',
  'USERNAME',
  'USERPROFILE',
  'WINDIR',
];

/** The variables of `inherited` that may pass, and over them all of `extra`; undefined there removes one. */
export function childEnvironment(
  extra: Environment = {},
  inherited: Environment = process.env,
  platform: string = process.platform,
): Record<string, string> {
  const entries = Object.entries(inherited).filter(([name, value]) => mayPass(name, value, platform));
  return Object.fromEntries(
    Object.entries({ ...Object.fromEntries(entries), ...extra }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
}

function mayPass(name: string, value: string | undefined, platform: string): boolean {
  if (value?.startsWith('()')) return false; // a shell function, exported: never data for us
  if (platform === 'win32') {
    const upper = name.toUpperCase(); // names have no case there
    return WINDOWS.includes(upper) || NETWORK.includes(upper);
  }
  return POSIX.includes(name) || NETWORK.includes(name) || name.startsWith('LC_');
}
