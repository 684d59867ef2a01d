// An echo server on npm `ws` that knows nothing of Drover: every reply takes a while, and SIGTERM closes all
// connections. Text "!poison" ends it at once. Prints its port. Arguments: port, delay (ms, at most), code of the Close,
// a number that is not used here (see peers/slow_echo_server.py), and for TLS the files of a certificate and its key.
import {readFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {createServer as createSecureServer} from 'node:https';
import {setTimeout as sleep} from 'node:timers/promises';
import {WebSocketServer} from 'ws';

const [port, delay, code] = process.argv.slice(2, 5).map(Number);
const [cert, key] = process.argv.slice(6);
const listener = cert ? createSecureServer({cert: readFileSync(cert), key: readFileSync(key)}) : createServer();
listener.listen({host: '127.0.0.1', port, backlog: 1024},
    () => console.log(JSON.stringify({port: listener.address().port})));
const server = new WebSocketServer({server: listener, perMessageDeflate: false});
server.on('connection', (socket) => {
  let before = Promise.resolve();  // replies keep their order
  socket.on('error', () => {});
  socket.on('message', (data, binary) => {
    if (!binary && data.toString() === '!poison') process.exit(1);
    before = before.then(() => sleep(Math.random() * delay)).then(() => socket.send(data, {binary}));
  });
});
process.on('SIGTERM', () => {
  listener.close();
  for (const socket of server.clients) socket.close(code);
});
