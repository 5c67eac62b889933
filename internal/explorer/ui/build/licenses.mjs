import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

// licenses is the text of what the bundle owes to others: every package that
// went into it, with its license.
export async function licenses(root, metafiles) {
  const inputs = metafiles.flatMap(({ inputs }) => Object.keys(inputs));
  const packages = new Set(inputs.map(packageOf).filter(Boolean));
  const parts = [FONTS];
  for (const path of [...packages].sort()) {
    const { name, version, license } = JSON.parse(await readFile(join(root, path, 'package.json'), 'utf8'));
    parts.push(`${name} ${version}: ${license}\n\n${await licenseText(join(root, path))}`);
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
  if (!file) return '(the package holds no text of its license)';
  return (await readFile(join(directory, file), 'utf8')).replaceAll('\r\n', '\n').replace(/[ \t]+$/gm, '');
}
