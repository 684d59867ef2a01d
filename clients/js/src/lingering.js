// An old connection after the switch. A browser drops what comes after its own close(), so the old one is closed only
// when it has been quiet for a while and all that was sent on it is gone, or when it has had enough time.
import {Alarm} from './alarm.js';

/** @typedef {{lingerQuiet: number, lingerMax: number, timers: import('../index.js').Timers}} Settings */

export class Lingering {
  #link;
  #settings;
  #quiet;
  #end;
  #closed = false;

  /**
   * @param {import('./link.js').Link} link
   * @param {Settings} settings
   */
  constructor(link, settings) {
    this.#link = link;
    this.#settings = settings;
    this.#quiet = new Alarm(settings.timers);
    this.#end = new Alarm(settings.timers);
    this.#end.set(settings.lingerMax, () => this.#close());
    this.heard();
  }

  /** A message came on it. */
  heard() {
    if (!this.#closed) this.#quiet.set(this.#settings.lingerQuiet, () => this.#wasQuiet());
  }

  /** Nothing more is done about it. */
  stop() {
    this.#closed = true;
    this.#quiet.clear();
    this.#end.clear();
  }

  #wasQuiet() {
    if (this.#link.bufferedAmount > 0) this.heard();
    else this.#close();
  }

  #close() {
    this.stop();
    this.#link.close(1000);
  }
}
