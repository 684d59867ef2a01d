// The parts that need no connection: messages, URLs, the queue, alarms, options.
import assert from 'node:assert/strict';
import test from 'node:test';
import {runInNewContext} from 'node:vm';
import {Alarm} from '../src/alarm.js';
import {acceptedEndpoint, openingUrl, parseUrl} from '../src/endpoint.js';
import {readOrder} from '../src/messages.js';
import {readOptions} from '../src/options.js';
import {SendQueue, bytesOf, messageOf} from '../src/queue.js';
import {FakeTimers, migrate, shutdown} from './support/fakes.mjs';

test('the two messages are read', () => {
  assert.deepEqual(readOrder(JSON.stringify(migrate())), {
    kind: 'migrate', reason: 'drain', endpoint: 'wss://chat.example/ws?room=7&drover_migrate=1', token: 'v1.abc',
    delay: 2000, deadline: 12000,
  });
  assert.deepEqual(readOrder(` ${JSON.stringify(shutdown({added_later: 1}), null, 2)}\n`), {
    kind: 'shutdown', reason: 'going down', endpoint: null, token: null, delay: 2000, deadline: 12000,
  });
});

const text = (value) => JSON.stringify(value);
const without = (message, member) => ({...message, [member]: undefined});
const kOthers = {
  'in an array': text([migrate()]),
  'inside an object': text({type: 'chat', text: migrate()}),
  'in a string': text(text(migrate())),
  'with something behind it': `${text(migrate())} x`,
  'a delay that is text': text(migrate({reconnect_delay: '5'})),
  'a delay below 0': text(migrate({reconnect_delay: -1})),
  'a delay without end': text(migrate()).replace('2000', '1e999'),
  'no text': text(migrate({new_endpoint: 7})),
  'binary': new TextEncoder().encode(text(migrate())).buffer,
  'null': 'null',
  'too long': text(migrate({padding: 'x'.repeat(70000)})),
  'another type': text(migrate({type: 'migrate_connections'})),
};
for (const member of ['type', 'new_endpoint', 'session_token', 'reconnect_delay', 'deadline']) {
  kOthers[`migrate without ${member}`] = text(without(migrate(), member));
}
for (const member of ['type', 'message', 'reconnect_delay', 'deadline']) {
  kOthers[`shutdown without ${member}`] = text(without(shutdown(), member));
}
for (const [name, data] of Object.entries(kOthers)) {
  test(`for the application: ${name}`, () => assert.equal(readOrder(data), null));
}

test('the query stays as it was written', () => {
  const open = (url, token = null) => openingUrl(parseUrl(url), token);
  assert.equal(open('ws://a/p'), 'ws://a/p?drover_migrate=1');
  assert.equal(open('ws://a/p?x=%20+~&y'), 'ws://a/p?x=%20+~&y&drover_migrate=1');
  assert.equal(open('ws://a/?drover_migrate=1&x=1', 'v1.a_-'), 'ws://a/?drover_migrate=1&x=1&session_token=v1.a_-');
  assert.equal(open('ws://a/?session_token=old&x=1', 'v1.new&y=2'),
               'ws://a/?x=1&drover_migrate=1&session_token=v1.new%26y%3D2');
});

test('URLs are read as WebSocket reads them', () => {
  assert.equal(parseUrl('https://a/p').href, 'wss://a/p');
  assert.equal(parseUrl(new URL('http://a:81/p')).href, 'ws://a:81/p');
  for (const wrong of ['', '/relative', 'ftp://a/', 'ws://a/#part']) {
    assert.throws(() => parseUrl(wrong), {name: 'SyntaxError'}, wrong);
  }
});

test('an endpoint may not be anything but ws or wss, and not less than before', () => {
  const accepted = (endpoint, current) => acceptedEndpoint({endpoint, current, trust: () => true}) !== null;
  assert.ok(accepted('wss://b/', 'wss://a/'));
  assert.ok(accepted('wss://b/', 'ws://a/'));
  assert.ok(accepted('ws://b/', 'ws://a/'));
  for (const endpoint of ['ws://a/', 'https://a/', 'javascript:alert(1)', '/p', '', 'wss://a/#x', 'file:///etc']) {
    assert.ok(!accepted(endpoint, 'wss://a/'), endpoint);
  }
});

test('the queue keeps order and bounds, and copies what may change', () => {
  const queue = new SendQueue({maxQueuedBytes: 10, maxQueuedMessages: 4});
  const bytes = new Uint8Array([1, 2, 3, 4]);
  queue.push('é');
  queue.push(bytes.subarray(1, 3));
  queue.push(bytes.buffer);
  bytes.fill(9);
  assert.equal(queue.bytes, 8);
  assert.throws(() => queue.push('abc'), {name: 'QuotaExceededError', message: /3 messages of 8 bytes/});
  queue.push('ab');
  assert.throws(() => queue.push(''), {name: 'QuotaExceededError', message: /at most 4 of 10/});
  const [text, view, buffer, last] = queue.take();
  assert.deepEqual([text, [...view], [...new Uint8Array(buffer)], last], ['é', [2, 3], [1, 2, 3, 4], 'ab']);
  assert.equal(queue.bytes, 0);
  assert.equal(queue.length, 0);
});

test('binary is what WebSocket takes as binary, from any frame; all else is text', () => {
  const binary = [
    new ArrayBuffer(3), runInNewContext('new ArrayBuffer(3)'), new Uint8Array(3), new DataView(new ArrayBuffer(3)),
    runInNewContext('new Uint8Array(3)'), new Blob(['abc']),
  ];
  for (const data of binary) {
    assert.equal(messageOf(data), data);
    assert.equal(bytesOf(data), 3);
    const queue = new SendQueue({maxQueuedBytes: 3, maxQueuedMessages: 1});
    queue.push(data);
    assert.equal(bytesOf(queue.take()[0]), 3);
  }
  const others = [7, null, undefined, [1, 2], {}];
  assert.deepEqual(others.map(messageOf), ['7', 'null', 'undefined', '1,2', '[object Object]']);
});

test('an alarm does not ring at once because its time is long', () => {
  const timers = new FakeTimers();
  const alarm = new Alarm(timers);
  alarm.set(1e12, () => {});
  assert.deepEqual(timers.delays, [2 ** 31 - 1]);
  alarm.set(Infinity, () => {});
  assert.deepEqual(timers.delays, []);
});

test('options are checked', () => {
  const WebSocket = class {};
  assert.throws(() => readOptions({WebSocket, minDelays: 1}), /no option 'minDelays'; there are minDelay/);
  assert.throws(() => readOptions({WebSocket, maxDelay: '1s'}), /maxDelay must be a number, 0 or more: got 1s/);
  assert.throws(() => readOptions({WebSocket, maxDelay: NaN}), /maxDelay must be a number/);
  assert.throws(() => readOptions({WebSocket, isDuplicate: true}), /isDuplicate must be a function/);
  assert.equal(readOptions({WebSocket, minDelay: undefined}).minDelay, 1000);
  const retried = [1000, 1001, 1002, 1005, 1006, 1008, 1009, 1011, 1012, 1013, 1014, 3000, 4001].filter(
      (code) => readOptions({WebSocket}).shouldReconnect({code}));
  assert.deepEqual(retried, [1001, 1005, 1006, 1011, 1012, 1013, 1014]);
});
