// What the application may choose, with defaults, checked once.

/** @typedef {import('../index.js').DroverSocketOptions} Options */

/** "Come again" and all that says nothing: going away, no code, no Close, error, restart, try later, bad gateway. */
const kRetried = new Set([1001, 1005, 1006, 1011, 1012, 1013, 1014]);

const kNumbers = Object.freeze({
  minDelay: 1000,
  maxDelay: 30_000,
  maxAttempts: Infinity,
  minUptime: 5000,
  connectTimeout: 10_000,
  maxQueuedBytes: 1 << 20,
  maxQueuedMessages: 1000,
  lingerQuiet: 500,
  lingerMax: 5000,
});

const kHooks = Object.freeze(['isDuplicate', 'shouldReconnect', 'trustEndpoint', 'random', 'WebSocket']);

/**
 * @param {Options} options
 * @returns {typeof kNumbers & Required<Pick<Options, 'isDuplicate' | 'shouldReconnect' | 'random' | 'WebSocket'>> &
 *     {trustEndpoint: Options['trustEndpoint'], timers: import('../index.js').Timers}}
 */
export function readOptions(options) {
  const known = [...Object.keys(kNumbers), ...kHooks, 'timers'];
  for (const [name, value] of Object.entries(options)) {
    if (!known.includes(name)) throw new TypeError(`drover-client: no option '${name}'; there are ${known.join(', ')}`);
    if (value === undefined) continue;
    if (name in kNumbers && !(typeof value === 'number' && value >= 0)) {
      throw new TypeError(`drover-client: ${name} must be a number, 0 or more: got ${value}`);
    }
    if (kHooks.includes(name) && typeof value !== 'function') {
      throw new TypeError(`drover-client: ${name} must be a function: got ${value}`);
    }
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const WebSocket = options.WebSocket ?? globalThis.WebSocket;
  if (WebSocket === undefined) {
    throw new TypeError(
        'drover-client: this platform has no WebSocket: pass one as an option, such as that of npm ws');
  }
  return {
    ...kNumbers,
    isDuplicate: () => false,
    shouldReconnect: (event) => kRetried.has(event.code),
    trustEndpoint: undefined,
    random: Math.random,
    timers: {
      setTimeout: (ring, delay) => setTimeout(ring, delay),
      clearTimeout: (timer) => clearTimeout(/** @type {any} */ (timer)),
      now: () => performance.now(),
    },
    ...given,
    WebSocket,
  };
}
