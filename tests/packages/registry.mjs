// A registry on loopback with some packages in it: npm chooses among them as it does for everybody.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, dirname } from 'node:path';

/** Serves these tarballs; `requested` lists those that somebody fetched. */
export async function serveRegistry(tarballs) {
  const files = new Map(tarballs.map((path) => [`/${basename(path)}`, readFileSync(path)]));
  const manifests = new Map();
  for (const path of tarballs) {
    // GNU tar takes what stands before a colon for the name of a machine: `D:` of Windows, too.
    const options = { cwd: dirname(path), encoding: 'utf8' };
    const manifest = JSON.parse(execFileSync('tar', ['xzOf', basename(path), 'package/package.json'], options));
    manifests.set(manifest.name, { manifest, file: `/${basename(path)}` });
  }
  const requested = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url);
    if (files.has(path)) {
      requested.push(path.slice(1));
      return response.end(files.get(path));
    }
    const found = manifests.get(path.slice(1));
    if (found === undefined) return response.writeHead(404).end('{}');
    const { manifest, file } = found;
    const integrity = `sha512-${createHash('sha512').update(files.get(file)).digest('base64')}`;
    const version = { ...manifest, dist: { tarball: `${url}${file}`, integrity } };
    response.end(JSON.stringify({ name: manifest.name, 'dist-tags': { latest: manifest.version }, versions: { [manifest.version]: version } }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}`;
  return {
    url,
    requested,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
