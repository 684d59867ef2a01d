"""Drover as a process: its configuration, its logs, its ports, its resources, and its end."""

import http.client
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import tempfile
import threading

from harness.forms import forget, in_form, note_listeners
from harness.waiting import PATIENCE, wait_until

_ROOT = pathlib.Path(__file__).resolve().parents[3]
_LINE = re.compile(r"^\S+Z (?P<level>debug|info|warn|error) (?P<event>\S+) ?(?P<rest>.*)$")
_FIELD = re.compile(r'([\w.-]+)=("(?:[^"\\]|\\.)*"|\S*)')
_RELOAD_OUTCOMES = ("reloaded", "reload_unchanged", "reload_refused")
_SANITIZER = re.compile(r"ERROR: AddressSanitizer|runtime error:|WARNING: ThreadSanitizer|LeakSanitizer")


def drover_binary():
    """The program under test."""
    return os.environ.get("DROVER_BIN", str(_ROOT / "build/release/drover"))


def run_drover(*arguments, timeout=PATIENCE):
    """Runs Drover for something that ends by itself, such as -t. Its output goes to files: a daemon keeps what it was
    redirected to, and a pipe would not end before the daemon does."""
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        done = subprocess.run([drover_binary(), *arguments], stdout=stdout, stderr=stderr, stdin=subprocess.DEVNULL,
                              timeout=timeout, check=False)
        for stream in (stdout, stderr):
            stream.seek(0)
        done.stdout, done.stderr = stdout.read(), stderr.read()
    assert not _SANITIZER.search(done.stderr), done.stderr
    return done


def log_lines(text):
    """The operational log as (level, event, fields)."""
    for line in text.splitlines():
        if match := _LINE.match(line):
            fields = {key: value.strip('"') for key, value in _FIELD.findall(match["rest"])}
            yield match["level"], match["event"], fields


def _with_test_defaults(config):
    """Ports of the kernel's choice, a shutdown that waits for no test's leftovers for long, and no probes where the test
    is not about them: a backend that a test accepts for by hand sees nothing but sessions then."""
    merged = {"workers": 1, "shutdown": {"deadline": "1s", "pace": "100000/s"}, "admin": {"bind": "127.0.0.1:0"}}
    merged.update(config)
    if "listen" not in merged and "listeners" not in merged:
        merged["listen"] = "127.0.0.1:0"
    if "backends" in merged:
        merged = {"health_check": {"interval": "0s"}} | merged
    if "pools" in merged:
        merged["pools"] = {name: {"health_check": {"interval": "0s"}} | pool for name, pool in merged["pools"].items()}
    return merged


class _Collector(threading.Thread):
    """Reads a pipe to its end, so that the process never blocks on it."""

    def __init__(self, pipe):
        super().__init__(daemon=True)
        self._pipe = pipe
        self._chunks = []
        self.start()

    def run(self):
        for line in self._pipe:
            self._chunks.append(line)

    def text(self):
        return "".join(self._chunks)

    def lines(self, first):
        """The whole lines from that number on."""
        lines = self._chunks[first:]
        return lines if not lines or lines[-1].endswith("\n") else lines[:-1]


class Drover:
    """A running Drover. As a context manager it must end cleanly: exit code 0, no sanitizer report."""

    def __init__(self, config=None, arguments=(), descriptors=None, environment=None):
        """`config`: as in the file, none where `arguments` say it all. `descriptors`: RLIMIT_NOFILE, soft and hard.
        `environment`: what it has beyond ours."""
        self._directory = tempfile.TemporaryDirectory(prefix="drover-test-")
        self.directory = pathlib.Path(self._directory.name)
        command = [drover_binary(), *arguments]
        if config is not None:
            self.config_file = self.directory / "drover.yaml"
            config = self.rewrite(config)
            command += ["-c", str(self.config_file)]

        def limit():
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, descriptors)

        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=limit, env=os.environ | (environment or {}))
        self.pid = self.process.pid
        self._stdout = _Collector(self.process.stdout)
        self._stderr = _Collector(self.process.stderr)
        self._sessions, self._lines_parsed = [], 0
        self._reloads, self._log_lines_parsed = [], 0
        try:
            wait_until(lambda: self.events("ready") or self.process.poll() is not None, "drover is ready")
            assert self.process.poll() is None, f"drover ended: {self.log()}"
        except AssertionError:
            self.process.kill()
            raise
        self.ports = [int(fields["address"].rsplit(":", 1)[1]) for fields in self.events("listening")]
        self.port = self.ports[0]
        listeners = (config or {}).get("listeners", ())
        note_listeners(port for port, listener in zip(self.ports, listeners) if "tls" in listener)
        admin = self.events("admin_listening")
        self.admin_port = int(admin[0]["address"].rsplit(":", 1)[1]) if admin else None

    def rewrite(self, config):
        """What its file says from now on, with the tests' defaults. Drover is not told."""
        config = in_form(_with_test_defaults(config))
        self.write_file(json.dumps(config, indent=2))
        return config

    def write_file(self, text):
        """The whole file, at once: Drover may be reading it."""
        draft = self.config_file.with_suffix(".draft")
        draft.write_text(text)
        draft.rename(self.config_file)

    def reload(self, config=None):
        """SIGHUP, once the file says `config` where it is given. (event, its fields) of what came of it: "reloaded",
        "reload_unchanged", or the first "reload_refused"."""
        if config is not None:
            self.rewrite(config)
        before = len(self.reloads())
        self.signal(signal.SIGHUP)
        return wait_until(lambda: self.reloads()[before:], "it is told what came of a reload")[0]

    def reloads(self):
        """(event, its fields) of what came of all reloads so far."""
        lines = self._stderr.lines(self._log_lines_parsed)
        self._log_lines_parsed += len(lines)
        self._reloads += [(event, fields) for _, event, fields in log_lines("".join(lines))
                          if event in _RELOAD_OUTCOMES]
        return list(self._reloads)

    def log(self):
        """The operational log so far."""
        return self._stderr.text()

    def output(self):
        """Everything on stdout so far."""
        return self._stdout.text()

    def events(self, name):
        """The fields of every log line of that event."""
        return [fields for _, event, fields in log_lines(self.log()) if event == name]

    def sessions(self):
        """The access lines so far."""
        lines = self._stdout.lines(self._lines_parsed)
        self._lines_parsed += len(lines)
        records = [json.loads(line) for line in lines if line.startswith("{")]
        self._sessions += [record for record in records if record.get("event") == "session"]
        return list(self._sessions)

    def wait_for_sessions(self, count=1):
        """The access lines, once there are that many."""
        wait_until(lambda: len(self.sessions()) >= count, f"{count} access lines")
        return self.sessions()

    def session(self):
        """The only access line."""
        (record,) = self.wait_for_sessions(1)
        return record

    def admin(self, path, method="GET", body=None):
        """(status, body as JSON where it is) of the admin server. What is sent is JSON of `body`, if anything."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=PATIENCE)
        try:
            connection.request(method, path, body=None if body is None else json.dumps(body))
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        try:
            return answer.status, json.loads(body)
        except ValueError:
            return answer.status, body.decode()

    def connections(self):
        """How many clients it has accepted and not yet let go of."""
        return self.admin("/health")[1]["checks"]["connection_pool"]["active_connections"]

    def backends(self, pool="default"):
        """What the admin port tells of a pool's backends, by name."""
        status, body = self.admin("/api/v1/backends")
        assert status == 200, body
        (found,) = [entry for entry in body["pools"] if entry["name"] == pool]
        return {backend["name"]: backend for backend in found["backends"]}

    def descriptors(self):
        """How many it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self):
        """User and system time so far."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=PATIENCE):
        """Its exit code; its pipes have been read to their ends."""
        code = self.process.wait(timeout)
        self._stdout.join(PATIENCE)
        self._stderr.join(PATIENCE)
        return code

    def stop(self):
        """SIGTERM where it still runs; it must end with 0."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                code = self.wait()
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise AssertionError(f"SIGTERM did not end drover:\n{self.log()}") from None
            assert code == 0, f"exit code {code}:\n{self.log()}"
        self.wait()
        forget(*self.ports)
        self._directory.cleanup()
        assert not _SANITIZER.search(self.log()), self.log()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
