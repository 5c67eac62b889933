import { Kind, parse, print, validate, visit } from 'graphql';

// What GraphiQL may keep as it is: how the page looks.
const LOOKS = ['theme', 'visiblePlugin', 'docExplorerFlex', 'editorFlex', 'secondaryEditorFlex'];
// What is kept without any value in it.
const HISTORY = ['queries', 'favorites'];
const THEIRS = 'graphiql:';
const OURS = 'rekey-explorer:';
const EMAIL = `${OURS}email`;

// Storage is what GraphiQL gets in place of localStorage. It forgets with the
// page whatever may hold a password or a token: tabs, variables, headers and
// answers. On disk go the looks, and the history as operations that the schema
// knows with every value and comment taken out.
export class Storage {
  #memory = new Map();
  #disk;
  schema = null; // until it is known, no history is kept

  constructor(disk) {
    this.#disk = disk;
  }

  // email is the address of the last sign-up.
  get email() {
    return this.#onDisk((disk) => disk.getItem(EMAIL)) ?? null;
  }

  set email(address) {
    this.#onDisk((disk) => disk.setItem(EMAIL, address));
  }

  get length() {
    return this.#memory.size;
  }

  getItem(key) {
    return this.#memory.get(key) ?? this.#onDisk((disk) => disk.getItem(diskKey(key))) ?? null;
  }

  setItem(key, value) {
    this.#memory.set(key, value);
    const kept = this.#keep(key, value);
    if (kept !== null) this.#onDisk((disk) => disk.setItem(diskKey(key), kept));
  }

  removeItem(key) {
    this.#memory.delete(key);
    this.#onDisk((disk) => disk.removeItem(diskKey(key)));
  }

  clear() {
    this.#memory.clear();
    for (const key of [...LOOKS, ...HISTORY]) this.removeItem(THEIRS + key);
  }

  // keep is what of a value may be stored, or null.
  #keep(key, value) {
    const name = key.slice(THEIRS.length);
    if (LOOKS.includes(name)) return value;
    if (!HISTORY.includes(name) || !this.schema) return null;
    const items = JSON.parse(value)[name].map((item) => withoutValues(item, this.schema)).filter(Boolean);
    return JSON.stringify({ [name]: items });
  }

  // onDisk: a browser may refuse storage; the page works without.
  #onDisk(use) {
    try {
      return use(this.#disk);
    } catch {
      return null;
    }
  }
}

function diskKey(key) {
  return OURS + key.slice(THEIRS.length);
}

// withoutValues is an operation of the history as it may be stored: printed
// anew, which drops comments, with texts emptied. An operation that the schema
// does not know is dropped: a name or a keyword in it may be anything.
export function withoutValues({ query, operationName, favorite, label }, schema) {
  try {
    const document = visit(parse(query), { [Kind.STRING]: (node) => ({ ...node, value: '', block: false }) });
    if (validate(schema, document).length) return null;
    return { query: print(document), operationName, favorite, label };
  } catch {
    return null;
  }
}
