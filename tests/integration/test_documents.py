"""What README.md shows is run here, in a network namespace of its own: its ports may be taken outside."""

import pathlib
import re
import shutil
import signal
import subprocess

import pytest
from harness import wait_until
from harness.drover import drover_binary

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_README = (_ROOT / "README.md").read_text(encoding="utf-8")
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


def test_commands_of_the_readme_do_what_it_says():
    if _run([*_NAMESPACE, "true"]).returncode != 0 or not shutil.which("ip"):
        pytest.skip("needs root, for a network namespace")
    commands = _commands("build/release/drover")
    assert [command[1] for command in commands] == ["-t", "-c"]
    check, serve = ([drover_binary(), *command[1:]] for command in commands)
    assert _run(check).returncode == 0
    script = 'ip link set lo up && exec "$@"'
    with subprocess.Popen([*_NAMESPACE, "sh", "-c", script, "sh", *serve], cwd=_ROOT, stderr=subprocess.PIPE,
                          stdout=subprocess.DEVNULL, text=True) as drover:
        try:
            wait_until(lambda: " ready " in drover.stderr.readline(), "ready")
            for command in _commands("curl"):
                inside = _run(["nsenter", f"--net=/proc/{drover.pid}/ns/net", *command])
                assert inside.returncode == 0 and '"ready":true' in inside.stdout, inside.stderr
        finally:
            drover.send_signal(signal.SIGTERM)
        assert drover.wait(30) == 0
