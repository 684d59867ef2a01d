// Against real servers (npm ws): moves under load, servers that know nothing of Drover, and those that go away.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import test from 'node:test';
import {connect, next, startServer, until} from './support/servers.mjs';

const migrateTo = (url, other = {}) => JSON.stringify({
  type: 'migrate_connection', reason: 'drain', new_endpoint: url, session_token: 'v1.abc', reconnect_delay: 50,
  deadline: 4000, ...other,
});

/** Counts both ways: the server's numbers go to every connection that is open, as a chat's do. */
function numberBothWays(server, socket) {
  const all = {sent: 0, told: 0};
  const timer = setInterval(() => {
    socket.send(`c${all.sent++}`);
    const number = `s${all.told++}`;
    for (const connection of server.clients) connection.send(number);
  }, 1);
  return {all, stop: () => clearInterval(timer)};
}

const numbers = (letter, count) => Array.from({length: count}, (_, number) => `${letter}${number}`);

test('a move under load: no gap and no repeat, both ways', async (context) => {
  const server = await startServer(context);
  const seen = new Set();
  const got = [];
  let repeats = 0;
  const socket = connect(context, server.url, {
    isDuplicate: ({data}) => {
      repeats += seen.has(data) ? 1 : 0;
      return seen.has(data) || !seen.add(data);
    },
  });
  socket.addEventListener('message', ({data}) => got.push(data));
  const closes = [];
  socket.addEventListener('close', (event) => closes.push(event));
  await next(socket, 'open');
  const {all, stop} = numberBothWays(server, socket);
  context.after(stop);
  for (let move = 0; move < 2; ++move) {
    await until(() => got.length > 40 * (move + 1), 'the stream');
    const old = server.connections.at(-1);
    old.send(migrateTo(`${server.url}?move=${move}`));
    await next(socket, 'migrated');
    assert.equal(old.closed, null, 'the new one is open, and the old one too');
    assert.equal(server.connections.length, move + 2);
    assert.equal(server.connections.at(-1).path, `/ws?move=${move}&drover_migrate=1&session_token=v1.abc`);
  }
  // While there are two, the old one is never quiet: only lingerMax would end it.
  const moved = got.length;
  await until(() => got.length > moved + 40, 'the stream on two connections');
  stop();
  await until(() => server.clients.size === 1, 'the old ones go');
  await until(() => got.length === all.told && server.connections.at(-1).received.at(-1) === `c${all.sent - 1}`, 'all');
  assert.ok(repeats > 0, 'there was something to drop');
  assert.deepEqual([...got].sort(), numbers('s', all.told).sort());
  const taken = server.connections.map(({received}) => received);
  assert.ok(taken.every(({length}) => length > 0), 'each had its part');
  assert.deepEqual(taken.flat(), numbers('c', all.sent), 'in order, none twice');
  assert.deepEqual(server.connections.map(({closed}) => closed), [1000, 1000, null]);
  assert.deepEqual([closes, socket.readyState], [[], 1]);
});

test('what the old one still sends arrives', async (context) => {
  const server = await startServer(context);
  const socket = connect(context, server.url);
  const got = [];
  socket.onmessage = ({data}) => got.push(data);
  await next(socket, 'open');
  const [old] = server.connections;
  old.send(migrateTo(server.url));
  await next(socket, 'migrated');
  old.send('a reply that took its time');
  old.close(1012, 'drain');
  await until(() => got.length === 1, 'the reply');
  await until(() => old.closed !== null, 'its end');
  socket.send('on the new one');
  await until(() => server.connections[1].received.length === 1, 'the message');
  assert.equal(socket.readyState, 1);
});

test('to another server, where trustEndpoint says so', async (context) => {
  const [one, other] = [await startServer(context), await startServer(context)];
  const socket = connect(context, one.url, {trustEndpoint: ({hostname}) => hostname === '127.0.0.1'});
  await next(socket, 'open');
  one.connections[0].send(migrateTo(other.url));
  await next(socket, 'migrated');
  assert.equal(socket.url, other.url);
  await until(() => one.clients.size === 0, 'the old one goes');
  assert.equal(one.connections[0].closed, 1000);
});

test('nobody listens there: the old one stays, its Close leads back', async (context) => {
  const [server, gone] = [await startServer(context), await startServer(context)];
  gone.close();
  await once(gone, 'close');
  const socket = connect(context, server.url, {trustEndpoint: () => true});
  await next(socket, 'open');
  const [old] = server.connections;
  old.send(migrateTo(gone.url, {deadline: 150}));
  const {detail} = await next(socket, 'migrationfailed');
  assert.equal(detail.cause, 'deadline');
  assert.equal(old.readyState, 1);
  socket.send('still here');
  await until(() => old.received.length === 1, 'the old one takes it');
  const open = next(socket, 'open');
  old.close(1012);
  await open;
  assert.equal(server.connections[1].path, '/ws?drover_migrate=1&session_token=v1.abc');
});

test('a handshake that nobody answers in time', async (context) => {
  const held = [];
  const server = await startServer(context, {
    verifyClient: (_, answer) => {
      if (held.length === 0 && server.connections.length === 1) held.push(answer);
      else answer(true);
    },
  });
  const socket = connect(context, server.url, {connectTimeout: 100});
  await next(socket, 'open');
  server.connections[0].send(migrateTo(server.url));
  await next(socket, 'migrated');  // the second attempt
  assert.equal(held.length, 1);
  assert.equal(server.connections.length, 2);
});

test('a server that shuts down, and its successor', async (context) => {
  const server = await startServer(context);
  const socket = connect(context, server.url);
  await next(socket, 'open');
  const [old] = server.connections;
  old.send(JSON.stringify({type: 'server_shutdown', message: 'bye', reconnect_delay: 20, deadline: 2000}));
  const {detail} = await next(socket, 'migrated');
  assert.deepEqual([detail.kind, detail.resumed], ['shutdown', false]);
  assert.equal(server.connections[1].path, '/ws?drover_migrate=1');
});

test('a plain server that knows nothing', async (context) => {
  const server = await startServer(context, {handleProtocols: (offered) => [...offered][1]});
  server.on('accepted', (connection) => connection.on('message', (data, binary) => connection.send(data, {binary})));
  const socket = connect(context, server.url, {}, ['v1', 'v2']);
  socket.binaryType = 'arraybuffer';
  socket.send('queued');
  const got = [];
  socket.onmessage = ({data}) => got.push(data);
  await next(socket, 'open');
  assert.equal(socket.protocol, 'v2');
  socket.send(new Uint8Array([1, 2, 3]).subarray(1));
  await until(() => got.length === 2, 'two echoes');
  assert.equal(got[0], 'queued');
  assert.deepEqual([...new Uint8Array(got[1])], [2, 3]);
  const closed = next(socket, 'close');
  socket.close(3000, 'done');
  const {code, reason, wasClean} = await closed;
  assert.deepEqual([code, reason, wasClean, server.connections[0].closed], [3000, 'done', true, 3000]);
});

test('a binary message is a Blob unless told otherwise', async (context) => {
  const server = await startServer(context);
  const socket = connect(context, server.url);
  await next(socket, 'open');
  server.connections[0].send(Buffer.from([7]));
  const {data} = await next(socket, 'message');
  assert.deepEqual([...new Uint8Array(await data.arrayBuffer())], [7]);
});

test('a server that is killed', async (context) => {
  const server = await startServer(context);
  const socket = connect(context, server.url);
  await next(socket, 'open');
  const open = next(socket, 'open');
  server.connections[0].terminate();
  assert.equal((await next(socket, 'reconnecting')).detail.lastEvent.code, 1006);
  socket.send('meanwhile');
  await open;
  await until(() => server.connections[1].received.length === 1, 'what was queued');
});

test('close() while the handshake is on its way', async (context) => {
  const server = await startServer(context);
  const socket = connect(context, server.url);
  socket.close();  // the handshake is on its way
  const {code, wasClean} = await next(socket, 'close');
  assert.deepEqual([code, wasClean], [1006, false]);
});
