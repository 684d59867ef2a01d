// Compiled, never run: the hand-written types fit an application, the platform's WebSocket, and the source.
import {DroverSocket, type DroverSocketOptions} from '../index.js';
import {DroverSocket as Source} from '../src/drover-socket.js';

export const declared: typeof DroverSocket = Source;
export const asPlatform: (socket: DroverSocket) => WebSocket = (socket) => socket as WebSocket;

const options: DroverSocketOptions = {
  WebSocket,
  minDelay: 100,
  maxAttempts: Infinity,
  isDuplicate: (event) => event.data === '',
  shouldReconnect: (event) => event.code === 1006 && !event.wasClean,
  trustEndpoint: (url) => url.hostname.endsWith('.example.com'),
};
const socket = new DroverSocket(
    async ({reason, endpoint}) => `wss://a.example/${reason}?from=${endpoint}`, ['v1'], options);
socket.onmessage = ({data}) => socket.send(data);
socket.addEventListener('migrated', ({detail}) => detail.duration.toFixed());
socket.addEventListener('gaveup', ({detail}) => detail.lastEvent.code + detail.attempts);
socket.addEventListener('close', ({code, reason}) => socket.close(code, reason));
socket.send(new Uint8Array(3));

// @ts-expect-error: no such option
new DroverSocket('wss://a.example', [], {maxDelays: 1});
// @ts-expect-error: a number is no message
socket.send(1);
// @ts-expect-error: where it is, the socket alone says
socket.url = 'wss://b.example';
