"""The tunnel: every byte, in order, in both directions, and nothing of Drover's own in between."""
# ctest: tls

import random
import threading

import pytest
from harness import (
    BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, TlsSocket, backend_frame, client_frame, close_body, connect,
    open_tunnel, secured, switching, upgrade_request)

_MASKS = (b"\x00\x00\x00\x00", b"\xff\x01\x80\x7f", b"\x37\xfa\x21\x3d")


def _conversation(frame, seed, **masks):
    """Legal frames of every form: whole, fragmented with control frames in between, of all three lengths."""
    chance = random.Random(seed)
    for size in (0, 1, 125, 126, 65535, 65536, 200_000):
        yield frame(BINARY, chance.randbytes(size), **masks)
        yield frame(TEXT, b"a" * (size // 3), fin=False, **masks)
        yield frame(PING, chance.randbytes(chance.randrange(126)), **masks)
        yield frame(CONTINUATION, b"b" * (size // 3), fin=False, **masks)
        yield frame(PONG, b"unasked", **masks)
        yield frame(CONTINUATION, b"", fin=False, **masks)
        yield frame(CONTINUATION, b"c", **masks)


def _pieces(data, seed, largest):
    chance = random.Random(seed)
    at = 0
    while at < len(data):
        size = chance.randint(1, largest)
        yield data[at : at + size]
        at += size


def _send_in_pieces(stream, data, seed, largest):
    thread = threading.Thread(target=lambda: [stream.send(piece) for piece in _pieces(data, seed, largest)])
    thread.start()
    return thread


def test_the_form_of_these_tests_is_what_it_says(drover, backend):
    for stream, side in zip(open_tunnel(drover.port, backend), ("client", "backend")):
        assert isinstance(stream.socket, TlsSocket) == secured(side)


def test_bytes_behind_both_heads_come_in_order(drover, backend):
    to_backend = b"".join(_conversation(client_frame, 1))
    to_client = b"".join(_conversation(backend_frame, 2))
    client = connect(drover.port, upgrade_request() + to_backend[:3000])
    server = backend.accept()
    server.send(switching(server.read_head()) + to_client[:50_000])
    client.send(to_backend[3000:])
    server.send(to_client[50_000:])
    assert client.read_head().status == 101
    assert client.read_exactly(len(to_client)) == to_client
    assert server.read_exactly(len(to_backend)) == to_backend


@pytest.mark.parametrize("largest", [3, 20, 5000, 70_000])
@pytest.mark.parametrize("seed", [1, 2])
def test_bytes_are_the_same_however_they_are_cut(drover, backend, largest, seed):
    client, server = open_tunnel(drover.port, backend)
    mask = _MASKS[seed]
    frames = list(_conversation(client_frame, seed, mask=mask))
    to_backend = b"".join(frames if largest > 1000 else frames[:21])
    to_client = b"".join(list(_conversation(backend_frame, seed))[: None if largest > 1000 else 21])
    senders = [_send_in_pieces(client, to_backend, seed, largest), _send_in_pieces(server, to_client, seed, largest)]
    assert server.read_exactly(len(to_backend)) == to_backend
    assert client.read_exactly(len(to_client)) == to_client
    for sender in senders:
        sender.join()


def test_every_split_of_small_frames(drover, backend):
    data = client_frame(TEXT, b"x" * 126) + client_frame(PING, b"ping") + client_frame(BINARY, b"")
    client, server = open_tunnel(drover.port, backend)
    for cut in range(1, len(data)):
        client.send(data[:cut])
        if cut > 8:  # what is whole, or payload, does not wait for the rest: a control frame and a header may
            server.read_exactly(min(cut, 134))
        client.send(data[cut:])
        server.read_exactly(len(data) - (min(cut, 134) if cut > 8 else 0))


def test_payload_does_not_wait_for_its_frames_end(drover, backend):
    client, server = open_tunnel(drover.port, backend)
    start = client_frame(BINARY, b"begun", length=1 << 40)
    client.send(start)
    assert server.read_exactly(len(start)) == start
    start = backend_frame(BINARY, b"begun", length=1 << 40)
    server.send(start)
    assert client.read_exactly(len(start)) == start


def test_pings_and_pongs_pass_end_to_end(drover, backend):
    client, server = open_tunnel(drover.port, backend)
    for payload in (b"", b"12", b"x" * 125):
        client.send(client_frame(PING, payload))
        frame = server.read_frame()
        assert (frame.opcode, frame.masked, frame.payload) == (PING, True, payload)
        server.send(backend_frame(PONG, payload))
        frame = client.read_frame()
        assert (frame.opcode, frame.masked, frame.payload) == (PONG, False, payload)
        server.send(backend_frame(PING, payload))
        assert client.read_frame().opcode == PING
    assert not server.readable() and not client.readable()  # Drover answered none of them itself


def test_deflated_frames_pass_untouched(drover, backend):
    extension = "Sec-WebSocket-Extensions: permessage-deflate"
    client, server = open_tunnel(
        drover.port, backend, upgrade_request("/", extension), (f"{extension}; server_no_context_takeover",))
    frames = client_frame(TEXT, b"\xf2\x48\xcd", fin=False, rsv=4) + client_frame(CONTINUATION, b"\xc9\xc9\x07\x00")
    client.send(frames)
    assert server.read_exactly(len(frames)) == frames
    frames = backend_frame(TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00", rsv=4) + backend_frame(TEXT, b"plain")
    server.send(frames)
    assert client.read_exactly(len(frames)) == frames


def test_half_close_of_the_client_delivers_what_was_sent(drover, backend):
    client, server = open_tunnel(drover.port, backend)
    frames = b"".join(client_frame(BINARY, bytes([number]) * 10_000) for number in range(200))
    sender = threading.Thread(target=lambda: (client.send(frames), client.shutdown_write()))
    sender.start()
    assert server.read_exactly(len(frames)) == frames
    assert [frame.opcode for frame in server.read_frames_to_end()] in ([], [CLOSE])
    sender.join()


def test_half_close_of_the_backend_delivers_what_was_sent(drover, backend):
    client, server = open_tunnel(drover.port, backend)
    frames = b"".join(backend_frame(BINARY, bytes([number]) * 10_000) for number in range(200))
    sender = threading.Thread(target=lambda: (server.send(frames), server.shutdown_write()))
    sender.start()
    assert client.read_exactly(len(frames)) == frames
    assert [frame.close_code for frame in client.read_frames_to_end()] == [1012]
    sender.join()


def test_counts_of_the_access_line(drover, backend):
    client, server = open_tunnel(drover.port, backend, upgrade_request("/room?secret=1"))
    to_backend = (client_frame(TEXT, b"one") + client_frame(TEXT, b"t", fin=False) + client_frame(PING, b"p")
                  + client_frame(CONTINUATION, b"wo"))
    to_client = backend_frame(BINARY, b"three") + backend_frame(PONG, b"p")
    client.send(to_backend)
    server.send(to_client)
    server.read_exactly(len(to_backend))
    client.read_exactly(len(to_client))
    client_port = client.local_port
    client.send(client_frame(CLOSE, close_body(1000)))
    server.read_frame()
    server.send(backend_frame(CLOSE, close_body(1000)))
    server.close()
    client.read_frames_to_end()
    client.close()
    record = drover.session()
    assert (record["messages_in"], record["messages_out"]) == (2, 1)
    assert record["client"] == f"127.0.0.1:{client_port}"
    assert (record["status"], record["path"], record["attempts"]) == (101, "/room", 1)
    assert record["backends"] == [{"name": backend.address, "why": "pick"}]
    assert record["bytes_in"] >= len(to_backend) and record["bytes_out"] >= len(to_client)
    assert record["bytes_in"] <= len(to_backend) + 8 and record["bytes_out"] <= len(to_client) + 4
