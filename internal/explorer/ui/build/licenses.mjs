import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

// licenses is the text of what the bundle owes to others: every package that
// went into it, with its license.
export async function licenses(root, metafiles) {
  const inputs = metafiles.flatMap(({ inputs }) => Object.keys(inputs));
  const packages = new Set(inputs.map(packageOf).filter(Boolean));
  const parts = [FONTS];
  for (const path of [...packages].sort()) {
    const description = JSON.parse(await readFile(join(root, path, 'package.json'), 'utf8'));
    const { name, version, license } = description;
    parts.push(`${name} ${version}: ${license}\n\n${(await licenseText(join(root, path))) ?? standardText(description)}`);
  }
  return parts.map((part) => `${part.trim()}\n`).join(`\n${'-'.repeat(80)}\n\n`);
}

// The fonts come inside of @graphiql/react, which names no license for them.
const FONTS = `Fonts: Roboto, Apache License 2.0 (https://www.apache.org/licenses/LICENSE-2.0);
Fira Code, SIL Open Font License 1.1 (https://openfontlicense.org); Codicons, by Microsoft, CC BY 4.0
(https://creativecommons.org/licenses/by/4.0/).`;

function packageOf(input) {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
}

async function licenseText(directory) {
  const file = (await readdir(directory)).sort().find((name) => /^(licen[cs]e|copying)/i.test(name));
  if (!file) return undefined;
  return (await readFile(join(directory, file), 'utf8')).replaceAll('\r\n', '\n').replace(/[ \t]+$/gm, '');
}

// standardText returns the text of a license whose package names it, but does not
// contain it.
function standardText({ name, license, author }) {
  if (license !== 'MIT') throw new Error(`${name} contains no text of its license, ${license}`);
  return `Copyright (c) ${author?.name ?? author ?? `the authors of ${name}`}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.`;
}
