// What WebSocket.close() may be told, so that it is refused here and at once, whatever state the connections are in.

const kLongestReason = 123;  // bytes, RFC 6455 section 5.5

/**
 * Throws what the platform would.
 * @param {number} [code]
 * @param {string} [reason]
 */
export function checkClose(code, reason) {
  if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) {
    throw new DOMException(`drover-client: close() takes 1000 or 3000 to 4999, not ${code}`, 'InvalidAccessError');
  }
  if (reason !== undefined && new TextEncoder().encode(reason).byteLength > kLongestReason) {
    throw new DOMException(`drover-client: a close reason has at most ${kLongestReason} bytes`, 'SyntaxError');
  }
}
