// Plays scenarios (JSON on stdin, a line each, see harness/peers.py) with npm `ws` as the client, one after the other,
// and prints the transcript of each as a line.
import {createHash, createHmac} from 'node:crypto';
import {once} from 'node:events';
import {createInterface} from 'node:readline';
import WebSocket from 'ws';

// The same bytes for the same step in every run.
function payload(step, index) {
  if ('literal' in step) return Buffer.from(step.literal);
  const block = createHmac('sha512', String(index)).update(step.send).digest();
  const pattern = step.send === 'text' ? Buffer.from(block.toString('hex')) : block;
  return Buffer.alloc(step.size, pattern);
}

class Player {
  transcript = [];
  #inbox = [];
  #wake = () => {};
  #closed = null;
  #socket;

  constructor({url, subprotocols, deflate}) {
    this.#socket = new WebSocket(url, subprotocols ?? [], {
      perMessageDeflate: deflate ? {threshold: 0} : false,
      maxPayload: 64 << 20,
    });
    this.#socket.on('message', (data, isBinary) => {
      const digest = createHash('sha256').update(data).digest('hex');
      this.#inbox.push([isBinary ? 'binary' : 'text', data.length, digest]);
      this.#wake();
    });
    this.#socket.on('close', (code, reason) => {
      this.#closed = ['close', code, reason.toString()];
      this.#wake();
    });
    this.#socket.on('error', (error) => {
      if (this.#socket.readyState === WebSocket.CONNECTING) throw error;
    });
  }

  async open() {
    await once(this.#socket, 'open');
    this.transcript.push(['open', this.#socket.protocol || null, this.#socket.extensions || null]);
  }

  async play(step, index) {
    if ('send' in step) {
      this.#send(step, index);
    } else if ('receive' in step) {
      await this.#until(() => this.#inbox.length >= step.receive || this.#closed);
      for (const message of this.#inbox.splice(0, step.receive)) this.transcript.push(['message', ...message]);
    } else if ('ping' in step) {
      const pong = once(this.#socket, 'pong');
      this.#socket.ping(step.ping);
      this.transcript.push(['pong', (await pong)[0].toString()]);
    } else {
      if (step.close) this.#socket.close(...step.close);
      await this.#until(() => this.#closed);
      this.transcript.push(this.#closed);
    }
  }

  #send(step, index) {
    const data = payload(step, index);
    const binary = step.send === 'binary';
    const fragments = step.fragments ?? 1;
    const size = Math.ceil(data.length / fragments);
    for (let part = 0; part < fragments; ++part) {
      this.#socket.send(data.subarray(part * size, (part + 1) * size), {binary, fin: part === fragments - 1});
    }
  }

  async #until(condition) {
    while (!condition()) await new Promise((resolve) => { this.#wake = resolve; });
  }
}

for await (const line of createInterface({input: process.stdin})) {
  const scenario = JSON.parse(line);
  const player = new Player(scenario);
  await player.open();
  for (const [index, step] of scenario.steps.entries()) await player.play(step, index);
  process.stdout.write(`${JSON.stringify(player.transcript)}\n`);
}
