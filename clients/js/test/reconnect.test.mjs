// One connection after another: what the application sees of it, what is queued, when it gives up.
import assert from 'node:assert/strict';
import test from 'node:test';
import {DroverSocket} from '../index.js';
import {fakeSocket, migrate, openFake, settle} from './support/fakes.mjs';

test('it looks like a WebSocket', () => {
  const {socket, dialled} = fakeSocket('https://chat.example/ws?room=7', {}, ['v1', 'v2']);
  assert.equal(socket.url, 'wss://chat.example/ws?room=7');
  assert.equal(dialled[0].url, 'wss://chat.example/ws?room=7&drover_migrate=1');
  assert.deepEqual(dialled[0].protocols, ['v1', 'v2']);
  assert.equal(socket.readyState, DroverSocket.CONNECTING);
  assert.deepEqual([socket.CONNECTING, socket.OPEN, socket.CLOSING, socket.CLOSED], [0, 1, 2, 3]);
  dialled[0].extensions = 'permessage-deflate';
  dialled[0].serverOpens('v2');
  assert.deepEqual([socket.readyState, socket.protocol, socket.extensions], [1, 'v2', 'permessage-deflate']);
  socket.binaryType = 'arraybuffer';
  socket.binaryType = 'nonsense';
  assert.deepEqual([socket.binaryType, dialled[0].binaryType], ['arraybuffer', 'arraybuffer']);
  dialled[0].bufferedAmount = 7;
  assert.equal(socket.bufferedAmount, 7);
  assert.throws(() => new DroverSocket('ftp://x', [], {WebSocket: class {}}), {name: 'SyntaxError'});
});

test("the platform constructor's exception is the constructor's, and no timer is left", () => {
  const timers = {setTimeout: () => 1, clearTimeout: (timer) => cleared.push(timer), now: () => 0};
  const cleared = [];
  class WebSocket {
    constructor() {
      throw new DOMException('bad subprotocol', 'SyntaxError');
    }
  }
  assert.throws(() => new DroverSocket('wss://a', 'a b', {WebSocket, timers}), /bad subprotocol/);
  assert.deepEqual(cleared, [1]);
});

test('handlers are properties too, and the last one set is called once', () => {
  const {socket, dialled} = fakeSocket();
  const calls = [];
  socket.onopen = () => calls.push('first');
  socket.onopen = function(event) { calls.push(event.type, this === socket); };
  socket.onclose = 'no function';
  dialled[0].serverOpens();
  assert.deepEqual(calls, ['open', true]);
  assert.equal(socket.onclose, null);
});

test('a lost connection comes back: CONNECTING, no close, open again', async () => {
  const {socket, timers, dialled, types, of} = openFake();
  dialled[0].serverCloses(1012, 'restart');
  assert.equal(socket.readyState, 0);
  assert.deepEqual(types(), ['reconnecting']);
  const {attempt, delay, lastEvent} = of('reconnecting')[0].detail;
  assert.deepEqual([attempt, delay, lastEvent.code, lastEvent.reason], [1, 500, 1012, 'restart']);
  await timers.advance(499);
  assert.equal(dialled.length, 1);
  await timers.advance(1);
  assert.equal(dialled[1].url, dialled[0].url);
  dialled[1].serverOpens();
  assert.deepEqual(types(), ['reconnecting', 'open']);
  assert.equal(socket.readyState, 1);
});

test('delays grow until a connection has lasted', async () => {
  const {timers, dialled, of} = openFake('wss://a', {minDelay: 1000, maxDelay: 6000, minUptime: 5000, random: () => 1});
  const delays = () => of('reconnecting').map(({detail}) => detail.delay);
  dialled[0].fails();
  for (let attempt = 1; attempt <= 4; ++attempt) {
    await timers.advance(6000);
    dialled[attempt].fails();
  }
  assert.deepEqual(delays(), [1000, 2000, 4000, 6000, 6000]);
  await timers.advance(6000);
  dialled[5].serverOpens();
  await timers.advance(4999);
  dialled[5].fails();  // too early
  await timers.advance(6000);
  dialled[6].serverOpens();
  await timers.advance(5000);
  dialled[6].fails();
  assert.deepEqual(delays().slice(5), [6000, 1000]);
});

test('a code that means no ends it', () => {
  const {socket, timers, dialled, types, of} = openFake();
  dialled[0].serverCloses(4001, 'banned');
  assert.deepEqual(types(), ['close']);
  const [{code, reason, wasClean}] = of('close');
  assert.deepEqual([code, reason, wasClean, socket.readyState], [4001, 'banned', true, 3]);
  assert.deepEqual(timers.delays, []);
});

test('shouldReconnect decides, and its exception is a no', async (context) => {
  const asked = [];
  const one = openFake('wss://a', {shouldReconnect: (event) => asked.push(event.code) === 1});
  one.dialled[0].serverCloses(4001);
  await one.timers.advance(500);
  one.dialled[1].serverCloses(1006);
  assert.deepEqual([asked, one.types()], [[4001, 1006], ['reconnecting', 'close']]);

  const {mock} = context.mock.method(globalThis, 'queueMicrotask', () => {});
  const other = openFake('wss://a', {shouldReconnect: () => { throw new Error('in the hook'); }});
  other.dialled[0].serverCloses(1006);
  assert.deepEqual(other.types(), ['close']);
  assert.throws(mock.calls[0].arguments[0], /in the hook/, 'reported, not swallowed');
});

test('it gives up after maxAttempts', async () => {
  const {timers, dialled, types, of, socket} = fakeSocket('wss://a', {maxAttempts: 2});
  for (let attempt = 0; attempt <= 2; ++attempt) {
    dialled[attempt].fails();
    await timers.advance(30_000);
  }
  assert.deepEqual(types(), ['error', 'reconnecting', 'error', 'reconnecting', 'error', 'gaveup', 'close']);
  const {attempts, lastEvent} = of('gaveup')[0].detail;
  assert.deepEqual([attempts, lastEvent.code, of('close')[0].code, socket.readyState], [2, 1006, 1006, 3]);
  assert.equal(dialled.length, 3);
  assert.deepEqual(timers.delays, []);
});

test('maxAttempts 0: like a WebSocket', () => {
  const {dialled, types} = openFake('wss://a', {maxAttempts: 0});
  dialled[0].serverCloses(1001);
  assert.deepEqual(types(), ['gaveup', 'close']);
});

test('what is not open in time has failed', async () => {
  const {timers, dialled, types, of} = fakeSocket('wss://a', {connectTimeout: 3000});
  await timers.advance(3000);
  assert.deepEqual(types(), ['error', 'reconnecting']);
  assert.match(of('error')[0].message, /not open after 3000 ms/);
  assert.notEqual(dialled[0].closedWith, null);
  dialled[0].serverCloses(1006);  // its own end is no second one
  await timers.advance(500);
  dialled[1].serverOpens();
  await timers.advance(60_000);
  assert.deepEqual(types(), ['error', 'reconnecting', 'open']);
});

test('what is sent while there is no connection waits, in order, and goes first', async () => {
  const {socket, timers, dialled} = fakeSocket();
  socket.addEventListener('open', () => socket.send('in open'));
  socket.send('1');
  socket.send('2');
  assert.equal(socket.bufferedAmount, 2);
  dialled[0].serverOpens();
  socket.send('3');
  assert.deepEqual(dialled[0].sent, ['1', '2', 'in open', '3']);
  assert.equal(socket.bufferedAmount, 0);
  dialled[0].serverBeginsToClose();
  socket.send('4');  // the platform would throw it away
  assert.equal(socket.readyState, 1);
  dialled[0].serverCloses(1012);
  socket.send('5');
  await timers.advance(500);
  dialled[1].serverOpens();
  assert.deepEqual(dialled[1].sent, ['4', '5', 'in open']);
});

test('a full queue refuses, and loses nothing that it has', () => {
  const {socket, dialled} = fakeSocket('wss://a', {maxQueuedMessages: 2});
  socket.send('1');
  socket.send('2');
  assert.throws(() => socket.send('3'), {name: 'QuotaExceededError'});
  dialled[0].serverOpens();
  assert.deepEqual(dialled[0].sent, ['1', '2']);
});

test('after the end sends go nowhere, and are counted', () => {
  const {socket, dialled} = openFake();
  socket.close();
  socket.send('abc');
  dialled[0].serverCloses();
  socket.send('de');
  assert.equal(socket.bufferedAmount, 5);
});

test('what is still queued at the end is counted too', () => {
  const {socket, dialled} = openFake();
  dialled[0].serverBeginsToClose();
  socket.send('abc');
  dialled[0].serverCloses(4001);
  assert.equal(socket.bufferedAmount, 3);
});

test('after close() no message comes, whatever the platform delivers', () => {
  const {socket, dialled, types} = openFake();
  socket.close();
  dialled[0].deliver('too late');
  dialled[0].deliver(migrate());
  assert.deepEqual(types(), []);
});

test('a function is asked for each URL, and may fail', async () => {
  const requests = [];
  const answers = [
    () => 'wss://a/?token=1',
    () => { throw new Error('no token'); },
    () => Promise.resolve(new URL('wss://a/?token=2')),
  ];
  const source = (request) => {
    requests.push(request);
    return answers[requests.length - 1]();
  };
  const {socket, timers, dialled, types, of} = fakeSocket(source);
  assert.equal(socket.url, '');
  await settle();
  assert.equal(dialled[0].url, 'wss://a/?token=1&drover_migrate=1');
  dialled[0].serverOpens();
  dialled[0].serverCloses(1001);
  await timers.advance(500);
  await timers.advance(1000);
  assert.deepEqual(types(), ['open', 'reconnecting', 'error', 'reconnecting']);
  assert.match(of('error')[0].message, /no token/);
  assert.equal(dialled[1].url, 'wss://a/?token=2&drover_migrate=1');
  assert.equal(socket.url, 'wss://a/?token=2');
  assert.deepEqual(requests.map(({reason}) => reason), ['connect', 'reconnect', 'reconnect']);
});

test('a function that does not answer in time has failed, and its answer comes to nothing', async () => {
  let answer;
  const {timers, dialled, types} = fakeSocket(() => new Promise((resolve) => { answer = resolve; }));
  await settle();
  const late = answer;
  await timers.advance(10_000);
  assert.deepEqual(types(), ['error', 'reconnecting']);
  late('wss://late');
  await settle();
  assert.equal(dialled.length, 0);
  const rejected = fakeSocket(() => new Promise((_, reject) => { answer = () => reject(new Error('no token')); }));
  await settle();
  const reject = answer;
  await rejected.timers.advance(10_000);
  reject();
  await settle();
  assert.deepEqual(rejected.types(), ['error', 'reconnecting'], 'no second end');
});

test('repeats are dropped by isDuplicate, in order of arrival', () => {
  const seen = new Set();
  const {dialled, messages} = openFake('wss://a', {isDuplicate: ({data}) => seen.has(data) || !seen.add(data)});
  for (const data of ['a', 'b', 'a', 'c', 'b']) dialled[0].serverSends(data);
  assert.deepEqual(messages(), ['a', 'b', 'c']);
});

test('what merely looks like an order is delivered', () => {
  const {dialled, messages, types} = openFake();
  const others = [JSON.stringify([migrate()]), JSON.stringify({...migrate(), session_token: undefined})];
  const binary = new TextEncoder().encode(JSON.stringify(migrate())).buffer;
  for (const data of others) dialled[0].serverSends(data);
  dialled[0].dispatchEvent(new MessageEvent('message', {data: binary}));
  assert.deepEqual(messages(), [...others, binary]);
  assert.deepEqual([...new Set(types())], ['message']);
});

// close() at every moment: each leaves one close event and no timer.
const kMoments = {
  'while the URL is asked for': () => fakeSocket(() => new Promise(() => {})),
  'CONNECTING': () => fakeSocket(),
  'waiting to reconnect': () => {
    const fake = openFake();
    fake.dialled[0].fails();
    return fake;
  },
  'reconnecting': async () => {
    const fake = openFake();
    fake.dialled[0].fails();
    await fake.timers.advance(500);
    return fake;
  },
  'OPEN': () => openFake(),
  'waiting to move': () => {
    const fake = openFake();
    fake.dialled[0].serverSends(migrate());
    return fake;
  },
  'moving': async () => {
    const fake = openFake();
    fake.dialled[0].serverSends(migrate());
    await fake.timers.advance(2000);
    return fake;
  },
  'moving again after a failure': async () => {
    const fake = openFake();
    fake.dialled[0].serverSends(migrate());
    await fake.timers.advance(2000);
    fake.dialled[1].fails();
    return fake;
  },
  'moved, the old one still open': async () => {
    const fake = openFake();
    fake.dialled[0].serverSends(migrate());
    await fake.timers.advance(2000);
    fake.dialled[1].serverOpens();
    return fake;
  },
  'moved, the old one closing': async () => {
    const fake = openFake();
    fake.dialled[0].serverSends(migrate());
    await fake.timers.advance(2000);
    fake.dialled[1].serverOpens();
    await fake.timers.advance(500);
    return fake;
  },
};
for (const [moment, reach] of Object.entries(kMoments)) {
  test(`close() ${moment}`, async () => {
    const {socket, timers, dialled, of} = await reach();
    const open = socket.readyState === 1;
    socket.close(3001, 'bye');
    socket.close();
    assert.equal(socket.readyState, 2);
    assert.equal(of('close').length, 0, 'never within close()');
    assert.deepEqual(timers.delays, []);
    for (const {readyState} of dialled) assert.ok(readyState >= 2, 'every connection is told');
    if (open) assert.deepEqual(dialled.find(({closedWith}) => closedWith?.[0] === 3001)?.closedWith, [3001, 'bye']);
    for (const server of dialled.filter(({readyState}) => readyState === 2)) {
      server.serverCloses(server.closedWith?.[0] ?? 1006, server.closedWith?.[1]);
    }
    await timers.advance(1e6);
    socket.close();
    await settle();
    assert.deepEqual(of('close').map(({code}) => code), [open ? 3001 : 1006]);
    assert.equal(socket.readyState, 3);
    assert.deepEqual(timers.delays, []);
  });
}

test('close() is refused where WebSocket refuses it', () => {
  const {socket} = openFake();
  assert.throws(() => socket.close(999), {name: 'InvalidAccessError'});
  assert.throws(() => socket.close(1001), {name: 'InvalidAccessError'});
  assert.throws(() => socket.close(5000), {name: 'InvalidAccessError'});
  assert.throws(() => socket.close(3000, 'é'.repeat(62)), {name: 'SyntaxError'});
  assert.equal(socket.readyState, 1);
  socket.close(1000, 'é'.repeat(61));
  assert.equal(socket.readyState, 2);
});

test('close() in a listener of each event', async () => {
  for (const type of ['reconnecting', 'gaveup', 'error', 'migrating', 'open', 'message']) {
    const {socket, timers, dialled, of} = fakeSocket('wss://chat.example/', {maxAttempts: 1});
    socket.addEventListener(type, () => socket.close());
    dialled[0].serverOpens();
    dialled[0].serverSends('hello');
    dialled[0].serverSends(migrate());
    if (dialled[0].readyState === 1) dialled[0].fails();
    await timers.advance(30_000);
    for (const server of dialled) if (server.readyState !== 3) server.fails();
    await settle();
    assert.deepEqual([of('close').length, socket.readyState, timers.delays], [1, 3, []], type);
  }
});
