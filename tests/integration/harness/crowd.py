"""Many clients of one Drover, each read by a thread that notes when which frame came."""

import json
import threading
import time

from harness.frames import CLOSE, TEXT, client_frame, close_body
from harness.raw import connect, upgrade_request
from harness.waiting import wait_until


class Member:
    """One client. It answers a Close and is over with the end of its connection."""

    def __init__(self, port, request):
        self.stream = connect(port, request)
        self.head = self.stream.read_head()
        self.frames = []  # (when, frame)
        self._thread = threading.Thread(target=self._read, daemon=True)

    @property
    def backend(self):
        """Who answered it: AnsweringBackend's name."""
        return dict(self.head.headers).get("X-Backend")

    def start(self):
        self._thread.start()

    def _read(self):
        try:
            while self.stream.buffer or self.stream.fill():
                frame = self.stream.read_frame()
                self.frames.append((time.monotonic(), frame))
                if frame.opcode == CLOSE:
                    self.stream.send_if_open(client_frame(CLOSE, close_body(frame.close_code or 1000)))
        except (AssertionError, OSError):
            pass  # the end of the test
        self.stream.close()

    @property
    def over(self):
        return not self._thread.is_alive()

    def leave(self):
        """Its own Close."""
        self.stream.send_if_open(client_frame(CLOSE, close_body(1000)))

    @property
    def closing(self):
        """(when, frame) of the Close that it got; None so far."""
        return next((each for each in list(self.frames) if each[1].opcode == CLOSE), None)

    @property
    def told(self):
        """(when, message) of the JSON text that it got, None so far."""
        return next(((when, json.loads(frame.payload)) for when, frame in list(self.frames) if frame.opcode == TEXT),
                    None)


class Crowd:
    """`count` clients, connected one after the other."""

    def __init__(self, drover, count, *headers, path="/chat"):
        self.members = [Member(drover.port, upgrade_request(path, *headers)) for _ in range(count)]
        for member in self.members:
            assert member.head.status == 101, member.head
            member.start()

    def on(self, backend):
        return [member for member in self.members if member.backend == backend]

    def close(self):
        for member in self.members:
            member.stream.close()


def wait_for_closes(members):
    """Their times, in order."""
    wait_until(lambda: all(member.closing for member in members), "everybody has its Close")
    return sorted(member.closing[0] for member in members)


def most_in_a_second(times):
    """How many there are in the fullest sliding second."""
    return max((sum(1 for other in times if 0 <= other - time < 1) for time in times), default=0)
