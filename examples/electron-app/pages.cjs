// The pages, on a scheme of their own: unlike files they have an origin, so they may use the microphone and worklets.
const { protocol } = require('electron');
const { readFile } = require('node:fs/promises');
const { extname, join, normalize, sep } = require('node:path');
const { resource } = require('./resources.cjs');

const ORIGIN = 'app://live';
const FOLDER = join(__dirname, 'page');
const RECORDING = resource('../demo/speech-25s.wav');
const TYPES = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript', '.wav': 'audio/wav' };
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Before the app is ready. */
function registerScheme() {
  const privileges = { standard: true, secure: true, supportFetchAPI: true };
  protocol.registerSchemesAsPrivileged([{ scheme: 'app', privileges }]);
}

function fileOf(pathname) {
  if (pathname === '/recording.wav') return RECORDING;
  const file = normalize(join(FOLDER, pathname === '/' ? 'index.html' : decodeURIComponent(pathname)));
  return file.startsWith(FOLDER + sep) ? file : undefined;
}

/** `service()` tells which one it is, `heard()` what has arrived there; `fault(name)` makes something go wrong. */
function servePages({ service, heard, fault }) {
  protocol.handle('app', async (request) => {
    const { host, pathname } = new URL(request.url);
    if (`app://${host}` !== ORIGIN) return new Response(null, { status: 404 });
    if (pathname === '/service') return Response.json(service());
    if (pathname === '/heard') return Response.json(await heard());
    if (pathname === '/fault' && request.method === 'POST') {
      try {
        await fault(await request.text());
        return new Response(null, { status: 204 });
      } catch (error) {
        return new Response(error.message, { status: 400 });
      }
    }
    const file = fileOf(pathname);
    const body = file && (await readFile(file).catch(() => undefined));
    if (!body) return new Response(null, { status: 404 });
    const headers = { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'content-security-policy': POLICY };
    return new Response(body, { headers });
  });
}

module.exports = { ORIGIN, registerScheme, servePages };
