"""Chromium without a window, told over its DevTools what to run. It trusts the default certificate, by its key."""

import asyncio
import base64
import hashlib
import itertools
import json
import os
import signal
import subprocess
import tempfile
import threading

import websockets
from cryptography.hazmat.primitives import serialization

from harness.certificates import defaults
from harness.waiting import PATIENCE


class Browser:
    """One page, in a profile of its own."""

    def __init__(self):
        self._profile = tempfile.TemporaryDirectory(prefix="drover-chromium-", ignore_cleanup_errors=True)
        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--remote-debugging-port=0", "--no-proxy-server",
             "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run",
             f"--user-data-dir={self._profile.name}", f"--ignore-certificate-errors-spki-list={_key_digest()}",
             "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            start_new_session=True)
        self._numbers = itertools.count(1)
        try:
            self._devtools = self._find_devtools()
        except AssertionError:
            self.close()
            raise
        # What it says later, somebody has to take.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def _find_devtools(self):
        said = []
        for line in self.process.stderr:
            said.append(line)
            if line.startswith("DevTools listening on "):
                return line.split()[-1]
        raise AssertionError("chromium ended: " + "".join(said))

    def visit(self, url):
        """Has the page load that URL; what ran in it before is gone."""
        asyncio.run(asyncio.wait_for(self._visit(url), 4 * PATIENCE))

    async def _visit(self, url):
        async with self._connect() as devtools:
            session = await self._attach(devtools)
            answer = await self._ask(devtools, "Page.navigate", session=session, url=url)
        assert "errorText" not in answer, answer

    def run(self, script):
        """The value that the body of an async function returns, or an AssertionError with what it threw."""
        return asyncio.run(asyncio.wait_for(self._run(script), 4 * PATIENCE))

    async def _run(self, script):
        async with self._connect() as devtools:
            answer = await self._ask(
                devtools, "Runtime.evaluate", session=await self._attach(devtools), awaitPromise=True,
                returnByValue=True, expression=f"(async () => {{ {script} }})()")
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def _connect(self):
        return websockets.connect(self._devtools, max_size=None, ping_interval=None, compression=None)

    async def _attach(self, devtools):
        """The id of a DevTools session with the page."""
        targets = await self._ask(devtools, "Target.getTargets")
        page = next(target for target in targets["targetInfos"] if target["type"] == "page")
        attached = await self._ask(devtools, "Target.attachToTarget", targetId=page["targetId"], flatten=True)
        return attached["sessionId"]

    async def _ask(self, devtools, method, session=None, **parameters):
        number = next(self._numbers)
        question = {"id": number, "method": method, "params": parameters}
        await devtools.send(json.dumps(question | ({"sessionId": session} if session else {})))
        while True:
            answer = json.loads(await devtools.recv())
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)  # its helpers with it
        self.process.wait()
        self._profile.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _key_digest():
    """Of the default certificate's public key, as Chromium wants it."""
    key = defaults().server.certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()
