"""What the integration tests are made of: Drover as a process, raw peers over TCP and TLS, frames, and foreign
WebSocket peers."""

from harness.dns import DnsServer
from harness.certificates import EXPIRED, NOT_YET, Authority, defaults
from harness.drover import Drover, drover_binary, log_lines, run_drover
from harness.forms import secured
from harness.frames import (
    BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame, backend_frame, client_frame, close_body)
from harness.metrics import Scrape, documented_types, moved, scrape
from harness.openssl import s_client, s_client_renegotiates
from harness.raw import (
    KEY, AnsweringBackend, RawBackend, Stream, accept_of, connect, connect_plain, connect_tls, connect_unaccepted,
    open_tunnel, plain_request, refused_port, switching, upgrade_request)
from harness.reporting import ReportingServer
from harness.tls import HandshakeFailed, TlsSocket, client_context, server_context
from harness.waiting import PATIENCE, SLOW, slack, stable, wait_until
