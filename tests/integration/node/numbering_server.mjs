// Four backends in one process, which share what they know of a session (X-Drover-Session): each request "r N" is
// answered with itself where it came in, and "p 1", "p 2", … are pushed by the session's own count, whichever
// connection it has. Those of a path /newest/… go to its newest connection, those of /both/… to each that is open.
// Prints {"ports": […]}. A line on stdin ends the pushes: each session is told "end N", and a report is printed.
import {once} from 'node:events';
import {monitorEventLoopDelay} from 'node:perf_hooks';
import {createInterface} from 'node:readline';
import {WebSocketServer} from 'ws';

const kPorts = 4;
const kPushInterval = 250;  // ms
const emit = (record) => process.stdout.write(JSON.stringify(record) + '\n');
const sessions = new Map();
const stalls = monitorEventLoopDelay();
const arrivals = [];  // ms, of connections that are no session's first

function open(path) {
  const session = {paths: new Set(), connections: [], requests: new Map(), pushed: 0, plain: 0, resumed: 0};
  const toAll = path.startsWith('/both/');
  session.timer = setInterval(() => {
    const receivers = toAll ? session.connections : session.connections.slice(-1);
    ++session.pushed;
    for (const socket of receivers) socket.send(`p ${session.pushed}`);
  }, kPushInterval);
  return session;
}

function serve(socket, {url, headers}) {
  const id = headers['x-drover-session'];
  if (!sessions.has(id)) sessions.set(id, open(url));
  const session = sessions.get(id);
  if (headers['x-drover-resumed'] === '1') {
    ++session.resumed;
    if (arrivals.length === 0) stalls.enable();
    arrivals.push(performance.now());
  } else {
    ++session.plain;
  }
  session.paths.add(url);
  session.connections.push(socket);
  socket.on('message', (data) => {
    const request = data.toString();
    session.requests.set(request, (session.requests.get(request) ?? 0) + 1);
    socket.send(request);
  });
  socket.on('close', () => session.connections.splice(session.connections.indexOf(socket), 1));
}

const servers = Array.from({length: kPorts}, () => new WebSocketServer({host: '127.0.0.1', port: 0}));
await Promise.all(servers.map((server) => once(server.on('connection', serve), 'listening')));
emit({ports: servers.map((server) => server.address().port)});

createInterface({input: process.stdin}).once('line', () => {
  for (const {timer, connections, pushed} of sessions.values()) {
    clearInterval(timer);
    connections.at(-1)?.send(`end ${pushed}`);
  }
  emit({
    arrivals, stalled: stalls.max / 1e6,
    sessions: [...sessions.values()].map(({paths, requests, pushed, plain, resumed}) => ({
      paths: [...paths], requests: requests.size, pushed, plain, resumed,
      repeated: [...requests].filter(([, count]) => count > 1).map(([request]) => request),
    })),
  });
});
