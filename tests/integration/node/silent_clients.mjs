// Clients on npm `ws` that say nothing by themselves: `answering` ones, and `mute` ones that do not even answer pings.
// node silent_clients.mjs URL ANSWERING MUTE prints {"open": true} when all are connected and a report for every one
// that ends, one JSON object a line. Any input closes those that are left; it ends with the last of them.
import {once} from 'node:events';
import WebSocket from 'ws';

const [url, answering, mute] = process.argv.slice(2);
const emit = (record) => process.stdout.write(JSON.stringify(record) + '\n');
const sockets = new Set();

function connect(path, autoPong) {
  const socket = new WebSocket(url + path, {perMessageDeflate: false, autoPong});
  const opened = once(socket, 'open');
  const report = {path, pings: 0};
  let since = 0;
  socket.on('open', () => {
    sockets.add(socket);
    since = performance.now();
  });
  socket.on('ping', () => { ++report.pings; });
  socket.on('close', (code, reason) => {
    emit({...report, close: [code, reason.toString()], seconds: (performance.now() - since) / 1000});
    sockets.delete(socket);
    if (sockets.size === 0) process.exit(0);
  });
  return opened;
}

// In portions: a backlog has an end.
async function connectAll(prefix, count, autoPong) {
  for (let from = 0; from < count; from += 100) {
    const portion = Array.from({length: Math.min(100, count - from)}, (_, index) => `${prefix}/${from + index}`);
    await Promise.all(portion.map((path) => connect(path, autoPong)));
  }
}

await connectAll('/answering', Number(answering), true);
await connectAll('/mute', Number(mute), false);
emit({open: true});
process.stdin.once('data', () => {
  for (const socket of sockets) socket.close(1000);
});
