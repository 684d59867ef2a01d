"""What README.md and drover(8) show is run here, in a network namespace of its own: its ports may be taken outside."""

import json
import re
import shlex
import signal
import subprocess

import pytest
from harness import wait_until
from harness.documents import ROOT, Namespace
from harness.drover import drover_binary

_README = (ROOT / "README.md").read_text(encoding="utf-8")


def _commands(program):
    """README's lines that start with it, comments taken off, as lists of words."""
    lines = re.findall(rf"^{re.escape(program)} .*$", _README, re.MULTILINE)
    return [line.split("#")[0].split() for line in lines]


def _run(command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_the_smallest_configuration_in_the_readme_is_the_file_that_it_names():
    shown = re.search(r"```yaml\n(.*?)```", _README, re.DOTALL).group(1)
    file = (ROOT / "conf/minimal.yaml").read_text(encoding="utf-8")
    assert [line for line in file.splitlines() if line and not line.startswith("#")] == shown.splitlines()


@pytest.mark.parametrize("name", ["minimal.yaml", "drover.yaml"])
def test_configurations_that_ship_are_valid(name):
    done = _run([drover_binary(), "-t", "-c", f"conf/{name}"])
    assert done.returncode == 0, done.stderr


def _manual_commands():
    """The curl commands of drover(8), each as it would be typed."""
    manual = (ROOT / "man/drover.8").read_text(encoding="utf-8").replace(" \\e\n", " ")
    return [shlex.split(line) for line in re.findall(r"^curl .*$", manual, re.MULTILINE)]


def test_commands_of_the_readme_and_the_manual_do_what_they_say():
    commands = _commands("build/release/drover")
    assert [command[1] for command in commands] == ["-t", "-c"]
    check, serve = ([drover_binary(), *command[1:]] for command in commands)
    assert _run(check).returncode == 0
    with Namespace() as namespace, subprocess.Popen(
            [*namespace.inside, *serve], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
            text=True) as drover:
        try:
            wait_until(lambda: " ready " in drover.stderr.readline(), "ready")
            (readme,) = _commands("curl")
            assert '"ready":true' in namespace.run(readme).stdout
            ready, backends, load = [namespace.run(command).stdout for command in _manual_commands()]
            assert ready.startswith("HTTP/1.1 200 ")
            assert [one["name"] for one in json.loads(backends)["pools"][0]["backends"]] == [
                "127.0.0.1:9001", "127.0.0.1:9002"]
            assert json.loads(load) == {"taken": {"cpu": 0.4, "connections": 12.0}, "ignored": 0}
        finally:
            drover.send_signal(signal.SIGTERM)
        assert drover.wait(30) == 0
