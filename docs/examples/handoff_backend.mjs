// A WebSocket server whose connections Drover can move to another one while they live: docs/migration.md, "For authors
// of backends". What it knows of a connection is a counter, which moves along. npm install ws
import {readFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {createServer as createSecureServer} from 'node:https';
import {setTimeout as sleep} from 'node:timers/promises';
import {parseArgs} from 'node:util';
import {WebSocketServer} from 'ws';

const {values: options} = parseArgs({options: {
  port: {type: 'string', default: '0'},
  name: {type: 'string', default: 'web-1'},
  delay: {type: 'string', default: '0'},  // ms that a reply takes
  grace: {type: 'string', default: '30'},  // s that connections have for leaving, after SIGTERM
  cert: {type: 'string'}, key: {type: 'string'},
}});
const connections = new Set();
let stopping = false;

// What Drover's messages on this connection carry, and ours to it. undefined: it will not be moved.
const keyOf = ({headers}) => /^v1; key=([0-9a-f]{32})$/.exec(headers['x-drover-handoff'])?.[1];

class Connection {
  count = 0;  // the state
  done = Promise.resolve();  // once all that has come so far is answered

  constructor(socket, request) {
    this.socket = socket;
    this.key = keyOf(request);
    this.entered = !(this.key && 'x-drover-resumed' in request.headers);  // else `enter` comes before anything else
    socket.on('error', () => {});
    socket.on('message', (data, isBinary) => {
      const message = data.toString(isBinary ? 'hex' : 'utf8');
      this.done = this.done.then(() => this.take(message));
    });
  }

  // What Drover says with this message; undefined where it is the client's, which cannot know the key.
  order(message) {
    const isDrovers = this.key && message.startsWith('{"drover":') && message.slice(0, 100).includes(this.key);
    return isDrovers ? JSON.parse(message) : undefined;
  }

  tellDrover(verb, members) {
    this.socket.send(JSON.stringify({drover: verb, key: this.key, ...members}), {compress: false});
  }

  async take(message) {
    const order = this.order(message);
    if (order?.drover === 'enter') {
      this.count = order.state?.n ?? 0;  // no state: the old backend could not give it any more
      this.entered = true;
    } else if (!this.entered) {
      this.socket.close(1002, 'not the enter that this connection begins with');
    } else if (order?.drover === 'leave') {
      this.tellDrover('left', {state: {n: this.count}});  // our last message: a Close follows, or `enter`
    } else if (!order) {
      await sleep(Number(options.delay));
      this.socket.send(JSON.stringify({n: ++this.count, echo: message, by: options.name}));
    }
  }

  depart() {
    if (this.key) this.tellDrover('leaving');
    else this.socket.close(1001);
  }
}

const {cert, key} = options;
const listener = cert ? createSecureServer({cert: readFileSync(cert), key: readFileSync(key)}) : createServer();
// Compression without context takeover, in both directions: contexts cannot be moved.
const server = new WebSocketServer(
    {server: listener, perMessageDeflate: {serverNoContextTakeover: true, clientNoContextTakeover: true}});
server.on('headers', (headers, request) => { if (keyOf(request)) headers.push('X-Drover-Handoff: v1'); });
server.on('connection', (socket, request) => {
  const connection = new Connection(socket, request);
  connections.add(connection);
  socket.on('close', () => connections.delete(connection));
  if (stopping) connection.depart();
});
listener.listen(Number(options.port), '127.0.0.1',
    () => console.log(JSON.stringify({port: listener.address().port})));
process.on('SIGTERM', () => {
  stopping = true;
  listener.close();  // the process ends with its last connection
  for (const connection of connections) connection.depart();
  setTimeout(() => connections.forEach(({socket}) => socket.close(1001)), options.grace * 1000).unref();
});
