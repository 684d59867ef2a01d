// The URLs that connections are opened with, and which of them a server may name. Queries are edited as text: what the
// application wrote there is sent byte for byte, as a URLSearchParams would not.

const kOptIn = 'drover_migrate';
const kToken = 'session_token';

/** @typedef {{endpoint: string, current: string, trust: (url: URL) => boolean}} Offer */

/**
 * As the WebSocket constructor reads it; throws its SyntaxError.
 * @param {string | URL} text
 */
export function parseUrl(text) {
  let url;
  try {
    url = new URL(text, globalThis.location?.href);
  } catch {
    throw new DOMException(`drover-client: no URL: '${text}'`, 'SyntaxError');
  }
  if (url.protocol === 'http:' || url.protocol === 'https:') url = new URL(url.href.replace(/^http/, 'ws'));
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
    throw new DOMException(`drover-client: the scheme must be ws or wss: '${text}'`, 'SyntaxError');
  }
  if (url.hash !== '') throw new DOMException(`drover-client: a fragment goes nowhere: '${text}'`, 'SyntaxError');
  return url;
}

/**
 * What is dialled: opted in, and with `token` in place of an older one.
 * @param {URL} url
 * @param {string | null} token
 */
export function openingUrl(url, token) {
  const pieces = url.search.slice(1).split('&').filter((piece) => piece !== '' && nameOf(piece) !== kToken);
  if (!pieces.some((piece) => nameOf(piece) === kOptIn)) pieces.push(`${kOptIn}=1`);
  if (token !== null) pieces.push(`${kToken}=${encodeURIComponent(token)}`);
  const opening = new URL(url);
  opening.search = `?${pieces.join('&')}`;
  return opening.href;
}

/** @param {string} piece  of a query */
function nameOf(piece) {
  return piece.split('=', 1)[0];
}

/**
 * The endpoint that a server named, or null: the scheme is neither ws nor wss, or less than the current one, or it is
 * not trusted.
 * @param {Offer} offer
 * @returns {URL | null}
 */
export function acceptedEndpoint({endpoint, current, trust}) {
  let url;
  try {
    url = new URL(endpoint);  // never relative, never http
  } catch {
    return null;
  }
  if ((url.protocol !== 'ws:' && url.protocol !== 'wss:') || url.hash !== '') return null;
  if (url.protocol === 'ws:' && new URL(current).protocol === 'wss:') return null;
  return trust(url) ? url : null;
}

/**
 * Whom a server may name without being asked further: the host and port that it is reached by itself.
 * @param {URL} url
 * @param {string} current
 */
export function isSameHost(url, current) {
  return url.host === new URL(current).host;
}
