// An echo server on npm `ws`; prints its port and a report for every connection that ends, one JSON object a line.
// Arguments: --deflate, and for TLS the files of a certificate and its key.
// Text that begins with '!' is a command: "!fragments N SIZE", "!ping TEXT", "!close [CODE REASON]", "!stream".
import {createHash} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {createServer as createSecureServer} from 'node:https';
import {WebSocketServer} from 'ws';

const emit = (record) => process.stdout.write(JSON.stringify(record) + '\n');

function obey(socket, command) {
  const [verb, ...words] = command.slice(1).split(' ');
  if (verb === 'fragments') {
    const [count, size] = words.map(Number);
    for (let index = 0; index < count; ++index) {
      socket.send(Buffer.alloc(size, index & 0xff), {binary: true, fin: index === count - 1});
    }
  } else if (verb === 'ping') {
    socket.once('pong', (data) => socket.send('pong:' + data));
    socket.ping(words[0]);
  } else if (verb === 'close') {
    if (words.length === 0) socket.close();
    else socket.close(Number(words[0]), words.slice(1).join(' '));
  } else if (verb === 'stream') {
    let number = 0;
    const timer = setInterval(() => socket.send(`tick ${number++}`), 1);
    socket.on('close', () => clearInterval(timer));
  }
}

const [cert, key] = process.argv.slice(2).filter((argument) => argument !== '--deflate');
const listener = cert ? createSecureServer({cert: readFileSync(cert), key: readFileSync(key)}) : createServer();
listener.listen({host: '127.0.0.1', port: 0, backlog: 1024}, () => emit({port: listener.address().port}));
const server = new WebSocketServer({
  server: listener,
  maxPayload: 64 << 20,
  perMessageDeflate: process.argv.includes('--deflate') ? {threshold: 0} : false,
  handleProtocols: (offered) => offered.has('chat.v2') ? 'chat.v2' : false,
});
server.on('connection', (socket, request) => {
  const received = [];
  let pings = 0;
  socket.on('error', () => {});
  socket.on('ping', () => { ++pings; });
  socket.on('message', (data, isBinary) => {
    received.push([isBinary ? 'binary' : 'text', data.length, createHash('sha256').update(data).digest('hex')]);
    if (!isBinary && data[0] === 0x21) obey(socket, data.toString());
    else socket.send(data, {binary: isBinary});
  });
  socket.on('close', (code, reason) => {
    emit({
      path: request.url, subprotocol: socket.protocol, messages: received, pings, close: [code, reason.toString()],
    });
  });
});
