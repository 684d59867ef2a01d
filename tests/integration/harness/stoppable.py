"""Backends as processes that are stopped as a deployment stops them: those of docs/examples, which know the handoff's
contract, and echo servers that know nothing of it."""

import contextlib
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

from harness.documents import ROOT
from harness.forms import forget, note_server, server_files
from harness.peers import NODE
from harness.waiting import PATIENCE

EXAMPLES = ROOT / "docs/examples"
_PEERS = ROOT / "tests/integration/peers"
LANGUAGES = ("py", "mjs")


class _Process:
    """It prints {"port": N} first. As a context manager it is killed at the end, if it still runs."""

    def __init__(self, name, command, cleanup=None):
        self.name = name
        self._stack = contextlib.ExitStack() if cleanup is None else cleanup
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self.process.stdout.readline())["port"]
        self.address = f"127.0.0.1:{self.port}"
        note_server(self.port)

    def terminate(self):
        """SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    def wait(self, timeout=PATIENCE):
        """Its exit code."""
        return self.process.wait(timeout)

    def kill(self):
        """SIGKILL where it still runs, and gone when this returns."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        forget(self.port)
        self._stack.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


class ExampleBackend(_Process):
    """handoff_backend.py or .mjs."""

    def __init__(self, language, name, port=0, delay=0, grace=30):
        """`delay`: ms that each of its replies takes. `grace`: its own, s."""
        cleanup = contextlib.ExitStack()
        command = [sys.executable, str(EXAMPLES / "handoff_backend.py")]
        if language == "mjs":
            command = ["node", str(_beside_its_modules(EXAMPLES / "handoff_backend.mjs", cleanup))]
        files = [f"--{flag}={file}" for flag, file in zip(("cert", "key"), server_files())]
        super().__init__(name, [*command, f"--port={port}", f"--name={name}", f"--delay={delay}", f"--grace={grace}",
                                *files], cleanup)


def _beside_its_modules(file, cleanup):
    """Node.js looks for packages where the file is: the copy has those of the tests beside it."""
    folder = pathlib.Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="drover-example-")))
    (folder / "node_modules").symlink_to(NODE.parent / "node_modules")
    return shutil.copy(file, folder)


class EchoBackend(_Process):
    """An echo server on python3-websockets or npm `ws` as anybody would write it (peers/slow_echo_server.py,
    node/slow_echo_server.mjs)."""

    def __init__(self, language, name, port=0, delay=50, code=1001, tick=0):
        """`delay`: ms that each of its replies takes at most. `code`: of its Close at SIGTERM. `tick`: ms between the
        numbers that it tells everybody, 0 for none; at any moment every server has the same one."""
        command = {"py": [sys.executable, str(_PEERS / "slow_echo_server.py")],
                   "mjs": ["node", str(NODE / "slow_echo_server.mjs")]}[language]
        super().__init__(name, [*command, *map(str, (port, delay, code, tick)), *server_files()])


class Fleet:
    """Backends by name, each made by `make(name, port)`, and restarted one after the other as a deployment does it."""

    def __init__(self, names, make):
        self._make = make
        self.backends = {name: make(name, 0) for name in names}

    @property
    def config(self):
        """What Drover's configuration says of them."""
        return [{"name": name, "address": backend.address} for name, backend in self.backends.items()]

    def restart(self, name):
        """SIGTERM; when it has gone by itself, another one on its port."""
        backend = self.backends[name]
        backend.terminate()
        backend.wait()
        backend.kill()
        self.backends[name] = self._make(name, backend.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        threads = [threading.Thread(target=backend.kill) for backend in self.backends.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
