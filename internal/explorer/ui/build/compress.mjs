import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

// The brotli of Node itself differs between versions, and so would its output.
const brotli = createRequire(import.meta.url)('brotli-wasm');

// compressAll replaces each file of a folder by FILE.br where that is smaller.
export async function compressAll(folder) {
  for (const name of await readdir(folder)) {
    const contents = await readFile(join(folder, name));
    const compressed = brotli.compress(contents, { quality: 11 });
    if (compressed.length < contents.length) {
      await writeFile(join(folder, `${name}.br`), compressed);
      await rm(join(folder, name));
    }
  }
}
