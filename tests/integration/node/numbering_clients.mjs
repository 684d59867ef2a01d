// DroverSockets at numbering_server.mjs that never stop asking and note what they get, by its number:
// node numbering_clients.mjs URL COUNT prints {"open": true} when all are connected. Lines on stdin: "stop" ends the
// requests, and {"complete": true} is printed when each has got all that is for it; "report" prints one, and ends it.
import {once} from 'node:events';
import {monitorEventLoopDelay} from 'node:perf_hooks';
import {createInterface} from 'node:readline';
import WebSocket from 'ws';
import {DroverSocket} from '../../../clients/js/index.js';

const kRequestInterval = 250;  // ms
const kUnwanted = ['migrationfailed', 'reconnecting', 'gaveup', 'error', 'close'];
const [url, count] = process.argv.slice(2);
const emit = (record) => process.stdout.write(JSON.stringify(record) + '\n');
let asking = true;

class Client {
  #answers = [];  // how many there were of each request
  #pushes = [];  // how many came of each push
  #sent = 0;
  #pushed = null;  // as the server says, at the end
  #dropped = 0;
  #events = [];
  #moves = 0;
  #seen = new Set();

  constructor(number) {
    // Half of them get repeats, and drop them.
    this.path = number % 2 === 0 ? `/both/${number}` : `/newest/${number}`;
    const isDuplicate = number % 2 === 0 ? ({data}) => this.#isRepeat(data) : undefined;
    this.socket = new DroverSocket(url + this.path, [], {
      WebSocket, isDuplicate, lingerQuiet: 300, lingerMax: 1000,
      minUptime: 0,  // one drain follows the other: without it, those that have just come would not keep their slots
    });
    for (const type of kUnwanted) this.socket.addEventListener(type, () => this.#events.push(type));
    this.socket.addEventListener('migrated', ({detail}) => {
      ++this.#moves;
      if (!detail.resumed) this.#events.push('not resumed');
    });
    this.socket.onmessage = ({data}) => this.#note(data);
  }

  #isRepeat(data) {
    if (!data.startsWith('p ')) return false;
    const repeat = this.#seen.has(data);
    this.#seen.add(data);
    if (repeat) ++this.#dropped;
    return repeat;
  }

  #note(data) {
    const [kind, text] = data.split(' ');
    const number = Number(text);
    if (kind === 'r') this.#answers[number] = (this.#answers[number] ?? 0) + 1;
    else if (kind === 'p') this.#pushes[number] = (this.#pushes[number] ?? 0) + 1;
    else if (kind === 'end') this.#pushed = number;
    else this.#events.push(data);
    if (!asking) tellIfComplete();
  }

  ask() {
    this.socket.send(`r ${++this.#sent}`);
  }

  get complete() {
    return this.#pushed !== null && this.#missing(this.#answers, this.#sent).length === 0 &&
        this.#missing(this.#pushes, this.#pushed).length === 0;
  }

  #missing(counts, last) {
    const missing = [];
    for (let number = 1; number <= last; ++number) if (!counts[number]) missing.push(number);
    return missing;
  }

  #repeated(counts) {
    return [...counts.keys()].filter((number) => counts[number] > 1);
  }

  get report() {
    return {
      path: this.path, sent: this.#sent, pushed: this.#pushed, dropped: this.#dropped, events: this.#events,
      moves: this.#moves,
      missing: {answers: this.#missing(this.#answers, this.#sent), pushes: this.#missing(this.#pushes, this.#pushed)},
      repeated: {answers: this.#repeated(this.#answers), pushes: this.#repeated(this.#pushes)},
    };
  }
}

function tellIfComplete() {
  if (clients.every((client) => client.complete)) emit({complete: true});
}

const clients = [];
for (let number = 0; number < Number(count); ++number) {
  const client = new Client(number);
  await once(client.socket, 'open');
  clients.push(client);
}
const stalls = monitorEventLoopDelay();
stalls.enable();
emit({open: true});
const timers = clients.map((client, number) => {
  const first = number * kRequestInterval / clients.length;
  const timer = {};
  timer.start = setTimeout(() => { timer.next = setInterval(() => client.ask(), kRequestInterval); }, first);
  return timer;
});
createInterface({input: process.stdin}).on('line', (line) => {
  if (line === 'report') {
    emit({clients: clients.map((client) => client.report), stall: stalls.max / 1e6});
    process.exit(0);
  }
  asking = false;
  for (const {start, next} of timers) {
    clearTimeout(start);
    clearInterval(next);
  }
  tellIfComplete();
});
