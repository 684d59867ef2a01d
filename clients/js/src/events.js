// The platform's event classes, or the least that stands for those it lacks (Node.js has no CloseEvent before 23), and
// the on… properties.

/** @typedef {{code?: number, reason?: string, wasClean?: boolean}} Closing */

class PlainCloseEvent extends Event {
  /**
   * @param {string} type
   * @param {Closing} closing
   */
  constructor(type, {code = 0, reason = '', wasClean = false} = {}) {
    super(type);
    this.code = code;
    this.reason = reason;
    this.wasClean = wasClean;
  }
}

class PlainCustomEvent extends Event {
  /**
   * @param {string} type
   * @param {{detail?: unknown}} options
   */
  constructor(type, {detail = null} = {}) {
    super(type);
    this.detail = detail;
  }
}

const CloseEventClass = /** @type {typeof CloseEvent} */ (globalThis.CloseEvent ?? PlainCloseEvent);
const CustomEventClass = /** @type {typeof CustomEvent} */ (globalThis.CustomEvent ?? PlainCustomEvent);

/**
 * Of our own: one that another target has dispatched cannot be dispatched again.
 * @param {Closing} closing
 */
export function closeEvent({code, reason, wasClean}) {
  return new CloseEventClass('close', {code, reason, wasClean});
}

/** A connection that ended without a Close, or never was. */
export function abnormalClose() {
  return closeEvent({code: 1006, reason: '', wasClean: false});
}

/**
 * @param {string} type
 * @param {object} detail
 */
export function detailEvent(type, detail) {
  return new CustomEventClass(type, {detail});
}

/**
 * @param {unknown} error  what is known of it: browsers tell nothing
 */
export function errorEvent(error) {
  const event = new Event('error');
  return error === undefined ? event : Object.assign(event, {error, message: String(error)});
}

/** The handlers that were set as properties, each called in its turn among the listeners. */
export class HandlerProperties {
  /** @type {Map<string, ((event: any) => unknown) | null>} */
  #handlers = new Map();
  #target;

  /** @param {EventTarget} target */
  constructor(target) {
    this.#target = target;
  }

  /** @param {string} type */
  get(type) {
    return this.#handlers.get(type) ?? null;
  }

  /**
   * @param {string} type
   * @param {unknown} handler  what is no function stands for none
   */
  set(type, handler) {
    if (!this.#handlers.has(type)) {
      this.#target.addEventListener(type, (event) => this.#handlers.get(type)?.call(this.#target, event));
    }
    this.#handlers.set(type, typeof handler === 'function' ? /** @type {(event: any) => unknown} */ (handler) : null);
  }
}
