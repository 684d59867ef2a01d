// Real servers on npm ws, and a DroverSocket that talks to them with real clocks.
import {once} from 'node:events';
import {WebSocket, WebSocketServer} from 'ws';
import {DroverSocket} from '../../index.js';

/** `connections` has every socket that was accepted, with its `path`, what it `received`, and `closed`, its code. */
export async function startServer(context, options = {}) {
  const server = new WebSocketServer({host: '127.0.0.1', port: 0, ...options});
  await once(server, 'listening');
  server.connections = [];
  server.on('connection', (connection, request) => {
    connection.path = request.url;
    connection.received = [];
    connection.closed = null;
    connection.on('message', (data, binary) => connection.received.push(binary ? data : data.toString()));
    connection.on('close', (code) => { connection.closed = code; });
    server.connections.push(connection);
    server.emit('accepted', connection);
  });
  server.url = `ws://127.0.0.1:${server.address().port}/ws`;
  context.after(() => {
    for (const connection of server.clients) connection.terminate();
    server.close();
  });
  return server;
}

/** Closed, whatever it does, with the test. */
export function connect(context, url, options = {}, protocols = undefined) {
  const socket = new DroverSocket(url, protocols, {WebSocket, minDelay: 20, lingerQuiet: 50, ...options});
  context.after(() => socket.close());
  return socket;
}

export const next = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, {once: true}));

/** Looks again and again, for five seconds at most. */
export async function until(condition, what) {
  for (const end = performance.now() + 5000; performance.now() < end;) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`in vain for 5 s: ${what}`);
}
