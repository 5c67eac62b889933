import './workers.js';
import 'graphiql/style.css';
import './style.css';
import { createRoot } from 'react-dom/client';
import { Api } from './api.js';
import { Explorer } from './explorer.jsx';
import { Session } from './session.js';
import { starters } from './starters.js';
import { Storage } from './storage.js';

const storage = new Storage(window.localStorage);
const api = new Api(new Session(storage.email, (address) => { storage.email = address; }));
createRoot(document.getElementById('root')).render(
  <Explorer api={api} storage={storage} tabs={starters()} />,
);
