"""A TLS client that nobody here wrote, and that tells more than Python's: OpenSSL's own."""

import subprocess
import threading

from harness.waiting import PATIENCE


def s_client(port, *arguments, say=b""):
    """What `openssl s_client` tells of a connection over which it says that, up to the end of the connection."""
    return _told(port, "-ign_eof", *arguments, typed=say)


def s_client_renegotiates(port):
    """What it tells of a connection that it wants to negotiate anew; TLS 1.3 has no such thing."""
    return _told(port, "-tls1_2", typed=b"R\n")  # a command: it is not sent


def _told(port, *arguments, typed):
    """Its stdin stays open: with that it would end."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        timer = threading.Timer(PATIENCE, process.kill)
        timer.start()
        process.stdin.write(typed)
        process.stdin.flush()
        told = process.stdout.read()
        timer.cancel()
    return told.decode(errors="replace")
