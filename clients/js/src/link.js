// One connection: the platform's WebSocket from the look-up of its URL to its end, with a limit to how long opening may
// take. Its owner hears of it until it is dropped, and of its end once.
import {Alarm} from './alarm.js';
import {abnormalClose, errorEvent} from './events.js';

const kOpen = 1;  // WebSocket.OPEN

/**
 * @typedef {{base: string, opening: string}} Place  a URL as the application knows it, and as it is dialled
 * @typedef {object} Owner
 * @property {(link: Link) => void} opened
 * @property {(link: Link, data: MessageEvent) => void} received
 * @property {(link: Link, error: Event) => void} failed  its end follows
 * @property {(link: Link, event: CloseEvent) => void} ended
 * @typedef {object} Settings
 * @property {typeof WebSocket} WebSocket
 * @property {number} connectTimeout
 * @property {import('../index.js').Timers} timers
 */

export class Link {
  base = '';
  /** By the clock of the settings. */
  openedAt = NaN;
  /** @type {WebSocket | null} */
  #socket = null;
  #over = false;
  #settings;
  #owner;
  #binaryType;
  #alarm;

  /**
   * @param {Settings} settings
   * @param {Owner} owner
   * @param {BinaryType} binaryType
   */
  constructor(settings, owner, binaryType) {
    this.#settings = settings;
    this.#owner = owner;
    this.#binaryType = binaryType;
    this.#alarm = new Alarm(settings.timers);
  }

  /**
   * Dials at once. Throws what the platform's constructor throws, and is over then.
   * @param {Place} place
   * @param {string | string[] | undefined} protocols
   */
  dial(place, protocols) {
    this.#limitOpening();
    try {
      this.#connect(place, protocols);
    } catch (error) {
      this.drop();
      throw error;
    }
  }

  /**
   * Dials what `locate` answers; whatever goes wrong is a failure and an end.
   * @param {() => Place | Promise<Place>} locate
   * @param {string | string[] | undefined} protocols
   */
  dialLater(locate, protocols) {
    this.#limitOpening();
    Promise.resolve()
        .then(locate)
        .then((place) => this.#over || this.#connect(place, protocols))
        .catch((error) => this.#giveUp(error));
  }

  get isOpen() {
    return !this.#over && this.#socket?.readyState === kOpen;
  }

  get protocol() {
    return this.#socket?.protocol ?? '';
  }

  get extensions() {
    return this.#socket?.extensions ?? '';
  }

  get bufferedAmount() {
    return this.#over ? 0 : this.#socket?.bufferedAmount ?? 0;
  }

  /** @param {BinaryType} type */
  set binaryType(type) {
    this.#binaryType = type;
    if (this.#socket !== null) this.#socket.binaryType = type;
  }

  /** @param {import('./queue.js').Message} message */
  send(message) {
    this.#socket?.send(message);
  }

  /**
   * The owner goes on hearing of it.
   * @param {number} [code]
   * @param {string} [reason]
   */
  close(code, reason) {
    if (code === undefined) this.#socket?.close();
    else this.#socket?.close(code, reason);
  }

  /**
   * Closes it, and the owner hears no more of it.
   * @param {number} [code]
   */
  drop(code) {
    this.#over = true;
    this.#alarm.clear();
    this.close(code);
  }

  #limitOpening() {
    const {connectTimeout} = this.#settings;
    this.#alarm.set(connectTimeout, () => this.#giveUp(new Error(`not open after ${connectTimeout} ms`)));
  }

  /** @param {unknown} error */
  #giveUp(error) {
    if (this.#over) return;
    this.drop();
    this.#owner.failed(this, errorEvent(error));
    this.#owner.ended(this, abnormalClose());
  }

  /**
   * Listeners stay for good, and are deaf once it is over: npm ws throws where nobody listens to an error.
   * @param {Place} place
   * @param {string | string[] | undefined} protocols
   */
  #connect({base, opening}, protocols) {
    this.base = base;
    const socket = new this.#settings.WebSocket(opening, protocols);
    this.#socket = socket;
    socket.binaryType = this.#binaryType;
    socket.addEventListener('open', () => this.#opened());
    socket.addEventListener('message', (event) => this.#over || this.#owner.received(this, event));
    socket.addEventListener('error', (event) => {
      if (!this.#over) this.#owner.failed(this, errorEvent(/** @type {ErrorEvent} */ (event).error));
    });
    socket.addEventListener('close', (event) => this.#ended(event));
  }

  #opened() {
    if (this.#over) return;
    this.#alarm.clear();
    this.openedAt = this.#settings.timers.now();
    this.#owner.opened(this);
  }

  /** @param {CloseEvent} event */
  #ended(event) {
    if (this.#over) return;
    this.#over = true;
    this.#alarm.clear();
    this.#owner.ended(this, event);
  }
}
