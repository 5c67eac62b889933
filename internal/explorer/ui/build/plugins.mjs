import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

const EXTENSIONS = {
  'font/woff': 'woff',
  'font/woff2': 'woff2',
  'font/ttf': 'ttf',
  'image/png': 'png',
  'image/svg+xml': 'svg',
};

// ignoreMonacoStyles leaves out the styles that Monaco's modules import one by
// one: graphiql/style.css has them all.
export function ignoreMonacoStyles() {
  return {
    name: 'ignore-monaco-styles',
    setup(build) {
      build.onLoad({ filter: /[\\/]monaco-editor[\\/].*\.css$/ }, () => ({ contents: '', loader: 'empty' }));
    },
  };
}

// updateDOMPurify replaces the copy of DOMPurify that Monaco contains, which has
// known vulnerabilities, by the package of the same name. Newer versions of Monaco
// import that package, but monaco-graphql does not work with them yet.
export function updateDOMPurify(replacement) {
  return {
    name: 'update-dompurify',
    setup(build) {
      let found = false;
      build.onResolve({ filter: /dompurify[\\/]dompurify\.js$/ }, ({ importer }) => {
        if (!/[\\/]monaco-editor[\\/]/.test(importer)) return undefined;
        found = true;
        return { path: replacement };
      });
      build.onEnd(({ metafile }) => {
        const old = Object.keys(metafile.inputs).filter((path) => /monaco-editor.*dompurify/.test(path));
        if (!found || old.length) throw new Error(`Monaco's DOMPurify is not replaced: ${old}`);
      });
    },
  };
}

// extractDataURIs makes files of the fonts and images inside of style sheets:
// the page's policy allows no data: URI.
export function extractDataURIs() {
  const files = new Map();
  return {
    name: 'extract-data-uris',
    setup(build) {
      build.onLoad({ filter: /\.css$/ }, async ({ path }) => ({
        contents: (await readFile(path, 'utf8')).replace(
          /url\(\s*(?:"(data:[^"]+)"|'(data:[^']+)'|(data:[^)\s]+))\s*\)/g,
          (_, ...uri) => `url("extracted:${keep(files, uri[0] ?? uri[1] ?? uri[2])}")`,
        ),
        loader: 'css',
      }));
      build.onResolve({ filter: /^extracted:/ }, ({ path }) => ({
        path: path.slice('extracted:'.length),
        namespace: 'extracted',
      }));
      build.onLoad({ filter: /./, namespace: 'extracted' }, ({ path }) => ({
        contents: files.get(path),
        loader: 'file',
      }));
    },
  };
}

function keep(files, uri) {
  const [, type, base64, data] = /^data:([^;,]+)(?:;charset=[^;,]+|;utf8)*(;base64)?,(.*)$/s.exec(uri);
  const extension = EXTENSIONS[type];
  if (!extension) throw new Error(`a data: URI of the unknown type ${type}`);
  const contents = base64 ? Buffer.from(data, 'base64') : Buffer.from(decodeURIComponent(data));
  const kind = type.split('/')[0];
  const name = `${kind}-${createHash('sha256').update(contents).digest('hex').slice(0, 8)}.${extension}`;
  files.set(name, contents);
  return name;
}

// drawSquiggles has Monaco underline mistakes by gradients in place of images
// in data: URIs, which it makes as it runs.
export function drawSquiggles() {
  const image = /background: url\("data:image\/svg\+xml,\$\{get(?:Squiggly|DotDotDot)SVGData\((\w+)\)\}"\) [^;]*;/g;
  return {
    name: 'draw-squiggles',
    setup(build) {
      build.onLoad({ filter: /[\\/]codeEditorWidget\.js$/ }, async ({ path }) => {
        let found = 0;
        const contents = (await readFile(path, 'utf8')).replace(image, (_, color) => {
          found++;
          return `background: repeating-linear-gradient(90deg, \${${color}} 0 3px, transparent 3px 5px) bottom left / 100% 2px no-repeat;`;
        });
        if (found !== 4) throw new Error(`Monaco draws ${found} underlines in a way that is known, not 4`);
        return { contents, loader: 'js' };
      });
    },
  };
}
