// Plays a scenario (JSON on stdin, see harness/peers.py) with npm `ws` as the client and prints its transcript.
import {createHash, createHmac} from 'node:crypto';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import WebSocket from 'ws';

const scenario = JSON.parse(readFileSync(0, 'utf8'));
const socket = new WebSocket(scenario.url, scenario.subprotocols ?? [], {
  perMessageDeflate: scenario.deflate ? {threshold: 0} : false,
  maxPayload: 64 << 20,
});
const transcript = [];
const inbox = [];
let wake = () => {};
let closed = false;

socket.on('message', (data, isBinary) => {
  inbox.push([isBinary ? 'binary' : 'text', data.length, createHash('sha256').update(data).digest('hex')]);
  wake();
});
socket.on('close', (code, reason) => {
  closed = ['close', code, reason.toString()];
  wake();
});
socket.on('error', (error) => {
  if (socket.readyState === WebSocket.CONNECTING) throw error;
});

// The same bytes for the same step in every run.
function payload(step, index) {
  if ('literal' in step) return Buffer.from(step.literal);
  const block = createHmac('sha512', String(index)).update(step.send).digest();
  const pattern = step.send === 'text' ? Buffer.from(block.toString('hex')) : block;
  return Buffer.alloc(step.size, pattern);
}

function send(step, index) {
  const data = payload(step, index);
  const binary = step.send === 'binary';
  const fragments = step.fragments ?? 1;
  const size = Math.ceil(data.length / fragments);
  for (let part = 0; part < fragments; ++part) {
    socket.send(data.subarray(part * size, (part + 1) * size), {binary, fin: part === fragments - 1});
  }
}

async function receive(count) {
  while (inbox.length < count && !closed) await new Promise((resolve) => { wake = resolve; });
  for (const message of inbox.splice(0, count)) transcript.push(['message', ...message]);
}

async function play(step, index) {
  if ('send' in step) {
    send(step, index);
  } else if ('receive' in step) {
    await receive(step.receive);
  } else if ('ping' in step) {
    const pong = once(socket, 'pong');
    socket.ping(step.ping);
    transcript.push(['pong', (await pong)[0].toString()]);
  } else {
    if (step.close) socket.close(...step.close);
    while (!closed) await new Promise((resolve) => { wake = resolve; });
    transcript.push(closed);
  }
}

await once(socket, 'open');
transcript.push(['open', socket.protocol || null, socket.extensions || null]);
for (const [index, step] of scenario.steps.entries()) await play(step, index);
process.stdout.write(JSON.stringify(transcript));
process.exit(0);
