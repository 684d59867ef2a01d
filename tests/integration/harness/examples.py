"""docs/examples: the backends of the handoff's contract that the documentation shows, as processes."""

import contextlib
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

from harness.documents import ROOT
from harness.forms import forget, note_server, server_files
from harness.peers import NODE
from harness.waiting import PATIENCE

EXAMPLES = ROOT / "docs/examples"
LANGUAGES = ("py", "mjs")


class ExampleBackend:
    """handoff_backend.py or .mjs. As a context manager it is killed at the end, if it still runs."""

    def __init__(self, language, name, port=0, delay=0, grace=30):
        """`delay`: ms that each of its replies takes. `grace`: its own, s."""
        self.name = name
        self._stack = contextlib.ExitStack()
        command = [sys.executable, str(EXAMPLES / "handoff_backend.py")]
        if language == "mjs":
            command = ["node", str(self._beside_its_modules())]
        files = [f"--{flag}={file}" for flag, file in zip(("cert", "key"), server_files())]
        self.process = subprocess.Popen(
            [*command, f"--port={port}", f"--name={name}", f"--delay={delay}", f"--grace={grace}", *files],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self.process.stdout.readline())["port"]
        self.address = f"127.0.0.1:{self.port}"
        note_server(self.port)

    def _beside_its_modules(self):
        """Node.js looks for packages where the file is: the copy has those of the tests beside it."""
        folder = pathlib.Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="drover-example-")))
        (folder / "node_modules").symlink_to(NODE.parent / "node_modules")
        return shutil.copy(EXAMPLES / "handoff_backend.mjs", folder)

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
