// copy puts a text on the clipboard. On plain http pages have no
// navigator.clipboard, except at localhost.
export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('The browser does not allow this page to copy.');
}

// curlOf returns the command for a POSIX shell that repeats a request.
export function curlOf(url, headers, body) {
  const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const lines = Object.entries(headers).map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`);
  return [`curl -s ${quote(url)}`, ...lines, `-d ${quote(body)}`].join(' \\\n  ');
}
