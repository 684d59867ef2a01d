// A platform that does what the test says: a clock that stands still, and WebSockets whose server is the test.
import {DroverSocket} from '../../index.js';

/** Timers that fire when advance() passes them. */
export class FakeTimers {
  #now = 0;
  #number = 0;
  pending = new Map();

  setTimeout = (ring, delay) => {
    this.pending.set(++this.#number, {ring, at: this.#now + delay});
    return this.#number;
  };
  clearTimeout = (number) => this.pending.delete(number);
  now = () => this.#now;

  /** The times until those that are set, shortest first. */
  get delays() {
    return [...this.pending.values()].map(({at}) => at - this.#now).sort((one, other) => one - other);
  }

  async advance(duration) {
    const end = this.#now + duration;
    for (;;) {
      await settle();
      const due = [...this.pending].filter(([, {at}]) => at <= end).sort(([, one], [, other]) => one.at - other.at)[0];
      if (due === undefined) break;
      this.pending.delete(due[0]);
      this.#now = Math.max(this.#now, due[1].at);
      due[1].ring();
    }
    this.#now = end;
    await settle();
  }
}

/** All promises that can go on have gone on. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

class FakeCloseEvent extends Event {
  constructor({code, reason = '', wasClean = true}) {
    super('close');
    Object.assign(this, {code, reason, wasClean});
  }
}

/** A platform's WebSocket; what begins with `server` is the other side. Strict as browsers are. */
class FakeSocket extends EventTarget {
  readyState = 0;
  protocol = '';
  extensions = '';
  bufferedAmount = 0;
  binaryType = 'blob';
  sent = [];
  closedWith = null;  // the arguments of close()

  constructor(url, protocols) {
    super();
    this.url = url;
    this.protocols = protocols;
  }

  send(data) {
    if (this.readyState !== 1) throw new Error(`sent in state ${this.readyState}`);
    this.sent.push(data);
  }

  close(...closing) {
    if (this.readyState >= 2) return;
    this.closedWith = closing.filter((argument) => argument !== undefined);
    this.readyState = 2;
  }

  serverOpens(protocol = '') {
    this.readyState = 1;
    this.protocol = protocol;
    this.dispatchEvent(new Event('open'));
  }

  /** Browsers drop what comes after close(). */
  serverSends(data) {
    if (this.readyState === 1) this.deliver(data);
  }

  /** npm ws does not. */
  deliver(data) {
    this.dispatchEvent(new MessageEvent('message', {data: typeof data === 'object' ? JSON.stringify(data) : data}));
  }

  /** Its Close is there; the close event is yet to come. */
  serverBeginsToClose() {
    this.readyState = 2;
  }

  serverCloses(code = 1000, reason = '') {
    this.readyState = 3;
    this.dispatchEvent(new FakeCloseEvent({code, reason}));
  }

  fails() {
    this.readyState = 3;
    this.dispatchEvent(new Event('error'));
    this.dispatchEvent(new FakeCloseEvent({code: 1006, wasClean: false}));
  }
}

const kTypes = [
  'open', 'message', 'error', 'close', 'migrating', 'migrated', 'migrationfailed', 'reconnecting', 'gaveup',
];

/** A DroverSocket on fakes, with `dialled` (its platform's sockets) and `log` (its events). Random is `random`. */
export function fakeSocket(url = 'wss://chat.example/ws?room=7', options = {}, protocols = undefined) {
  const timers = new FakeTimers();
  const dialled = [];
  class WebSocket extends FakeSocket {
    constructor(...places) {
      super(...places);
      dialled.push(this);
    }
  }
  const socket = new DroverSocket(url, protocols, {WebSocket, timers, random: () => 0.5, ...options});
  const log = [];
  for (const type of kTypes) socket.addEventListener(type, (event) => log.push(event));
  return {
    socket, timers, dialled, log,
    types: () => log.map(({type}) => type),
    of: (type) => log.filter((event) => event.type === type),
    messages: () => log.filter(({type}) => type === 'message').map(({data}) => data),
  };
}

/** One that is open, on dialled[0]. */
export function openFake(...parameters) {
  const fake = fakeSocket(...parameters);
  fake.dialled[0].serverOpens();
  fake.log.length = 0;
  return fake;
}

export const migrate = (other = {}) => ({
  type: 'migrate_connection', reason: 'drain', new_endpoint: 'wss://chat.example/ws?room=7&drover_migrate=1',
  session_token: 'v1.abc', reconnect_delay: 2000, deadline: 12000, ...other,
});

export const shutdown = (other = {}) => ({
  type: 'server_shutdown', message: 'going down', reconnect_delay: 2000, deadline: 12000, ...other,
});
