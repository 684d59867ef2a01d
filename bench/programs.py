"""The programs of a measurement: started on the CPUs they are given, ended with their context; and their memory.

All programs of ours are in a build folder: drover, and bench/drover-bench-{backend,load,relay}. HAProxy and nginx are
Debian's. Nothing here logs traffic unless told to."""

import contextlib
import ctypes
import http.client
import json
import os
import pathlib
import re
import resource
import select
import signal
import socket
import subprocess
import tempfile
import time

HAPROXY, NGINX = "/usr/sbin/haproxy", "/usr/sbin/nginx"  # Debian's
_PATIENCE = 60.0
_SESSIONS = 8_000  # that HAProxy and nginx are to have room for
_LISTEN = "0A"  # the state of such a socket in /proc/net/tcp
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class Failure(Exception):
    """What went wrong, as a sentence."""


def output_of(program):
    """What the program prints, which is to end well."""
    try:
        return subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as failure:
        raise Failure(f"{program}: {failure}") from failure


def wait_until(condition, what, timeout=_PATIENCE):
    """Polls until `condition()` is true and returns what it returned."""
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise Failure(f"not within {timeout:g} s: {what}")
        time.sleep(0.02)
    return result


class Certificate:
    """A P-256 key and what it certifies itself, in a folder: all proxies have the same."""

    def __init__(self, folder):
        self.cert, self.key, self.bundle = (folder / f"{name}.pem" for name in ("cert", "key", "bundle"))
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                   "7", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:*.localhost", "-keyout", self.key,
                   "-out", self.cert]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=_PATIENCE, check=False)
        if done.returncode != 0:
            raise Failure(f"openssl made no certificate: {done.stdout.strip()}")
        self.bundle.write_bytes(self.cert.read_bytes() + self.key.read_bytes())


def private_memory(pid):
    """Pss_Anon: the bytes that this process alone accounts for, heap and stacks."""
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return int(re.search(r"^Pss_Anon:\s+(\d+) kB", rollup, re.M)[1]) * 1024


def cpu_seconds(pid):
    """On a CPU so far, all threads together."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9


def main_thread_cpu_seconds(pid):
    """On a CPU so far, the thread that the process began with: of a Drover, its supervisor."""
    return int(pathlib.Path(f"/proc/{pid}/task/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


def sockets(pid):
    """The inodes of the sockets that it has open."""
    inodes = set()
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since
            if (target := os.readlink(descriptor)).startswith("socket:"):
                inodes.add(target[len("socket:["):-1])
    return inodes


def listens(pid, port):
    """Whether it is this very process that listens there (IPv4)."""
    own = sockets(pid)
    for line in pathlib.Path(f"/proc/{pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTEN and int(fields[1].split(":")[1], 16) == port and fields[9] in own:
            return True
    return False


def free_port():
    """A port for a program that cannot take one of the kernel's choice itself. Another may take it first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Program:
    """A process of the run, on `cpus` alone if they are given. Leaving the context, or our own end, sends it SIGTERM.
    """

    def __init__(self, *command, cpus=None, **options):
        def prepare():
            # Drover raises the soft limit itself; the others may rely on this.
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if cpus:
                os.sched_setaffinity(0, cpus)

        # Unbuffered: else line() could leave a second line behind where select() does not see it.
        self.process = subprocess.Popen([str(part) for part in command], bufsize=0, preexec_fn=prepare,
                                        **{"stdin": subprocess.DEVNULL, **options})
        self.pid = self.process.pid

    def line(self, timeout=_PATIENCE, meanwhile=lambda: None):
        """The next line of its stdout, "" at the end. Calls `meanwhile` now and then."""
        deadline = time.monotonic() + timeout
        while not select.select([self.process.stdout], [], [], 0.5)[0]:
            meanwhile()
            if time.monotonic() > deadline:
                raise Failure(f"{self.process.args[0]} was silent for {timeout:g} s")
        return self.process.stdout.readline().decode()

    def listening(self):
        """The address that the next line names."""
        words = self.line().split()
        if len(words) != 2 or words[0] != "listening":
            raise Failure(f"{self.process.args[0]} did not say where it listens")
        return words[1]

    def stop(self):
        """Its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure(f"{self.process.args[0]} did not end on SIGTERM") from None
        finally:
            for pipe in filter(None, (self.process.stdin, self.process.stdout)):
                pipe.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Backend(Program):
    """The echo server, on ports of the kernel's choice."""

    def __init__(self, build, hosts, cpus=None, arguments=()):
        listen = [word for host in hosts for word in ("--listen", f"{host}:0")]
        super().__init__(build / "bench/drover-bench-backend", *listen, *arguments, cpus=cpus, stdout=subprocess.PIPE)
        with _ended_by_failure(self):
            self.addresses = [self.listening() for _ in hosts]


class Load(Program):
    """The load generator; arguments are its options. Held sessions live until release()."""

    def __init__(self, build, *arguments, cpus=None):
        super().__init__(build / "bench/drover-bench-load", *arguments, cpus=cpus, stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)

    def result(self, timeout=_PATIENCE, meanwhile=lambda: None):
        """Its one line of JSON. There may be errors in it."""
        line = self.line(timeout, meanwhile)
        if not line:
            raise Failure(f"{self.process.args[0]} ended with {self.process.wait()}")
        return json.loads(line)

    def seen(self):
        """Has the held sessions come to their end, and what they saw until then."""
        self.process.stdin.close()
        return self.result()

    def release(self):
        """Ends the held sessions."""
        self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):  # then stop() ends them
            self.process.wait(_PATIENCE)


class Profile(Program):
    """perf, which notes where that program is, a thousand times a second of its CPU time."""

    def __init__(self, program, file, cpus=None):
        file.parent.mkdir(parents=True, exist_ok=True)
        super().__init__("perf", "record", "--quiet", "--freq", "997", "--pid", program.pid, "--output", file, cpus=cpus)


class Relay(Program):
    """The bare epoll relay."""

    def __init__(self, build, backend, cpus=None):
        super().__init__(build / "bench/drover-bench-relay", "--listen", "127.0.0.1:0", "--backend", backend,
                         cpus=cpus, stdout=subprocess.PIPE)
        with _ended_by_failure(self):
            self.address = self.listening()


class Drover(Program):
    """What `config` does not say stands at its default."""

    def __init__(self, build, folder, config, cpus=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="drover-", dir=folder))
        self._log = self.folder / "stderr"
        file = self.folder / "drover.yaml"
        file.write_text(json.dumps({**config, "admin": {"bind": "127.0.0.1:0"}}), encoding="utf-8")
        with self._log.open("wb") as log:
            super().__init__(build / "drover", "-c", file, cpus=cpus, stdout=subprocess.DEVNULL, stderr=log)
        with _ended_by_failure(self):
            wait_until(lambda: " ready " in self.said() or self.process.poll() is not None, "drover is ready")
            if self.process.poll() is not None:
                raise Failure(f"drover ended: {self.said()}")
            self.address = re.search(r" listening address=\"?([\d.]+:\d+)", self.said())[1]
            self._admin_port = int(re.search(r" admin_listening .*:(\d+)", self.said())[1])

    def said(self):
        """Its operational log so far."""
        return self._log.read_text(encoding="utf-8")

    def _ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self._admin_port, timeout=_PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            body = answer.read()
            if answer.status not in (http.HTTPStatus.OK, http.HTTPStatus.ACCEPTED):
                raise Failure(f"{method} {path}: {answer.status} {body.decode()}")
            return body

    def _get(self, path):
        return self._ask("GET", path)

    def post(self, path, body=None):
        """Asks for something through the admin port, and has its answer."""
        return json.loads(self._ask("POST", path, body))

    def _admin(self, path):
        return json.loads(self._get(path))

    def metrics(self):
        """A scrape, as text."""
        return self._get("/metrics").decode()

    def sessions(self, limit):
        """All of them, `limit` a page."""
        page = self._admin(f"/api/v1/sessions?limit={limit}")
        found = page["sessions"]
        while page["cursor"]:
            page = self._admin(f"/api/v1/sessions?limit={limit}&cursor={page['cursor']}")
            found += page["sessions"]
        return found

    def health(self):
        """The checks of /health."""
        return self._admin("/health")["checks"]

    def backends(self):
        """Those of its one pool."""
        return self._admin("/api/v1/backends")["pools"][0]["backends"]

    def active(self):
        """Sessions at this moment."""
        return self.health()["connection_pool"]["active_connections"]


class _Foreign(Program):
    """A proxy whose port is reserved for it; a subclass has its command line and configuration."""

    name: str

    def __init__(self, folder, backend, cpus=None, tuned=False, certificate=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=folder))
        log = self.folder / "stderr"
        for _ in range(2):  # a port that another took first is a matter of chance, twice is not
            port = free_port()
            self.address = f"127.0.0.1:{port}"
            config = self.folder / f"{self.name}.conf"
            config.write_text(self.configuration(backend, tuned, certificate), encoding="utf-8")
            with log.open("ab") as stderr:
                super().__init__(*self.command(config), cpus=cpus, stdout=subprocess.DEVNULL, stderr=stderr)
            with _ended_by_failure(self):
                wait_until(lambda: self.process.poll() is not None or listens(self.pid, port), f"{self.name} listens")
            if self.process.poll() is None:
                return
        raise Failure(f"{self.name} ended: {log.read_text(encoding='utf-8').strip()}")

    def command(self, config):
        raise NotImplementedError

    def configuration(self, backend, tuned, certificate):
        raise NotImplementedError


class Haproxy(_Foreign):
    """HAProxy, one thread. Tuned: larger buffers. TLS 1.2 and 1.3, and tickets, are its default."""

    name = "haproxy"
    runtime_api = False  # a socket in its folder that takes commands

    def command(self, config):
        return [HAPROXY, "-db", "-f", config]

    def configuration(self, backend, tuned, certificate):
        tls = f" ssl crt {certificate.bundle}" if certificate else ""
        return f"""\
global
  nbthread 1
  maxconn {_SESSIONS}
{"  tune.bufsize 65536" if tuned else ""}
{f"  stats socket {self.folder}/socket level admin" if self.runtime_api else ""}
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
listen bench
  bind {self.address}{tls}
  server backend {backend}
"""


class Nginx(_Foreign):
    """nginx, one process. Tuned: a larger buffer, and with it those that must not be smaller."""

    name = "nginx"
    processes = "master_process off;"

    def command(self, config):
        return [NGINX, "-p", self.folder, "-e", self.folder / "stderr", "-c", config]

    def configuration(self, backend, tuned, certificate):
        tls = "" if certificate is None else (
            f"ssl_certificate {certificate.cert}; ssl_certificate_key {certificate.key}; "
            "ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets on;")
        buffers = "proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;" if tuned else ""
        temporary = " ".join(f"{kind}_temp_path {self.folder}/{kind};"
                             for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return f"""\
daemon off;
{self.processes}
worker_processes 1;
error_log {self.folder}/stderr error;
pid {self.folder}/pid;
events {{ worker_connections {2 * _SESSIONS + 100}; }}
http {{
  access_log off;
  {temporary}
  {buffers}
  server {{
    listen {self.address}{" ssl" if certificate else ""};
    {tls}
    location / {{
      proxy_pass http://{backend};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_read_timeout 1h;
      proxy_send_timeout 1h;
    }}
  }}
}}
"""


@contextlib.contextmanager
def _ended_by_failure(program):
    """A program that fails in its constructor has no context to end it."""
    try:
        yield
    except BaseException:
        program.stop()
        raise
