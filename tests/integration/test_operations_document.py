"""Every command of docs/operations.md is run, on a Drover that has had a bad night, and every expression and alert is
read by Prometheus's own tool."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess

import pytest
from harness import KEY, documented_types, wait_until
from harness.documents import ROOT, Namespace, check_json, check_text, commands, sections
from harness.drover import drover_binary

_TEXT = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
_SECTIONS = sections(_TEXT)
_BLOCKS = [block for blocks in _SECTIONS.values() for block in blocks]
_RUN = [name for name, blocks in _SECTIONS.items() if any(block.language == "sh" for block in blocks)]
_RUNNING, _ENDED = "18a7707042d403fb", "dc9b854ca26df6c7"  # sessions in the examples
_CONFIGURATION = """
listen: ":8080"
routes: [{pool: chat}]
pools:
  chat:
    policy: round_robin
    health_check: {interval: 100ms, fall: 1}
    backends: [{name: web-1, address: "127.0.0.1:9001"}, {name: web-2, address: "127.0.0.1:9002"}]
shutdown: {pace: 100000/s}
"""


class _Night:
    """Drover in a namespace, with sessions that run, have ended, or were lost with a backend, and one refused."""

    def __init__(self, namespace, directory):
        self._namespace, self._directory = namespace, directory
        self._access, self.log = directory / "access.log", directory / "drover.log"
        (directory / "drover.yaml").write_text(
            f'{_CONFIGURATION}log: {{access: "{self._access}"}}\n', encoding="utf-8")
        (directory / "drover").symlink_to(drover_binary())
        self._process = None

    def __enter__(self):
        with self.log.open("w") as stderr:
            self._process = subprocess.Popen(
                [*self._namespace.inside, drover_binary(), "-c", str(self._directory / "drover.yaml"), "--pidfile",
                 str(self._directory / "drover.pid")], stderr=stderr, stdout=subprocess.DEVNULL)
        with contextlib.ExitStack() as stack:
            stack.callback(self._end)
            self._go_wrong()
            stack.pop_all()
        return self

    def _go_wrong(self):
        wait_until(lambda: self.log.read_text().count(" backend_up ") == 2, "both backends are up")
        leaving = self._namespace.open_clients(2)
        leaving.stdin.close()
        self._namespace.open_clients(4)
        assert "426" in self._namespace.run("curl -si http://127.0.0.1:8080/").stdout
        self._namespace.backends[1].kill()
        wait_until(lambda: len(self.records()) == 2 + 2 + 1, "five lines in the access log")
        wait_until(lambda: " backend_down " in self.log.read_text(), "web-2 is down")

    def mend(self):
        """web-2 is back."""
        self._namespace.restart_backend(1)
        wait_until(lambda: self.log.read_text().count(" backend_up ") == 3, "web-2 is up again")

    def records(self):
        """The access log."""
        return [json.loads(line) for line in self._access.read_text().splitlines()]

    def rotated(self):
        """Whether the access log was renamed, and is there again."""
        return self._access.exists() and (self._directory / "access.log.1").exists()

    def run(self, command):
        """What it prints, as at the places of the document and with sessions that there are; it has to succeed."""
        if _RUNNING in command:
            page = self._namespace.run("curl -s 'http://127.0.0.1:9900/api/v1/sessions?limit=1'").stdout
            command = command.replace(_RUNNING, json.loads(page)["sessions"][0]["id"])
        command = command.replace(_ENDED, self.records()[0]["id"] if _ENDED in command else "")
        command = command.replace("/var/log/drover/", f"{self._directory}/").replace("/run/", f"{self._directory}/")
        path = f"{self._directory}:{os.environ['PATH']}"
        done = self._namespace.run(command, env=os.environ | {"PATH": path})
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def _end(self):
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(30)
        finally:
            self._process.kill()

    def __exit__(self, *_):
        assert self._end() == 0, self.log.read_text()


@pytest.mark.parametrize("section", _RUN)
def test_commands_answer_as_the_document_says(section, tmp_path):
    with Namespace() as namespace, _Night(namespace, tmp_path) as night:
        if "drain" in "".join(block.text for block in _SECTIONS[section]):
            night.mend()  # its sessions need somebody to go to
        printed = None
        for block in _SECTIONS[section]:
            if block.language == "sh":
                for command, _ in commands(block):
                    printed = night.run(command)
                    assert printed or "kill -USR1" in command, f"{command} prints nothing"
            elif block.language == "json":
                check_json(block.text, printed)
            elif block.language == "text":
                check_text(block.text, printed)
        if "rotated" in section:
            wait_until(night.rotated, "the access log is there again")
            wait_until(lambda: " logs_reopened " in night.log.read_text(), "Drover says so")


def test_maintenance_keeps_sessions_and_gives_no_new_ones(tmp_path):
    with Namespace() as namespace, _Night(namespace, tmp_path) as night:
        night.run("drover ctl maintenance chat/web-1")
        active = 'drover_backend_active{pool="chat",backend="web-1"} 2'
        assert active in night.run("curl -sf http://127.0.0.1:9900/metrics")
        headers = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                   f"Sec-WebSocket-Key: {KEY}"]
        refused = namespace.run(["curl", "-si", "http://127.0.0.1:8080/"] + [f"-H{header}" for header in headers])
        assert " 503 " in refused.stdout


def test_every_question_is_answered_by_its_first_line():
    for question, blocks in _SECTIONS.items():
        if question:
            opening = _TEXT.split(f"## {question}\n\n", 1)[1]
            assert opening.startswith(f"```{blocks[0].language}\n"), question
            assert blocks[0].language == "yaml" or len(blocks[0].text.splitlines()) == 1, question


def test_no_command_and_no_answer_is_left_out():
    run = [command for block in _BLOCKS if block.language == "sh" for command, _ in commands(block)]
    assert len(re.findall(r"\bcurl\b", _TEXT)) == sum(command.count("curl ") for command in run)
    for blocks in _SECTIONS.values():
        for before, block in zip([None, *blocks], blocks):
            assert block.language in ("sh", "json", "text", "promql", "yaml")
            assert block.language not in ("json", "text") or before.language == "sh", f"whose answer is {block.text}?"
    assert _TEXT.count("```") == 2 * len(_BLOCKS)
    typed = re.findall(r"`(drover ctl [^`]+|tail [^`]+)`", _TEXT)
    assert set(typed) <= {"drover ctl status", "tail /var/log/drover/drover.log"}


def test_reasons_are_those_that_there_are():
    source = (ROOT / "src/observe/outcome.cc").read_text(encoding="utf-8")
    names = re.findall(r'case Why::k\w+: return "(\w+)";', source)
    assert names and sorted(re.findall(r"^\| `(\w+)` \|", _TEXT, re.MULTILINE)) == sorted(names)


def _check_rules(tmp_path, text):
    file = tmp_path / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    promtool = shutil.which("promtool")
    assert promtool, "package prometheus is missing: scripts/setup test"
    done = subprocess.run([promtool, "check", "rules", str(file)], capture_output=True, text=True, timeout=30,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_expressions_are_good(tmp_path):
    expressions = [line for block in _BLOCKS if block.language == "promql" for line in block.text.splitlines()]
    rules = [{"record": f"documented:{number}", "expr": line} for number, line in enumerate(expressions)]
    _check_rules(tmp_path, json.dumps({"groups": [{"name": "documented", "rules": rules}]}))


def test_alerts_are_good(tmp_path):
    alerts = [block.text for block in _BLOCKS if block.language == "yaml"]
    assert alerts and all("alert:" in text for text in alerts)
    for text in alerts:
        _check_rules(tmp_path, text)


def test_metrics_are_those_that_there_are():
    text = "".join(block.text for block in _BLOCKS if block.language in ("promql", "yaml", "text"))
    endings = {"histogram": ("_bucket", "_sum", "_count")}
    known = {metric + ending for metric, kind in documented_types().items() for ending in endings.get(kind, ("",))}
    assert set(re.findall(r"\bdrover_\w+", text)) <= known
