// One move to another connection, from the server's word until the new connection is open or the move is given up:
// waits, dials, and dials again after a failure. The old connection is not its business.
import {Alarm} from './alarm.js';

/**
 * @typedef {import('./link.js').Link} Link
 * @typedef {object} Owner
 * @property {() => Link} dial
 * @property {() => void} expired  its deadline has come; it has ended
 */

export class Move {
  /** The connection that is being opened. @type {Link | null} */
  link = null;
  #order;
  #backoff;
  #timers;
  #owner;
  #next;
  #deadline;
  #dialledAt = NaN;

  /**
   * @param {import('./messages.js').Order} order
   * @param {import('./backoff.js').Backoff} backoff
   * @param {import('../index.js').Timers} timers
   * @param {Owner} owner
   */
  constructor(order, backoff, timers, owner) {
    this.#order = order;
    this.#backoff = backoff;
    this.#timers = timers;
    this.#owner = owner;
    this.#next = new Alarm(timers);
    this.#deadline = new Alarm(timers);
  }

  get order() {
    return this.#order;
  }

  /** Milliseconds since it dialled the connection that it has. */
  get duration() {
    return this.#timers.now() - this.#dialledAt;
  }

  /**
   * A server that shuts down closes the old connection itself: until then there is no reason to stop trying.
   * @param {number} leastDelay  milliseconds
   */
  start(leastDelay) {
    const {kind, delay, deadline} = this.#order;
    this.#next.set(Math.max(delay, leastDelay), () => this.#dial());
    if (kind === 'migrate') this.#deadline.set(deadline, () => this.#expire());
  }

  /** Its connection ended before it was open. */
  failed() {
    this.link = null;
    this.#next.set(this.#backoff.next(), () => this.#dial());
  }

  /** Ends it, and the connection that it opens. */
  cancel() {
    this.release()?.drop();
  }

  /** Ends it; its connection, if it has one, is the caller's now. */
  release() {
    const link = this.link;
    this.link = null;
    this.#next.clear();
    this.#deadline.clear();
    return link;
  }

  #dial() {
    this.#dialledAt = this.#timers.now();
    this.link = this.#owner.dial();
  }

  #expire() {
    this.cancel();
    this.#owner.expired();
  }
}
