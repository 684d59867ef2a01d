"""What README.md and drover(8) show is run here, in a network namespace of its own: its ports may be taken outside."""

import contextlib
import json
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys

import pytest
from harness import wait_until
from harness.drover import drover_binary

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_README = (_ROOT / "README.md").read_text(encoding="utf-8")
_SERVER = pathlib.Path(__file__).resolve().parent / "peers/reporting_server.py"
_NAMESPACE = ["unshare", "--net"]


def _commands(program):
    """README's lines that start with it, comments taken off, as lists of words."""
    lines = re.findall(rf"^{re.escape(program)} .*$", _README, re.MULTILINE)
    return [line.split("#")[0].split() for line in lines]


def _run(command):
    return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_the_smallest_configuration_in_the_readme_is_the_file_that_it_names():
    shown = re.search(r"```yaml\n(.*?)```", _README, re.DOTALL).group(1)
    file = (_ROOT / "conf/minimal.yaml").read_text(encoding="utf-8")
    assert [line for line in file.splitlines() if line and not line.startswith("#")] == shown.splitlines()


@pytest.mark.parametrize("name", ["minimal.yaml", "drover.yaml"])
def test_configurations_that_ship_are_valid(name):
    done = _run([drover_binary(), "-t", "-c", f"conf/{name}"])
    assert done.returncode == 0, done.stderr


def _manual_commands():
    """The curl commands of drover(8), each as it would be typed."""
    manual = (_ROOT / "man/drover.8").read_text(encoding="utf-8").replace(" \\e\n", " ")
    return [shlex.split(line) for line in re.findall(r"^curl .*$", manual, re.MULTILINE)]


@contextlib.contextmanager
def _namespace_with_backends():
    """How a command gets into a network namespace where two backends listen as in the smallest configuration."""
    script = 'ip link set lo up && echo up && exec sleep infinity'
    with contextlib.ExitStack() as stack:
        holder = stack.enter_context(subprocess.Popen([*_NAMESPACE, "sh", "-c", script], stdout=subprocess.PIPE))
        stack.callback(holder.kill)
        holder.stdout.readline()
        inside = ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
        for port in ("9001", "9002"):
            server = stack.enter_context(subprocess.Popen(
                [*inside, sys.executable, str(_SERVER), port], stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            stack.callback(server.kill)
            server.stdout.readline()
        yield inside


def test_commands_of_the_readme_and_the_manual_do_what_they_say():
    if _run([*_NAMESPACE, "true"]).returncode != 0 or not shutil.which("ip"):
        pytest.skip("needs root, for a network namespace")
    commands = _commands("build/release/drover")
    assert [command[1] for command in commands] == ["-t", "-c"]
    check, serve = ([drover_binary(), *command[1:]] for command in commands)
    assert _run(check).returncode == 0
    with _namespace_with_backends() as inside, subprocess.Popen(
            [*inside, *serve], cwd=_ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as drover:
        try:
            wait_until(lambda: " ready " in drover.stderr.readline(), "ready")
            (readme,) = _commands("curl")
            assert '"ready":true' in _run([*inside, *readme]).stdout
            ready, backends, load = [_run([*inside, *command]).stdout for command in _manual_commands()]
            assert ready.startswith("HTTP/1.1 200 ")
            assert [one["name"] for one in json.loads(backends)["pools"][0]["backends"]] == [
                "127.0.0.1:9001", "127.0.0.1:9002"]
            assert json.loads(load) == {"taken": {"cpu": 0.4, "connections": 12.0}, "ignored": 0}
        finally:
            drover.send_signal(signal.SIGTERM)
        assert drover.wait(30) == 0
