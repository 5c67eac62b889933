// The inbox: the mails that the service wrote to files, newest first, and the one
// that the address names. It asks for new ones while it is visible.
const base = '/explorer/inbox';
const interval = 2000; // milliseconds

const at = (id) => document.getElementById(id);
const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const date = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

let names; // of the mails in the list; undefined until it was read
let open; // the name of the mail that is shown

async function get(path) {
  try {
    const response = await fetch(`${base}/${path}`, { cache: 'no-store' });
    return response.ok ? await response.json() : null;
  } catch {
    return null; // the service is stopped; the list stays
  }
}

async function refresh() {
  const mails = await get('mails');
  if (!mails) return;
  const read = mails.map(({ name }) => name);
  if (names?.join() === read.join()) return;
  const fresh = names && read.filter((name) => !names.includes(name)).length;
  names = read;
  at('mails').replaceChildren(...mails.map(item));
  at('empty').hidden = mails.length > 0;
  at('none').hidden = mails.length === 0 || Boolean(open);
  if (fresh) at('news').textContent = fresh === 1 ? `New mail: ${mails[0].subject}` : `${fresh} new mails`;
  choose();
}

function item({ name, kind, subject, to, at: sent }) {
  const line = document.createElement('li');
  const link = document.createElement('a');
  const title = document.createElement('b');
  const facts = document.createElement('span');
  const when = document.createElement('time');
  link.href = `#${name}`;
  title.textContent = subject;
  when.dateTime = sent;
  when.textContent = time.format(new Date(sent));
  facts.append(`${kind} · ${to}`, when);
  link.append(title, facts);
  line.append(link);
  return line;
}

// choose marks the mail that is shown.
function choose() {
  for (const link of at('mails').querySelectorAll('a')) {
    if (link.hash === `#${open}`) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
}

// show shows the mail that the address names.
async function show() {
  const name = decodeURIComponent(location.hash.slice(1));
  const mail = name && (await get(`mails/${encodeURIComponent(name)}`));
  if (name !== decodeURIComponent(location.hash.slice(1))) return; // another was chosen meanwhile
  open = mail ? name : undefined;
  document.querySelector('main').className = mail ? 'reading' : '';
  at('mail').hidden = !mail;
  at('none').hidden = Boolean(mail) || !names?.length;
  choose();
  if (!mail) return;
  at('subject').textContent = mail.subject;
  at('to').textContent = `To ${mail.to}`;
  at('at').textContent = date.format(new Date(mail.at));
  at('kind').textContent = mail.kind;
  at('follow').hidden = !mail.link;
  at('follow').href = mail.link || '#';
  at('text').textContent = mail.text;
  at('html').src = mail.hasHTML ? `${base}/mails/${encodeURIComponent(name)}/html` : 'about:blank';
  at('as-html').disabled = !mail.hasHTML;
  form(mail.hasHTML);
  at('subject').focus();
}

// form shows the mail as HTML or as text.
function form(html) {
  at('html').hidden = !html;
  at('text').hidden = html;
  at('as-html').setAttribute('aria-pressed', html);
  at('as-text').setAttribute('aria-pressed', !html);
}

at('as-html').addEventListener('click', () => form(true));
at('as-text').addEventListener('click', () => form(false));
addEventListener('hashchange', show);
document.addEventListener('visibilitychange', () => document.hidden || refresh());
setInterval(() => document.hidden || refresh(), interval);
await refresh();
await show();
