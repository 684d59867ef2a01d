"""The form that the tests run in. DROVER_TLS says where TLS is spoken: 'client' (between clients and Drover), 'backend'
(between Drover and backends), 'both', or nowhere. What the harness starts follows it, and is noted here by its port, so
that whoever dials a port knows what is spoken there."""

import functools
import os
from urllib.parse import urlsplit

from harness.certificates import defaults
from harness.tls import default_client

_FORMS = {"": (), "client": ("client",), "backend": ("backend",), "both": ("client", "backend")}
_listeners = set()  # ports of Drover
_backends = {}  # what Drover is told of the TLS of a backend, by port


def secured(side):
    """Whether TLS is spoken with the peers of that side: client or backend."""
    return side in _FORMS[os.environ.get("DROVER_TLS", "")]


def note_listeners(ports):
    """They speak TLS from now on."""
    _listeners.update(ports)


def note_backend(port, tls):
    """It speaks TLS from now on; `tls`: what a configuration says of it."""
    _backends[port] = tls


def forget(*ports):
    """They are closed; somebody else may get them."""
    for port in ports:
        _listeners.discard(port)
        _backends.pop(port, None)


def speaks_tls(port):
    return port in _listeners or port in _backends


def url_of(url):
    """ws:// as it is, or wss:// where TLS is spoken at that port."""
    return url.replace("ws://", "wss://", 1) if speaks_tls(urlsplit(url).port) else url


def tls_of(url):
    """What websockets.connect() is to be given as `ssl`."""
    return default_client() if url.startswith("wss://") else None


def default_backend_tls():
    """What a configuration says of a backend with the default certificate."""
    return {"ca": defaults().authority.file, "server_name": "localhost"}


def in_form(config):
    """A configuration with TLS where the form has it and the test has not said otherwise."""
    config = dict(config)
    if secured("client"):
        listeners = config.get("listeners") or [{"bind": config.pop("listen")}]
        tls = {"certificates": [defaults().server.files]}
        config["listeners"] = [{"tls": tls} | listener for listener in listeners]
    if secured("backend"):
        if "backends" in config:
            config["backends"] = _with_tls(config["backends"])
        if "pools" in config:
            config["pools"] = {name: pool | {"backends": _with_tls(pool["backends"])}
                               for name, pool in config["pools"].items()}
    return config


def _with_tls(backends):
    entries = [{"address": entry} if isinstance(entry, str) else entry for entry in backends]
    return [{"tls": _backends.get(_port(entry), default_backend_tls())} | entry for entry in entries]


def _port(entry):
    return int(entry["address"].rsplit(":", 1)[1])


def server_files():
    """What a server process is told besides: the files of certificate and key, where TLS is spoken with backends."""
    return list(defaults().server.files.values()) if secured("backend") else []


def note_server(port):
    """It was started with server_files()."""
    if secured("backend"):
        note_backend(port, default_backend_tls())


@functools.cache
def node_environment():
    """In which a Node.js client trusts the default authority."""
    return os.environ | {"NODE_EXTRA_CA_CERTS": defaults().authority.file}
