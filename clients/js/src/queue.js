// What the application sent while there was no connection, in its order, within bounds of bytes and messages.

const encoder = new TextEncoder();
const kBinary = new Set(['[object ArrayBuffer]', '[object Blob]', '[object File]']);  // those of other frames, too

/** @typedef {string | Blob | ArrayBuffer | ArrayBufferView<ArrayBuffer>} Message */

/**
 * As WebSocket.send() takes it: what is neither binary nor a string becomes one.
 * @param {unknown} data
 * @returns {Message}
 */
export function messageOf(data) {
  const isBinary = ArrayBuffer.isView(data) || kBinary.has(Object.prototype.toString.call(data));
  return isBinary ? /** @type {Message} */ (data) : String(data);
}

/**
 * On the wire, without frame headers.
 * @param {Message} message
 */
export function bytesOf(message) {
  if (typeof message === 'string') return encoder.encode(message).byteLength;
  return 'size' in message ? message.size : message.byteLength;
}

/**
 * The application may change its buffer once send() has returned.
 * @param {Message} message
 * @returns {Message}
 */
function keep(message) {
  if (typeof message === 'string' || 'size' in message) return message;  // neither of them changes
  if (!ArrayBuffer.isView(message)) return message.slice(0);
  return new Uint8Array(message.buffer, message.byteOffset, message.byteLength).slice();
}

export class SendQueue {
  bytes = 0;
  /** @type {Message[]} */
  #messages = [];
  #maxBytes;
  #maxMessages;

  /** @param {{maxQueuedBytes: number, maxQueuedMessages: number}} settings */
  constructor({maxQueuedBytes, maxQueuedMessages}) {
    this.#maxBytes = maxQueuedBytes;
    this.#maxMessages = maxQueuedMessages;
  }

  get length() {
    return this.#messages.length;
  }

  /**
   * Throws a QuotaExceededError, and takes nothing, where a bound would be exceeded.
   * @param {Message} message
   */
  push(message) {
    const bytes = bytesOf(message);
    if (this.#messages.length + 1 > this.#maxMessages || this.bytes + bytes > this.#maxBytes) {
      throw new DOMException(
          `drover-client: not connected, and ${this.#messages.length} messages of ${this.bytes} bytes wait already ` +
              `(at most ${this.#maxMessages} of ${this.#maxBytes}): send less until 'open', or raise ` +
              'maxQueuedMessages or maxQueuedBytes',
          'QuotaExceededError');
    }
    this.#messages.push(keep(message));
    this.bytes += bytes;
  }

  /** All of them, in order; none is left. */
  take() {
    const messages = this.#messages;
    this.#messages = [];
    this.bytes = 0;
    return messages;
  }
}
