// The types of drover-client. test/types.test.mjs has TypeScript compare them with the source.

/** Why a URL is asked for. */
export interface UrlRequest {
  readonly reason: 'connect' | 'reconnect' | 'migrate' | 'shutdown';
  /** Where the server would like the client to go, if it may be trusted (see trustEndpoint). For 'migrate' alone. */
  readonly endpoint?: string;
}

/** A function is asked for each connection, so that a token in the URL can be a fresh one. */
export type UrlSource = string | URL | ((request: UrlRequest) => string | URL | Promise<string | URL>);

export interface Timers {
  setTimeout(ring: () => void, delay: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Milliseconds, of a clock that is never set. */
  now(): number;
}

/** Times are in milliseconds. */
export interface DroverSocketOptions {
  /** Needed where the platform has none: Node.js before 22. */
  WebSocket?: typeof WebSocket;
  /** A reconnection waits random(0, min(maxDelay, minDelay · 2^attempt)). Default 1000. */
  minDelay?: number;
  /** Default 30000. */
  maxDelay?: number;
  /** In a row, before it gives up. Default Infinity; 0: never reconnect. */
  maxAttempts?: number;
  /** A connection that lasted this long sets the attempts back to 0. Default 5000. */
  minUptime?: number;
  /** For the URL's function and the handshake together. Default 10000. */
  connectTimeout?: number;
  /** Of what send() is given while there is no connection. Default 1 MiB. */
  maxQueuedBytes?: number;
  /** Default 1000. */
  maxQueuedMessages?: number;
  /** After a move the old connection is closed once nothing has come on it for this long. Default 500. */
  lingerQuiet?: number;
  /** After a move the old connection is closed then at the latest. Default 5000. */
  lingerMax?: number;
  /** Asked for every message, in order of arrival; true: it is dropped. */
  isDuplicate?(event: MessageEvent): boolean;
  /** Whether the end of the connection calls for another. Default: 1001, 1005, 1006, 1011, 1012, 1013, 1014. */
  shouldReconnect?(event: CloseEvent): boolean;
  /** Whether a server may lead the client to that URL. Default: the same host and port as now. */
  trustEndpoint?(url: URL): boolean;
  /** At least 0, less than 1. */
  random?(): number;
  timers?: Timers;
}

export interface MigratingDetail {
  readonly kind: 'migrate' | 'shutdown';
  /** The server's own words. */
  readonly reason: string;
  /** Until the new connection is opened. */
  readonly delay: number;
  /** Until the server closes the old one. */
  readonly deadline: number;
  readonly endpoint: string;
}

export interface MigratedDetail {
  readonly kind: 'migrate' | 'shutdown';
  readonly reason: string;
  /** Milliseconds that the opening took. */
  readonly duration: number;
  /** Whether a session token went along. Only the server knows whether it took it. */
  readonly resumed: boolean;
  readonly endpoint: string;
}

export interface MigrationFailedDetail {
  readonly kind: 'migrate' | 'shutdown';
  readonly reason: string;
  /** The old connection goes on in each case. */
  readonly cause: 'untrusted' | 'deadline' | 'protocol';
  readonly endpoint: string;
}

export interface ReconnectingDetail {
  /** 1 for the first. */
  readonly attempt: number;
  readonly delay: number;
  readonly lastEvent: CloseEvent;
}

export interface GaveUpDetail {
  readonly attempts: number;
  readonly lastEvent: CloseEvent;
}

export interface DroverSocketEventMap extends WebSocketEventMap {
  migrating: CustomEvent<MigratingDetail>;
  migrated: CustomEvent<MigratedDetail>;
  migrationfailed: CustomEvent<MigrationFailedDetail>;
  reconnecting: CustomEvent<ReconnectingDetail>;
  gaveup: CustomEvent<GaveUpDetail>;
}

/** A WebSocket that moves to another server when Drover asks, and comes back by itself when it is lost. */
export class DroverSocket extends EventTarget {
  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSING: 2;
  static readonly CLOSED: 3;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;

  constructor(url: UrlSource, protocols?: string | string[], options?: DroverSocketOptions);

  /** Of the connection that sends go to, without what this client adds. */
  readonly url: string;
  readonly readyState: number;
  readonly protocol: string;
  readonly extensions: string;
  readonly bufferedAmount: number;
  binaryType: BinaryType;

  onopen: ((this: DroverSocket, event: Event) => unknown) | null;
  onmessage: ((this: DroverSocket, event: MessageEvent) => unknown) | null;
  onerror: ((this: DroverSocket, event: Event) => unknown) | null;
  onclose: ((this: DroverSocket, event: CloseEvent) => unknown) | null;

  /** While CONNECTING it queues, and throws a QuotaExceededError when the queue is full. */
  send(data: string | Blob | BufferSource): void;
  close(code?: number, reason?: string): void;

  addEventListener<Type extends keyof DroverSocketEventMap>(
      type: Type, listener: (this: DroverSocket, event: DroverSocketEventMap[Type]) => unknown,
      options?: boolean | AddEventListenerOptions): void;
  addEventListener(
      type: string, listener: EventListenerOrEventListenerObject | null,
      options?: boolean | AddEventListenerOptions): void;
  removeEventListener<Type extends keyof DroverSocketEventMap>(
      type: Type, listener: (this: DroverSocket, event: DroverSocketEventMap[Type]) => unknown,
      options?: boolean | EventListenerOptions): void;
  removeEventListener(
      type: string, listener: EventListenerOrEventListenerObject | null,
      options?: boolean | EventListenerOptions): void;
}
