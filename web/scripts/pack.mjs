// Beside each file of the build its gzip, and manifest.txt: "path|content type|etag|immutable" a line, for cmake/embed_files.cmake.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.png': 'image/png',
};
const FIRST_VIEW_BYTES_MAX = 500 * 1024; // compressed, without the map

const out = process.env.WAYBILL_WEB_OUT ?? 'dist';

function walk(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? walk(path) : [path];
  });
}

let total = 0;
const lines = [];
for (const path of walk(out).sort()) {
  const name = relative(out, path);
  if (name === 'manifest.txt' || name.endsWith('.gz')) continue;
  const type = TYPES[extname(name)];
  if (!type) throw new Error(`no content type is known for ${name}`);
  const bytes = readFileSync(path);
  const packed = gzipSync(bytes, { level: 9 });
  packed[9] = 255; // the operating system, so that the bytes are the same everywhere
  writeFileSync(`${path}.gz`, packed);
  if (!/^assets\/(china|map)-/.test(name)) total += packed.length;
  const etag = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  lines.push([name, type, etag, name.startsWith('assets/') ? 1 : 0].join('|'));
}
if (total > FIRST_VIEW_BYTES_MAX) {
  throw new Error(`the page is ${total} bytes compressed; at most ${FIRST_VIEW_BYTES_MAX} are allowed`);
}
writeFileSync(join(out, 'manifest.txt'), `${lines.join('\n')}\n`);
console.log(`${lines.length} files, ${Math.round(total / 1024)} KiB compressed without the map`);
