"""What the integration tests are made of: Drover as a process, raw TCP peers, frames, and foreign WebSocket peers."""

from harness.dns import DnsServer
from harness.drover import Drover, drover_binary, log_lines, run_drover
from harness.frames import (
    BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame, backend_frame, client_frame, close_body)
from harness.metrics import Scrape, documented_types, moved, scrape
from harness.raw import (
    KEY, AnsweringBackend, RawBackend, Stream, accept_of, connect, open_tunnel, plain_request, refused_port, switching,
    upgrade_request)
from harness.reporting import ReportingServer
from harness.waiting import PATIENCE, SLOW, slack, stable, wait_until
