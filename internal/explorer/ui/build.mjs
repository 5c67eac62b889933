// Usage: npm run build
//
// Bundles src/ into ../assets, which the program embeds: no CDN, no eval, no
// data: URI, every file under a name with the hash of its contents, compressed
// with brotli. The same sources give the same bytes on every machine.
import * as esbuild from 'esbuild';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compressAll } from './build/compress.mjs';
import { drawSquiggles, extractDataURIs, ignoreMonacoStyles, updateDOMPurify } from './build/plugins.mjs';
import { licenses } from './build/licenses.mjs';
import { hashOfSources } from './build/sources.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, '../assets');

const shared = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  metafile: true,
  format: 'esm',
  target: ['chrome111', 'firefox114', 'safari16.4'],
  outdir: out,
  publicPath: '/explorer',
  entryNames: '[name]-[hash]',
  chunkNames: 'chunk-[hash]',
  assetNames: '[name]-[hash]',
  loader: { '.svg': 'file' },
  define: { 'process.env.NODE_ENV': '"production"' },
  legalComments: 'none', // licenses.txt has them whole
  logLevel: 'warning',
};

// outputs maps each entry point to the URL of its bundle.
function outputs({ metafile }) {
  const entries = Object.entries(metafile.outputs).filter(([, o]) => o.entryPoint);
  return new Map(entries.map(([path, o]) => [basename(o.entryPoint), `/explorer/${basename(path)}`]));
}

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });

// Workers first: the page needs their names.
const workers = await esbuild.build({
  ...shared,
  entryPoints: ['graphql', 'json', 'editor'].map((name) => `src/workers/${name}.worker.js`),
});
const worker = outputs(workers);

const page = await esbuild.build({
  ...shared,
  entryPoints: ['src/main.jsx'],
  splitting: true,
  jsx: 'automatic',
  plugins: [ignoreMonacoStyles(), extractDataURIs(), drawSquiggles(), updateDOMPurify(join(here, 'src/dompurify.js'))],
  define: {
    ...shared.define,
    WORKER_GRAPHQL: JSON.stringify(worker.get('graphql.worker.js')),
    WORKER_JSON: JSON.stringify(worker.get('json.worker.js')),
    WORKER_EDITOR: JSON.stringify(worker.get('editor.worker.js')),
  },
});

const script = outputs(page).get('main.jsx');
const styles = Object.values(page.metafile.outputs).find((o) => o.entryPoint === 'src/main.jsx').cssBundle;
const icon = Object.keys(page.metafile.outputs).find((path) => basename(path).startsWith('icon-'));
const html = (await readFile(join(here, 'src/index.html'), 'utf8'))
  .replace('{{script}}', script)
  .replace('{{styles}}', `/explorer/${basename(styles)}`)
  .replace('{{icon}}', `/explorer/${basename(icon)}`);
await writeFile(join(out, 'index.html'), html);
await writeFile(join(out, 'licenses.txt'), await licenses(here, [workers.metafile, page.metafile]));
await compressAll(out);
await writeFile(join(out, 'sources.sha256'), `${await hashOfSources(here)}\n`);
