"""Clients on python3-websockets that never stop talking, all in one thread: each numbers what it says, and checks that
every reply comes once and in its turn. Some cut their messages into frames, some compress, some ping all the time."""

import asyncio
import contextlib
import json
import threading
import time

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from harness.forms import tls_of, url_of
from harness.waiting import PATIENCE, wait_until

_PADDING = "0123456789abcdef" * 4096


def counted(message):
    """(number, text) of a reply of docs/examples."""
    reply = json.loads(message)
    return reply["n"], reply["echo"]


def echoed(message):
    """(None, text) of a reply that is the message itself, from a server that counts nothing."""
    return None, message


class NumberingClient:
    """`errors` has what should not have happened, `longest` the longest time that a reply took, in s."""

    def __init__(self, number, crowd):
        self.number = number
        self.sent = 0
        self.received = 0
        self.lost = []  # numbers of messages that were never answered although later ones were
        self.errors = []
        self.longest = 0.0
        self._waiting = {}  # when each that has no reply yet was sent, by number
        self._crowd = crowd
        self._socket = None

    def _text(self, count):
        """One in fifty is longer than a read of Drover's."""
        size = 65_000 if count % 50 == 49 else (count * 37) % 300
        return f"{self.number}:{count}:{_PADDING[:size]}"

    async def open(self, url, deflate):
        url = url_of(url)
        extensions = [ClientPerMessageDeflateFactory(True, True)] if deflate else None
        self._socket = await websockets.connect(
            url, ssl=tls_of(url), compression=None, extensions=extensions, open_timeout=PATIENCE, max_size=None,
            ping_interval=0.2 if self.number % 4 == 3 else None, ping_timeout=PATIENCE)
        assert bool(self._socket.extensions) == deflate, self._socket.response_headers

    async def talk(self):
        """Until the crowd stops, and then until everything is answered. Never raises."""
        reading = asyncio.create_task(self._read())
        try:
            await asyncio.sleep(self._crowd.interval * (self.number % 50) / 50)
            while not self._crowd.stopping:
                await self._say()
                await asyncio.sleep(self._crowd.interval)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._answered(), PATIENCE)
        except websockets.ConnectionClosed:
            pass  # the reader notes it
        if not reading.done():
            reading.cancel()
            await self._socket.close()

    async def _say(self):
        self.sent += 1
        text = self._text(self.sent)
        self._waiting[self.sent] = time.monotonic()
        if self.sent % 5 != 0 or not self._crowd.fragments:
            await self._socket.send(text)
            return

        async def pieces():
            third = len(text) // 3 + 1
            for piece in (text[:third], text[third : 2 * third], text[2 * third :]):
                yield piece
                await asyncio.sleep(0.002)
        await self._socket.send(pieces())

    async def _answered(self):
        while self._waiting:
            await asyncio.sleep(0.01)

    async def _read(self):
        try:
            async for message in self._socket:
                self._take(message)
            raise websockets.ConnectionClosedOK(None, None)
        except websockets.ConnectionClosed:
            self.errors.append(f"closed: {self._socket.close_code} {self._socket.close_reason}")

    def _take(self, message):
        try:
            number, text = self._crowd.reading_of(message)
            client, count = map(int, text.split(":")[:2])
        except (ValueError, KeyError, TypeError):
            self.errors.append(f"not a reply: {message[:200]!r}")
            return
        self.received += 1
        if client != self.number or text != self._text(count):
            self.errors.append(f"not what was sent: {text[:50]!r}")
        elif count not in self._waiting:
            self.errors.append(f"repeated, or out of its turn: {count}")
        else:
            self.longest = max(self.longest, time.monotonic() - self._waiting.pop(count))
            earlier = [each for each in self._waiting if each < count]
            self.lost += earlier
            for each in earlier:
                del self._waiting[each]
        if number is not None and number != count:
            self.errors.append(f"the backend's count for {count} is {number}")

    def unanswered(self):
        """How many messages have never got their reply."""
        return len(self.lost) + len(self._waiting)


class NumberingCrowd:
    """`count` clients; `deflating(number)` says which of them compress. Without `fragments` each message is one frame.
    As a context manager it ends them."""

    def __init__(self, url, count, interval=0.25, reading_of=counted, fragments=True, deflating=lambda _: False):
        self.interval, self.reading_of, self.fragments = interval, reading_of, fragments
        self.stopping = False
        self.stalled = 0.0  # the longest time for which this thread did not run when it should have, in s
        self.clients = [NumberingClient(number, self) for number in range(count)]
        self._failure = None
        self._open = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(url, deflating),), daemon=True)
        self._thread.start()
        assert self._open.wait(4 * PATIENCE), "not all clients are connected"
        if self._failure:
            raise self._failure

    async def _run(self, url, deflating):
        try:
            for client in self.clients:
                await client.open(f"{url}/{client.number}", deflating(client.number))
        except Exception as failure:  # for the thread that waits
            self._failure = failure
            return
        finally:
            self._open.set()
        watch = asyncio.create_task(self._watch())
        await asyncio.gather(*(client.talk() for client in self.clients))
        watch.cancel()

    async def _watch(self):
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            self.stalled = max(self.stalled, time.monotonic() - began - 0.01)

    def wait_for_more(self, messages=2):
        """Until each client has got so many more replies, or has lost its connection."""
        before = [client.received for client in self.clients]
        wait_until(lambda: all(client.received >= count + messages or client.errors
                               for client, count in zip(self.clients, before)), "everybody goes on")

    def finish(self):
        """No more is said; once everything is answered, or nothing more comes, the clients."""
        self.stopping = True
        self._thread.join(4 * PATIENCE)
        assert not self._thread.is_alive()
        return self.clients

    def assert_whole(self):
        """finish(), and everything came once and in its turn."""
        for client in self.finish():
            assert not client.errors, (client.number, client.errors[:5])
            assert (client.unanswered(), client.received) == (0, client.sent), (client.number, client.lost[:5])
            assert client.sent > 0

    @property
    def longest(self):
        """The longest time that a reply took, in s."""
        return max(client.longest for client in self.clients)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopping = True
        self._thread.join(4 * PATIENCE)
