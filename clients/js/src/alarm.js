// One timer that may be set, moved and cleared. Platforms fire at once when told more than 2^31 − 1 ms: an alarm does
// not, whatever a server says.

const kLongestTimeout = 2 ** 31 - 1;

/** @typedef {import('../index.js').Timers} Timers */

export class Alarm {
  #timers;
  /** @type {unknown} */
  #timer = null;

  /** @param {Timers} timers */
  constructor(timers) {
    this.#timers = timers;
  }

  /**
   * In place of what was set before. Infinity: never.
   * @param {number} delay  milliseconds
   * @param {() => void} ring
   */
  set(delay, ring) {
    this.clear();
    if (delay === Infinity) return;
    this.#timer = this.#timers.setTimeout(() => {
      this.#timer = null;
      ring();
    }, Math.min(delay, kLongestTimeout));
  }

  clear() {
    if (this.#timer !== null) this.#timers.clearTimeout(this.#timer);
    this.#timer = null;
  }
}
