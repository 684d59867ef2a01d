// A client of foreign_server.mjs that comes back when it is closed, by itself where its library does not do that, and
// prints all that its library tells: node foreign_client.mjs ws|graphql|engine URL prints a JSON array a line, the name
// of the event first. What the server told is "tick".
import {Socket} from 'engine.io-client';
import {createClient} from 'graphql-ws';
import WebSocket from 'ws';

const [kind, url] = process.argv.slice(2);
const emit = (...event) => process.stdout.write(JSON.stringify(event) + '\n');

function runWs() {
  const socket = new WebSocket(url);
  socket.on('open', () => emit('open'));
  socket.on('message', (data) => emit('tick', data.toString()));
  socket.on('error', (error) => emit('error', error.message));
  socket.on('close', (code, reason) => {
    emit('close', code, reason.toString());
    runWs();
  });
}

function runGraphql() {
  const client = createClient({
    url,
    webSocketImpl: WebSocket,
    retryWait: async () => {},  // seconds, by default
    on: {
      connecting: () => emit('connecting'),
      opened: () => emit('open'),
      connected: () => emit('connected'),
      message: ({type}) => emit('message', type),
      error: (error) => emit('error', error.message),
      closed: ({code, reason}) => emit('close', code, reason),
    },
  });
  client.subscribe({query: 'subscription { tick }'}, {
    next: ({data}) => emit('tick', data.tick),
    error: (error) => emit('failed', error.message ?? error.code),
    complete: () => emit('complete'),
  });
}

function runEngine() {
  const socket = new Socket(url, {transports: ['websocket']});
  socket.on('open', () => emit('open'));
  socket.on('packet', ({type}) => emit('message', type));
  socket.on('message', (data) => emit('tick', data));
  socket.on('error', (error) => emit('error', error.message));
  socket.on('close', (how, {context}) => {  // `context`: the WebSocket's event, if there was one
    emit('close', context?.code ?? null, context?.reason ?? null, how);
    runEngine();
  });
}

({ws: runWs, graphql: runGraphql, engine: runEngine})[kind]();
