// Moves to another connection, step by step, with a clock and servers that the test moves.
import assert from 'node:assert/strict';
import test from 'node:test';
import {fakeSocket, migrate, openFake, settle, shutdown} from './support/fakes.mjs';

async function moving(order, ...parameters) {
  const fake = openFake(...parameters);
  fake.dialled[0].serverSends(order);
  await fake.timers.advance(order.reconnect_delay);
  return fake;
}

test('first the new one, then the old one goes', async () => {
  const {socket, timers, dialled, types, of, messages} = openFake();
  const [old] = dialled;
  old.serverSends(migrate());
  assert.deepEqual(of('migrating')[0].detail, {
    kind: 'migrate', reason: 'drain', delay: 2000, deadline: 12000, endpoint: migrate().new_endpoint,
  });
  await timers.advance(1999);
  assert.equal(dialled.length, 1, 'its slot has not come');
  await timers.advance(1);
  const [, fresh] = dialled;
  assert.equal(fresh.url, 'wss://chat.example/ws?room=7&drover_migrate=1&session_token=v1.abc');
  socket.send('before');
  await timers.advance(50);
  assert.equal(old.readyState, 1);
  fresh.serverOpens();
  socket.send('after');
  assert.deepEqual([old.sent, fresh.sent], [['before'], ['after']]);
  assert.deepEqual(of('migrated')[0].detail, {
    kind: 'migrate', reason: 'drain', duration: 50, resumed: true, endpoint: migrate().new_endpoint,
  });
  fresh.serverSends('new 1');
  old.serverSends('old 1');
  await timers.advance(400);
  old.serverSends('old 2');
  await timers.advance(499);
  assert.equal(old.closedWith, null, 'it was not quiet for 500 ms');
  await timers.advance(1);
  assert.deepEqual(old.closedWith, [1000]);
  old.deliver('old 3');  // before its Close, on a platform that says so
  assert.deepEqual(timers.delays, [], 'it is not closed twice');
  old.serverCloses(1000);
  assert.deepEqual(messages(), ['new 1', 'old 1', 'old 2', 'old 3']);
  assert.deepEqual(types(), ['migrating', 'migrated', 'message', 'message', 'message', 'message']);
  assert.equal(socket.readyState, 1);
  assert.deepEqual(timers.delays, []);
});

test('an old one that is never quiet goes after lingerMax', async () => {
  const {timers, dialled} = await moving(migrate());
  dialled[1].serverOpens();
  for (let elapsed = 0; elapsed < 4800; elapsed += 400) {
    await timers.advance(400);
    dialled[0].serverSends('tick');
  }
  await timers.advance(199);
  assert.equal(dialled[0].closedWith, null);
  await timers.advance(1);
  assert.deepEqual(dialled[0].closedWith, [1000]);
});

test('an old one with unsent bytes is not quiet', async () => {
  const {timers, dialled} = await moving(migrate());
  dialled[0].bufferedAmount = 10;
  dialled[1].serverOpens();
  await timers.advance(600);
  assert.equal(dialled[0].closedWith, null);
  dialled[0].bufferedAmount = 0;
  await timers.advance(500);
  assert.deepEqual(dialled[0].closedWith, [1000]);
});

test('lingerQuiet Infinity leaves the end to the server', async () => {
  const {timers, dialled, messages, socket} = await moving(
      migrate(), undefined, {lingerQuiet: Infinity, lingerMax: Infinity});
  dialled[1].serverOpens();
  await timers.advance(1e9);
  dialled[0].serverSends('last');
  dialled[0].serverCloses(1012);
  assert.deepEqual([messages(), socket.readyState, timers.delays], [['last'], 1, []]);
});

test('how the old one ends matters to nobody', async () => {
  const {dialled, types, socket, timers} = await moving(migrate());
  dialled[1].serverOpens();
  dialled[0].serverCloses(4001);
  assert.deepEqual([types(), socket.readyState, timers.delays], [['migrating', 'migrated'], 1, []]);
});

test('a new one that fails leaves the old one, and is tried again with backoff', async () => {
  const {socket, timers, dialled, types} = await moving(migrate());
  dialled[1].fails();
  assert.equal(socket.readyState, 1);
  socket.send('still here');
  assert.deepEqual(dialled[0].sent, ['still here']);
  await timers.advance(499);
  assert.equal(dialled.length, 2);
  await timers.advance(1);
  assert.equal(dialled[2].url, dialled[1].url);
  dialled[2].serverOpens();
  assert.deepEqual(types(), ['migrating', 'migrated']);
});

test('at the deadline the move is over; the Close leads to a reconnection with the token, once', async () => {
  const {socket, timers, dialled, types, of} = await moving(migrate());
  const [old, fresh] = dialled;
  await timers.advance(9999);
  assert.equal(fresh.closedWith, null);
  await timers.advance(1);
  assert.notEqual(fresh.closedWith, null);
  assert.deepEqual(of('migrationfailed')[0].detail, {
    kind: 'migrate', reason: 'drain', cause: 'deadline', endpoint: migrate().new_endpoint,
  });
  assert.deepEqual([socket.readyState, old.readyState, timers.delays], [1, 1, []]);
  old.serverCloses(1012);
  await timers.advance(500);
  const {length} = dialled;
  assert.equal(dialled.at(-1).url, 'wss://chat.example/ws?room=7&drover_migrate=1&session_token=v1.abc');
  dialled.at(-1).fails();
  await timers.advance(1000);
  assert.equal(dialled.length, length + 1);
  assert.equal(dialled.at(-1).url, 'wss://chat.example/ws?room=7&drover_migrate=1');
  assert.deepEqual(types(), ['migrating', 'migrationfailed', 'reconnecting', 'error', 'reconnecting']);
});

test('a token is not used after its time', async () => {
  const {timers, dialled} = openFake();
  dialled[0].serverSends(migrate({reconnect_delay: 500, deadline: 400}));
  await timers.advance(60_400);
  dialled[0].serverCloses(1012);
  await timers.advance(500);
  assert.equal(dialled[1].url, 'wss://chat.example/ws?room=7&drover_migrate=1');
});

test('the old one ends while its move waits: an ordinary reconnection', async () => {
  const {socket, timers, dialled, types} = openFake();
  dialled[0].serverSends(migrate());
  dialled[0].serverCloses(1012);
  assert.equal(socket.readyState, 0);
  assert.deepEqual(timers.delays, [500]);
  await timers.advance(500);
  assert.match(dialled[1].url, /session_token=v1\.abc/);
  dialled[1].serverOpens();
  assert.deepEqual(types(), ['migrating', 'reconnecting', 'open']);
});

test('the old one ends while the new one is being opened: that one is waited for', async () => {
  const {socket, timers, dialled, types, of} = await moving(migrate());
  dialled[0].fails();
  assert.equal(socket.readyState, 0);
  socket.send('queued');
  assert.equal(of('reconnecting')[0].detail.delay, 0);
  await timers.advance(5000);
  assert.equal(dialled.length, 2, 'no other is opened');
  dialled[1].serverOpens();
  assert.deepEqual(dialled[1].sent, ['queued']);
  assert.deepEqual(types(), ['migrating', 'error', 'reconnecting', 'open']);
  await timers.advance(20_000);  // the deadline is none any more
  assert.equal(socket.readyState, 1);
  dialled[1].fails();
  await timers.advance(500);
  assert.equal(dialled[2].url, dialled[0].url, 'the token has been used');
});

test('not where no reconnection may be', async () => {
  const {dialled, types, timers} = await moving(migrate(), undefined, {maxAttempts: 0});
  dialled[0].serverCloses(1012);
  assert.notEqual(dialled[1].closedWith, null);
  assert.deepEqual([types(), timers.delays], [['migrating', 'gaveup', 'close'], []]);
});

test('a final end during a move is the end', async () => {
  const {timers, dialled, of, socket} = await moving(migrate());
  dialled[0].serverCloses(4001);
  assert.deepEqual([of('close').length, socket.readyState, timers.delays], [1, 3, []]);
  assert.notEqual(dialled[1].closedWith, null);
});

test('what is sent after the Close of the old one goes to the new one', async () => {
  const {socket, dialled} = await moving(migrate());
  dialled[0].serverBeginsToClose();
  socket.send('1');
  socket.send('2');
  dialled[1].serverOpens();
  socket.send('3');
  assert.deepEqual([dialled[0].sent, dialled[1].sent], [[], ['1', '2', '3']]);
});

test('the new one ends for good while the old one still delivers: its messages come before close', async () => {
  const {socket, timers, dialled, types, messages} = await moving(migrate());
  dialled[1].serverOpens();
  dialled[1].serverCloses(4001);
  assert.equal(socket.readyState, 2);
  dialled[0].serverSends('late');
  await timers.advance(500);
  dialled[0].serverCloses(1000);
  assert.deepEqual(messages(), ['late']);
  assert.deepEqual(types().slice(-2), ['message', 'close']);
});

test('close() then does not wait for the old one', async () => {
  const {socket, timers, dialled, of} = await moving(
      migrate(), undefined, {lingerQuiet: Infinity, lingerMax: Infinity});
  dialled[1].serverOpens();
  dialled[1].serverCloses(4001);
  socket.close();
  await settle();
  assert.deepEqual([of('close')[0].code, socket.readyState, timers.delays], [4001, 3, []]);
});

test('another subprotocol than the old one has: no switch', async () => {
  const fake = fakeSocket(undefined, {}, ['v1', 'v2']);
  fake.dialled[0].serverOpens('v1');
  fake.dialled[0].serverSends(migrate());
  await fake.timers.advance(2000);
  fake.dialled[1].serverOpens('v2');
  assert.equal(fake.of('migrationfailed')[0].detail.cause, 'protocol');
  assert.deepEqual([fake.socket.protocol, fake.dialled[1].closedWith], ['v1', [1000]]);
  assert.equal(fake.dialled[0].readyState, 1);
  assert.deepEqual(fake.timers.delays, []);
});

for (const endpoint of [
  'wss://evil.example/ws', 'wss://chat.example:8443/ws', 'ws://chat.example/ws', 'https://chat.example/ws',
  'wss://chat.example@evil.example/', 'javascript:alert(1)', '/ws', '',
]) {
  test(`an endpoint that is not trusted: '${endpoint}'`, async () => {
    const {timers, dialled, of, types} = await moving(migrate({new_endpoint: endpoint}));
    assert.equal(dialled.length, 1);
    assert.equal(of('migrationfailed')[0].detail.cause, 'untrusted');
    assert.deepEqual([types(), timers.delays], [['migrationfailed'], []]);
  });
}

test('trustEndpoint widens, narrows, and has no say in the scheme', async () => {
  const trustEndpoint = (url) => url.hostname.endsWith('.example') && url.pathname !== '/evil';
  const dials = async (endpoint) => (await moving(
      migrate({new_endpoint: endpoint}), undefined, {trustEndpoint})).dialled[1]?.url;
  assert.equal(await dials('wss://other.example/ws'), 'wss://other.example/ws?drover_migrate=1&session_token=v1.abc');
  assert.equal(await dials('wss://chat.example/evil'), undefined);
  assert.equal(await dials('ws://other.example/ws'), undefined);
});

test('a function is told of the endpoint, where it is trusted, and its answer is used', async () => {
  const requests = [];
  const {dialled, timers} = fakeSocket((request) => {
    requests.push(request);
    return `wss://chat.example/ws?auth=${requests.length}`;
  });
  await settle();
  dialled[0].serverOpens();
  for (const endpoint of ['wss://chat.example/ws?new', 'wss://evil.example/']) {
    dialled.at(-1).serverSends(migrate({new_endpoint: endpoint}));
    await timers.advance(10_000);
    dialled.at(-1).serverOpens();
    await timers.advance(10_000);
  }
  assert.deepEqual(requests, [
    {reason: 'connect'}, {reason: 'migrate', endpoint: 'wss://chat.example/ws?new'}, {reason: 'migrate'},
  ]);
  assert.equal(dialled[2].url, 'wss://chat.example/ws?auth=3&drover_migrate=1&session_token=v1.abc');
});

test('server_shutdown: the same address, without a token, as often as it takes', async () => {
  const {socket, timers, dialled, types, of} = await moving(shutdown());
  assert.deepEqual(of('migrating')[0].detail, {
    kind: 'shutdown', reason: 'going down', delay: 2000, deadline: 12000, endpoint: 'wss://chat.example/ws?room=7',
  });
  const delays = [500, 1000, 2000, 4000, 8000];
  for (const [attempt, delay] of delays.entries()) {
    assert.equal(dialled[attempt + 1].url, dialled[0].url);
    dialled[attempt + 1].fails();
    assert.deepEqual(timers.delays, [delay], 'and no deadline');
    await timers.advance(delay);
  }
  assert.equal(socket.readyState, 1);
  dialled.at(-1).serverOpens();
  assert.deepEqual(types(), ['migrating', 'migrated']);
  assert.equal(of('migrated')[0].detail.resumed, false);
});

test('after a move elsewhere, server_shutdown and reconnections lead to the URL of the beginning', async () => {
  const elsewhere = 'wss://other.example/ws';
  const {timers, dialled, of} = await moving(
      migrate({new_endpoint: elsewhere}), undefined, {trustEndpoint: () => true});
  dialled[1].serverOpens();
  await timers.advance(10_000);
  dialled[1].serverSends(shutdown());
  assert.equal(of('migrating')[1].detail.endpoint, 'wss://chat.example/ws?room=7');
  await timers.advance(2000);
  dialled[1].serverCloses(1001);
  dialled[2].fails();
  await timers.advance(1000);
  assert.deepEqual(dialled.slice(2).map(({url}) => url), [dialled[0].url, dialled[0].url]);
});

test('server_shutdown, and the server is gone before there is another', async () => {
  const {socket, timers, dialled, types} = await moving(shutdown());
  dialled[1].fails();
  dialled[0].serverCloses(1001);
  assert.equal(socket.readyState, 0);
  await timers.advance(500);
  assert.equal(dialled.length, 3);
  dialled[2].serverOpens();
  assert.deepEqual(types(), ['migrating', 'reconnecting', 'open']);
});

test('a later word replaces one that waits, and not a connection that is being opened', async () => {
  const {timers, dialled, of} = openFake();
  dialled[0].serverSends(migrate({session_token: 'v1.first'}));
  dialled[0].serverSends(migrate({session_token: 'v1.second', reconnect_delay: 3000}));
  await timers.advance(2000);
  assert.equal(dialled.length, 1);
  await timers.advance(1000);
  assert.match(dialled[1].url, /session_token=v1\.second$/);
  dialled[0].serverSends(migrate({session_token: 'v1.third'}));
  dialled[1].serverOpens();
  dialled[0].serverSends(migrate({session_token: 'v1.fourth'}));  // the old one has no say any more
  await timers.advance(20_000);
  assert.equal(dialled.length, 2);
  assert.equal(of('migrating').length, 2);
});

test('a server that always sends clients away makes no storm', async () => {
  const {timers, dialled, of} = openFake(undefined, {random: () => 1});
  for (let round = 0; round < 40; ++round) {
    dialled.at(-1).serverSends(migrate({reconnect_delay: 0, deadline: 1e9}));
    await timers.advance(250);
    if (dialled.at(-1).readyState === 0) dialled.at(-1).serverOpens();
  }
  assert.ok(of('migrated').length <= 5, `${of('migrated').length} in 10 s`);
});
