// How long to wait before the next attempt: exponential, with full jitter, so that clients that were lost together do
// not come back together ("Exponential Backoff And Jitter", AWS Architecture Blog).

const kMostDoublings = 30;  // beyond it every maxDelay is reached, and 0 · 2^1024 would be no number

export class Backoff {
  /** Since the last reset. */
  attempts = 0;
  #minDelay;
  #maxDelay;
  #random;

  /** @param {{minDelay: number, maxDelay: number, random: () => number}} settings  milliseconds */
  constructor({minDelay, maxDelay, random}) {
    this.#minDelay = minDelay;
    this.#maxDelay = maxDelay;
    this.#random = random;
  }

  /** random(0, min(maxDelay, minDelay · 2^attempt)), in milliseconds. */
  next() {
    const ceiling = Math.min(this.#maxDelay, this.#minDelay * 2 ** Math.min(this.attempts, kMostDoublings));
    this.attempts += 1;
    return this.#random() * ceiling;
  }

  reset() {
    this.attempts = 0;
  }
}
