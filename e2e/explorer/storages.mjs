import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

// inPage is everything that the page could have stored, as text.
export function inPage(page) {
  return page.evaluate(async () => {
    const databases = await indexedDB.databases();
    const caches = window.caches ? await window.caches.keys() : [];
    const workers = (await navigator.serviceWorker?.getRegistrations()) ?? [];
    return {
      local: JSON.stringify({ ...localStorage }),
      session: JSON.stringify({ ...sessionStorage }),
      cookies: document.cookie,
      databases: databases.length,
      caches: caches.length,
      workers: workers.length,
      url: location.href,
      name: window.name,
    };
  });
}

// onDisk looks for texts in every file of a browser's profile, in the two
// encodings that Chromium uses. It returns which file has which.
export async function onDisk(profile, texts) {
  const needles = texts.flatMap((text) => [
    { text, bytes: Buffer.from(text, 'utf8') },
    { text, bytes: Buffer.from(text, 'utf16le') },
  ]);
  const found = [];
  for (const entry of await readdir(profile, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const contents = await readFile(path);
    found.push(...needles.filter(({ bytes }) => contents.includes(bytes)).map(({ text }) => `${path}: ${text}`));
  }
  return found;
}
