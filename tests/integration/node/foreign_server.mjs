// A server that tells its name and a number, again and again, in what a library makes of WebSocket:
// node foreign_server.mjs ws|graphql|engine NAME [CERT KEY] prints {"port": N}.
import {createServer} from 'node:http';
import {createServer as createSecureServer} from 'node:https';
import {readFileSync} from 'node:fs';
import {setTimeout as wait} from 'node:timers/promises';
import {attach} from 'engine.io';
import {buildSchema} from 'graphql';
import {useServer} from 'graphql-ws/lib/use/ws';
import {WebSocketServer} from 'ws';

const kInterval = 10;  // ms
const [kind, name, cert, key] = process.argv.slice(2);
const listener = cert ? createSecureServer({cert: readFileSync(cert), key: readFileSync(key)}) : createServer();

function tell(socket) {
  let number = 0;
  const timer = setInterval(() => socket.send(`${name} ${number++}`), kInterval);
  socket.on('close', () => clearInterval(timer));
}

const serve = {
  ws: () => new WebSocketServer({server: listener}).on('connection', tell),
  graphql: () => useServer({
    schema: buildSchema('type Query { name: String } type Subscription { tick: String }'),
    roots: {
      subscription: {
        async * tick() {
          for (let number = 0;; ++number) {
            yield {tick: `${name} ${number}`};
            await wait(kInterval);
          }
        },
      },
    },
  }, new WebSocketServer({server: listener})),
  engine: () => attach(listener, {transports: ['websocket']}).on('connection', tell),
};

serve[kind]();
listener.listen({host: '127.0.0.1', port: 0}, () => {
  process.stdout.write(JSON.stringify({port: listener.address().port}) + '\n');
});
