// A proxy between a client and the server that counts requests, sees every
// refresh, can lose its answer, and can hold it back; late holds back the answer
// to one other request, and broken closes the connections of all others.
import http from 'node:http';
import net from 'node:net';
import { now, took } from './pace.mjs';

const read = async (stream) => {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
};

export async function startProxy(target) {
  const proxy = { requests: 0, lost: 0, keys: [], hold: null, late: null, broken: false };
  const server = http.createServer(async (req, res) => {
    proxy.requests++;
    const body = await read(req);
    const key = keyOf(req, body);
    if (key === null && proxy.broken) return req.socket.destroy();
    const losing = key !== null && proxy.lost > 0;
    if (key !== null) proxy.keys.push(key);
    if (key !== null && proxy.hold) await proxy.hold();
    if (losing) proxy.lost--;
    let late;
    if (key === null) [late, proxy.late] = [proxy.late, null];
    const begun = now();
    const onward = http.request(new URL(req.url, target), { method: req.method, headers: req.headers });
    onward.on('error', () => req.socket.destroy());
    onward.on('response', async (answer) => {
      took(now() - begun);
      if (losing) {
        await read(answer);
        return req.socket.destroy(); // the server has done it, and nobody learns of it
      }
      await late;
      res.writeHead(answer.statusCode, answer.headers);
      answer.on('error', () => res.destroy());
      answer.pipe(res);
    });
    res.on('close', () => onward.destroy());
    onward.end(body);
  });
  server.on('upgrade', (req, socket, head) => {
    proxy.requests++;
    tunnel(new URL(target), req, socket, head);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  proxy.api = `http://127.0.0.1:${server.address().port}`;
  return proxy;
}

// tunnel passes a WebSocket on.
function tunnel({ hostname, port }, req, socket, head) {
  const onward = net.connect(port, hostname, () => {
    const { rawHeaders } = req;
    const lines = rawHeaders.flatMap((name, i) => (i % 2 ? [] : [`${name}: ${rawHeaders[i + 1]}\r\n`]));
    onward.write(`${req.method} ${req.url} HTTP/1.1\r\n${lines.join('')}\r\n`);
    onward.write(head);
    socket.pipe(onward).pipe(socket);
  });
  onward.on('error', () => socket.destroy());
  socket.on('error', () => onward.destroy());
}

// keyOf returns the idempotency key of a refresh; null for other requests.
function keyOf(req, body) {
  if (req.url === '/auth/refresh') return req.headers['idempotency-key'] ?? '';
  const { query = '', variables } = body.length ? JSON.parse(body) : {};
  return query.includes('refreshToken(') ? (variables?.key ?? '') : null;
}
