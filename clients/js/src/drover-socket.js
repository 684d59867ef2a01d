// DroverSocket: to the application one WebSocket, behind it the connections that it is made of. Here is the state that
// the application sees, and who of the connections is current, being opened by a move, or old.
import {Address} from './address.js';
import {Alarm} from './alarm.js';
import {Backoff} from './backoff.js';
import {checkClose} from './close-rules.js';
import {HandlerProperties, abnormalClose, closeEvent, detailEvent} from './events.js';
import {ask} from './hooks.js';
import {Lingering} from './lingering.js';
import {Link} from './link.js';
import {readOrder} from './messages.js';
import {Move} from './move.js';
import {readOptions} from './options.js';
import {SendQueue, bytesOf, messageOf} from './queue.js';

const kConnecting = /** @type {const} */ (0);
const kOpen = /** @type {const} */ (1);
const kClosing = /** @type {const} */ (2);
const kClosed = /** @type {const} */ (3);

const kTokenOutlivesDeadline = 60_000;  // ms; a token's own expiry, by Drover's contract

/**
 * @typedef {import('../index.js').DroverSocketOptions} Options
 * @typedef {import('../index.js').UrlSource} UrlSource
 * @typedef {import('./messages.js').Order} Order
 * @typedef {import('./events.js').Closing} Closing
 */

export class DroverSocket extends EventTarget {
  static CONNECTING = kConnecting;
  static OPEN = kOpen;
  static CLOSING = kClosing;
  static CLOSED = kClosed;
  CONNECTING = kConnecting;
  OPEN = kOpen;
  CLOSING = kClosing;
  CLOSED = kClosed;

  /** @type {number} */
  #state = kConnecting;
  /** @type {BinaryType} */
  #binaryType = 'blob';
  /** Bytes that were sent too late, which bufferedAmount counts as WebSocket's does. */
  #discarded = 0;
  /** Where sends go, also while it is being opened. @type {Link} */
  #current;
  /** @type {Move | null} */
  #move = null;
  /** Those that moves have left, until they have ended. @type {Map<Link, Lingering>} */
  #old = new Map();
  /** Connections that a move has opened. @type {WeakSet<Link>} */
  #moved = new WeakSet();
  /** Of a move that did not come to pass. @type {{text: string, expiresAt: number} | null} */
  #token = null;
  /** How it ended, while old connections still have something to say. @type {Closing | null} */
  #ending = null;
  #handlers = new HandlerProperties(this);
  #address;
  #protocols;
  #settings;
  #queue;
  #backoff;  // of reconnections
  #moveBackoff;
  #retry;

  /**
   * @param {UrlSource} url
   * @param {string | string[]} [protocols]
   * @param {Options} [options]
   */
  constructor(url, protocols, options = {}) {
    super();
    this.#settings = readOptions(options);
    this.#address = new Address(url, this.#settings.trustEndpoint);
    this.#protocols = protocols;
    this.#queue = new SendQueue(this.#settings);
    this.#backoff = new Backoff(this.#settings);
    this.#moveBackoff = new Backoff(this.#settings);
    this.#retry = new Alarm(this.#settings.timers);
    this.#current = this.#newLink();
    const place = this.#address.known;
    if (place !== null) this.#current.dial(place, protocols);
    else this.#current.dialLater(() => this.#address.locate({reason: 'connect'}, null), protocols);
  }

  get url() {
    return this.#current.base || (this.#address.known?.base ?? '');
  }

  get readyState() {
    return this.#state;
  }

  get protocol() {
    return this.#current.protocol;
  }

  get extensions() {
    return this.#current.extensions;
  }

  get bufferedAmount() {
    let bytes = this.#discarded + this.#queue.bytes + this.#current.bufferedAmount;
    for (const link of this.#old.keys()) bytes += link.bufferedAmount;
    return bytes;
  }

  get binaryType() {
    return this.#binaryType;
  }

  set binaryType(type) {
    if (type !== 'blob' && type !== 'arraybuffer') return;  // as an enumeration of the platform's
    this.#binaryType = type;
    for (const link of [this.#current, this.#move?.link, ...this.#old.keys()]) if (link) link.binaryType = type;
  }

  /** @param {unknown} data */
  send(data) {
    const message = messageOf(data);
    if (this.#state === kClosing || this.#state === kClosed) {
      this.#discarded += bytesOf(message);
    } else if (this.#state === kOpen && this.#current.isOpen) {
      this.#current.send(message);
    } else {
      this.#queue.push(message);  // also when the server's Close has come, and its close event has not
    }
  }

  /**
   * @param {number} [code]
   * @param {string} [reason]
   */
  close(code, reason) {
    checkClose(code, reason);
    const state = this.#state;
    if (state === kClosed || (state === kClosing && this.#ending === null)) return;
    this.#state = kClosing;
    this.#stopMoving();
    this.#dropOld();
    if (state === kOpen) {
      this.#current.close(code, reason);
      return;
    }
    this.#retry.clear();
    this.#current.drop();
    const ending = this.#ending ?? abnormalClose();  // as a WebSocket that is closed before it is open
    this.#ending = null;
    queueMicrotask(() => this.#finish(ending));
  }

  get onopen() { return this.#handlers.get('open'); }
  set onopen(handler) { this.#handlers.set('open', handler); }
  get onmessage() { return this.#handlers.get('message'); }
  set onmessage(handler) { this.#handlers.set('message', handler); }
  get onerror() { return this.#handlers.get('error'); }
  set onerror(handler) { this.#handlers.set('error', handler); }
  get onclose() { return this.#handlers.get('close'); }
  set onclose(handler) { this.#handlers.set('close', handler); }

  #newLink() {
    return new Link(this.#settings, {
      opened: (link) => link === this.#move?.link ? this.#takeOver(link) : this.#opened(link),
      received: (link, event) => this.#received(link, event),
      failed: (link, event) => { if (link === this.#current) this.dispatchEvent(event); },
      ended: (link, event) => this.#ended(link, event),
    }, this.#binaryType);
  }

  /** @param {Link} link */
  #opened(link) {
    this.#state = kOpen;
    this.#token = null;
    for (const message of this.#queue.take()) link.send(message);
    this.dispatchEvent(new Event('open'));
  }

  /**
   * @param {Link} link
   * @param {MessageEvent} event
   */
  #received(link, {data, origin}) {
    this.#old.get(link)?.heard();
    const order = readOrder(data);
    if (order !== null) {
      if (link === this.#current && this.#state === kOpen) this.#obey(order);
      return;
    }
    if (this.#state === kClosing && this.#ending === null) return;  // the application has left
    const event = new MessageEvent('message', {data, origin: origin ?? ''});
    if (!ask(() => this.#settings.isDuplicate(event), false)) this.dispatchEvent(event);
  }

  /**
   * @param {Link} link
   * @param {CloseEvent} event
   */
  #ended(link, event) {
    if (link === this.#move?.link) {
      this.#move.failed();
    } else if (link === this.#current) {
      this.#lost(event);
    } else {
      this.#old.get(link)?.stop();
      this.#old.delete(link);
      if (this.#ending !== null && this.#old.size === 0) this.#finish(this.#ending);
    }
  }

  // Moves.

  /** @param {Order} order */
  #obey(order) {
    if (this.#move !== null && this.#move.link !== null) return;  // it is on its way already
    const destination = this.#address.destination(order.endpoint, this.#current.base);
    if (destination === null) {
      this.#moveFailed(order, 'untrusted');
      return;
    }
    this.#stopMoving();
    const {now} = this.#settings.timers;
    if (order.token !== null) {
      this.#token = {text: order.token, expiresAt: now() + order.deadline + kTokenOutlivesDeadline};
    }
    const move = new Move(order, this.#moveBackoff, this.#settings.timers, {
      dial: () => this.#dialMove({reason: order.kind, ...destination}, order.token),
      expired: () => {
        this.#move = null;
        this.#moveFailed(order, 'deadline');
      },
    });
    this.#move = move;
    // A server that asks every connection to move at once must not make a loop of it.
    if (this.#lasted(this.#current)) this.#moveBackoff.reset();
    move.start(this.#moved.has(this.#current) && !this.#lasted(this.#current) ? this.#moveBackoff.next() : 0);
    const {kind, reason, delay, deadline} = order;
    this.dispatchEvent(detailEvent('migrating', {kind, reason, delay, deadline, endpoint: this.#goalOf(order)}));
  }

  /**
   * @param {import('../index.js').UrlRequest} request
   * @param {string | null} token
   */
  #dialMove(request, token) {
    const link = this.#newLink();
    this.#moved.add(link);
    link.dialLater(() => this.#address.locate(request, token), this.#protocols);
    return link;
  }

  /** @param {Link} link  which is open */
  #takeOver(link) {
    const move = /** @type {Move} */ (this.#move);
    const {order, duration} = move;
    this.#move = null;
    move.release();
    if (link.protocol !== this.#current.protocol) {
      link.drop(1000);  // the application speaks the old one's subprotocol
      this.#moveFailed(order, 'protocol');
      return;
    }
    this.#old.set(this.#current, new Lingering(this.#current, this.#settings));
    this.#current = link;
    this.#token = null;
    for (const message of this.#queue.take()) link.send(message);
    const {kind, reason, token} = order;
    this.dispatchEvent(detailEvent('migrated', {kind, reason, duration, resumed: token !== null, endpoint: link.base}));
  }

  /**
   * @param {Order} order
   * @param {'untrusted' | 'deadline' | 'protocol'} cause
   */
  #moveFailed(order, cause) {
    const {kind, reason} = order;
    this.dispatchEvent(detailEvent('migrationfailed', {kind, reason, cause, endpoint: this.#goalOf(order)}));
  }

  /**
   * What is told of it: as the server named it, or as the application did.
   * @param {Order} order
   */
  #goalOf({endpoint}) {
    return endpoint ?? this.#address.known?.base ?? this.url;
  }

  #stopMoving() {
    this.#move?.cancel();
    this.#move = null;
  }

  // Ends and reconnections.

  /** @param {CloseEvent} event  of the current connection */
  #lost(event) {
    if (this.#state === kClosing) {
      this.#finish(event);
      return;
    }
    if (this.#lasted(this.#current)) this.#backoff.reset();
    const closing = closeEvent(event);
    if (!ask(() => this.#settings.shouldReconnect(closing), false)) {
      this.#end(closing);
      return;
    }
    this.#state = kConnecting;
    const underway = this.#move?.release() ?? null;
    this.#move = null;
    this.#reconnect(closing, underway);
  }

  /**
   * @param {CloseEvent} last
   * @param {Link | null} underway  a connection that is being opened already, so that none need be waited for
   */
  #reconnect(last, underway) {
    const attempts = this.#backoff.attempts;
    if (attempts >= this.#settings.maxAttempts) {
      this.#state = kClosing;
      underway?.drop();
      this.dispatchEvent(detailEvent('gaveup', {attempts, lastEvent: last}));
      this.#end(last);
      return;
    }
    let delay = this.#backoff.next();
    if (underway !== null) {
      this.#current = underway;
      delay = 0;
    } else {
      this.#retry.set(delay, () => this.#redial());
    }
    this.dispatchEvent(detailEvent('reconnecting', {attempt: attempts + 1, delay, lastEvent: last}));
  }

  #redial() {
    this.#current = this.#newLink();
    const token = this.#takeToken();
    this.#current.dialLater(() => this.#address.locate({reason: 'reconnect'}, token), this.#protocols);
  }

  /** For one attempt alone: a server may refuse those that it does not know. */
  #takeToken() {
    const token = this.#token;
    this.#token = null;
    return token !== null && this.#settings.timers.now() < token.expiresAt ? token.text : null;
  }

  /**
   * Nothing is opened any more; what old connections still deliver comes before the end.
   * @param {Closing} closing
   */
  #end(closing) {
    this.#state = kClosing;
    this.#stopMoving();
    if (this.#old.size === 0) this.#finish(closing);
    else this.#ending = closing;
  }

  /** @param {Closing} closing */
  #finish(closing) {
    this.#state = kClosed;
    this.#ending = null;
    this.#discarded += this.#queue.bytes;
    this.#queue.take();
    this.dispatchEvent(closeEvent(closing));
  }

  #dropOld() {
    for (const [link, lingering] of this.#old) {
      lingering.stop();
      link.drop(1000);
    }
    this.#old.clear();
  }

  /** @param {Link} link */
  #lasted(link) {
    return this.#settings.timers.now() - link.openedAt >= this.#settings.minUptime;
  }
}
