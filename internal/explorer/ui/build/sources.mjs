import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

// hashOfSources is the SHA-256 of everything that the bundle is made from: a
// test compares it, so that nobody changes src/ and forgets to build.
export async function hashOfSources(root) {
  const hash = createHash('sha256');
  for (const path of await sources(root)) {
    const contents = await readFile(join(root, path));
    hash.update(`${path}\n${contents.length}\n`).update(contents);
  }
  return hash.digest('hex');
}

async function sources(root) {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((e) => e.isFile())
    .map((e) => join(e.parentPath ?? e.path, e.name).slice(root.length + 1))
    .filter((path) => !path.startsWith('node_modules/'))
    .sort();
}
