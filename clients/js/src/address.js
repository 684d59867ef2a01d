// Where the next connection goes: the application's URL or what its function answers, and where servers may lead it.
import {acceptedEndpoint, isSameHost, openingUrl, parseUrl} from './endpoint.js';
import {ask} from './hooks.js';

/**
 * @typedef {import('../index.js').UrlSource} UrlSource
 * @typedef {import('../index.js').UrlRequest} UrlRequest
 * @typedef {import('./link.js').Place} Place
 */

export class Address {
  #source;
  #trustEndpoint;

  /**
   * Throws a SyntaxError, as WebSocket does, for what is no URL of a WebSocket.
   * @param {UrlSource} source
   * @param {((url: URL) => boolean) | undefined} trustEndpoint  in place of the rule of the same host
   */
  constructor(source, trustEndpoint) {
    this.#source = typeof source === 'function' ? source : parseUrl(source);
    this.#trustEndpoint = trustEndpoint;
  }

  /** @returns {Place | null} null: a function has to be asked */
  get known() {
    return this.#source instanceof URL ? placeOf(this.#source, null) : null;
  }

  /**
   * @param {UrlRequest} request
   * @param {string | null} token
   * @returns {Promise<Place>}
   */
  async locate(request, token) {
    const source = this.#source;
    if (source instanceof URL) return placeOf(parseUrl(request.endpoint ?? source), token);
    return placeOf(parseUrl(await source(request)), token);
  }

  /**
   * What a move has to be located with, or null: it must not be. A function is asked whatever the server says, and told
   * the endpoint only where it may be trusted.
   * @param {string | null} endpoint  null: the server named none
   * @param {string} current
   * @returns {{endpoint?: string} | null}
   */
  destination(endpoint, current) {
    if (endpoint === null) return {};
    const trusts = this.#trustEndpoint ?? ((/** @type {URL} */ url) => isSameHost(url, current));
    const accepted = acceptedEndpoint({endpoint, current, trust: (url) => ask(() => trusts(url) === true, false)});
    if (accepted !== null) return {endpoint: accepted.href};
    return this.#source instanceof URL ? null : {};
  }
}

/**
 * @param {URL} url
 * @param {string | null} token
 * @returns {Place}
 */
function placeOf(url, token) {
  return {base: url.href, opening: openingUrl(url, token)};
}
