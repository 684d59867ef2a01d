// The two frames by which Drover asks a client to reconnect. Anything that is not exactly one of them is the
// application's.

const kLongest = 65536;  // characters: a URL and a token, and room for what later versions add

/**
 * What a server asks for. Times are milliseconds from its arrival.
 * @typedef {object} Order
 * @property {'migrate' | 'shutdown'} kind
 * @property {string} reason
 * @property {string | null} endpoint  null: the same as before
 * @property {string | null} token
 * @property {number} delay
 * @property {number} deadline
 */

/**
 * @param {unknown} data  of a message event
 * @returns {Order | null} null: it is for the application
 */
export function readOrder(data) {
  if (typeof data !== 'string' || data.length > kLongest) return null;
  if (!data.includes('"migrate_connection"') && !data.includes('"server_shutdown"')) return null;
  let message;
  try {
    message = JSON.parse(data);
  } catch {
    return null;
  }
  if (message === null || typeof message !== 'object' || Array.isArray(message)) return null;
  if (!isTime(message.reconnect_delay) || !isTime(message.deadline)) return null;
  const times = {delay: message.reconnect_delay, deadline: message.deadline};
  if (message.type === 'migrate_connection') return readMigrate(message, times);
  if (message.type !== 'server_shutdown' || typeof message.message !== 'string') return null;
  return {kind: 'shutdown', reason: message.message, endpoint: null, token: null, ...times};
}

/**
 * @param {Record<string, unknown>} message
 * @param {{delay: number, deadline: number}} times
 * @returns {Order | null}
 */
function readMigrate({new_endpoint: endpoint, session_token: token, reason}, times) {
  if (typeof endpoint !== 'string' || typeof token !== 'string') return null;
  return {kind: 'migrate', reason: typeof reason === 'string' ? reason : '', endpoint, token, ...times};
}

/** @param {unknown} value */
function isTime(value) {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
