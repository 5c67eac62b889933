import './workers.js';
import 'graphiql/style.css';
import './style.css';
import { createRoot } from 'react-dom/client';
import { Api } from './api.js';
import { Explorer } from './explorer.jsx';
import { Session } from './session.js';
import { starters } from './starters.js';
import { Storage } from './storage.js';

const api = new Api(new Session());
createRoot(document.getElementById('root')).render(
  <Explorer api={api} storage={new Storage(window.localStorage)} tabs={starters()} />,
);
