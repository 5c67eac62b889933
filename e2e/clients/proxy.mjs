// A proxy between a client and the server that sees every refresh, can lose its
// answer, and can hold it back.
import http from 'node:http';

const read = async (stream) => {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
};

export async function startProxy(target) {
  const proxy = { lost: 0, keys: [], hold: null };
  const server = http.createServer(async (req, res) => {
    const body = await read(req);
    const key = keyOf(req, body);
    const losing = key !== null && proxy.lost > 0;
    if (key !== null) proxy.keys.push(key);
    if (key !== null && proxy.hold) await proxy.hold();
    if (losing) proxy.lost--;
    const onward = http.request(new URL(req.url, target), { method: req.method, headers: req.headers });
    onward.on('error', () => req.socket.destroy());
    onward.on('response', async (answer) => {
      const text = await read(answer);
      if (losing) return req.socket.destroy(); // the server has done it, and nobody learns of it
      res.writeHead(answer.statusCode, answer.headers).end(text);
    });
    onward.end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  proxy.api = `http://127.0.0.1:${server.address().port}`;
  return proxy;
}

// keyOf returns the idempotency key of a refresh; null for other requests.
function keyOf(req, body) {
  if (req.url === '/auth/refresh') return req.headers['idempotency-key'] ?? '';
  const { query = '', variables } = body.length ? JSON.parse(body) : {};
  return query.includes('refreshToken(') ? (variables?.key ?? '') : null;
}
