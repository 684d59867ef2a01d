"""RULES 'Frames': what breaks them ends the session with the right code, and nothing of it is passed on."""

import pytest
from harness import (
    BINARY, CLOSE, CONTINUATION, PING, TEXT, backend_frame, client_frame, close_body, open_tunnel, upgrade_request)
from harness.frames import Frame

_DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


def _illegal(frame):
    """Illegal frames of either direction; a list is legal up to its last frame."""
    yield "RSV1 without an extension", [frame(TEXT, b"evil", rsv=4)]
    yield "RSV2", [frame(TEXT, b"evil", rsv=2)]
    yield "RSV3", [frame(BINARY, b"evil", rsv=1)]
    yield "RSV1 on a control frame", [frame(PING, b"evil", rsv=4)]
    yield "a reserved data opcode", [frame(3, b"evil")]
    yield "a reserved control opcode", [frame(11, b"evil")]
    yield "a fragmented control frame", [frame(PING, b"evil", fin=False)]
    yield "a control frame over 125", [frame(PING, b"e" * 126)]
    yield "a control frame over 125 by its header", [frame(PING, length=1 << 40)]
    yield "a continuation of nothing", [frame(CONTINUATION, b"evil")]
    yield "a continuation after the last", [frame(TEXT, b"good"), frame(CONTINUATION, b"evil")]
    yield "a new message inside a message", [frame(TEXT, b"good", fin=False), frame(TEXT, b"evil")]
    yield "16 bits for a small length", [frame(TEXT, b"evil", wide=2)]
    yield "64 bits for a small length", [frame(TEXT, b"evil", wide=8)]
    yield "64 bits for a middle length", [frame(TEXT, b"e" * 65535, wide=8)]
    yield "the top bit of the length", [frame(TEXT, length=1 << 63)]
    yield "a Close with one byte", [frame(CLOSE, b"\x03")]
    for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535):
        yield f"Close {code}", [frame(CLOSE, close_body(code, "evil"))]


FROM_CLIENT = dict(_illegal(client_frame)) | {"an unmasked frame": [backend_frame(TEXT, b"evil")]}
FROM_BACKEND = dict(_illegal(backend_frame)) | {"a masked frame": [client_frame(TEXT, b"evil")]}


def _codes(frames):
    assert all(frame.opcode == CLOSE for frame in frames), frames
    return [frame.close_code for frame in frames]


def _ended_by_drover(drover, why, *streams):
    for stream in streams:
        stream.close()  # else the lingering close would wait for it
    record = drover.session()
    assert (record["initiator"], record["why"]) == ("drover", why)


@pytest.mark.parametrize("name", FROM_CLIENT)
def test_illegal_frame_from_the_client(drover, backend, name):
    client, server = open_tunnel(drover.port, backend)
    *legal, illegal = FROM_CLIENT[name]
    client.send(b"".join(legal) + illegal)
    assert _codes(client.read_frames_to_end()) == [1002]
    for frame in legal:
        assert server.read_exactly(len(frame)) == frame
    assert _codes(server.read_frames_to_end()) == [1001]
    _ended_by_drover(drover, "protocol_error", client, server)


@pytest.mark.parametrize("name", FROM_BACKEND)
def test_illegal_frame_from_the_backend(drover, backend, name):
    client, server = open_tunnel(drover.port, backend)
    *legal, illegal = FROM_BACKEND[name]
    server.send(b"".join(legal) + illegal)
    assert _codes(server.read_frames_to_end()) == [1002]
    for frame in legal:
        assert client.read_exactly(len(frame)) == frame
    assert _codes(client.read_frames_to_end()) == [1012]
    _ended_by_drover(drover, "protocol_error", client, server)


def test_drover_masks_towards_the_backend_only(drover, backend):
    client, server = open_tunnel(drover.port, backend)
    client.send(client_frame(3))
    (to_client,) = client.read_frames_to_end()
    (to_backend,) = server.read_frames_to_end()
    assert (to_client.masked, to_backend.masked) == (False, True)


@pytest.mark.parametrize("frames", [
    client_frame(TEXT, b"x", rsv=2), client_frame(PING, b"x", rsv=4),
    client_frame(TEXT, b"x", fin=False, rsv=4) + client_frame(CONTINUATION, b"y", rsv=4)],
    ids=["RSV2", "RSV1 on a control frame", "RSV1 on a continuation"])
def test_permessage_deflate_owns_rsv1_of_first_frames_only(drover, backend, frames):
    client, _ = open_tunnel(drover.port, backend, upgrade_request("/", _DEFLATE), (_DEFLATE,))
    client.send(frames)
    assert _codes(client.read_frames_to_end()) == [1002]


def test_an_offer_alone_does_not_make_rsv1_legal(drover, backend):
    client, _ = open_tunnel(drover.port, backend, upgrade_request("/", _DEFLATE))
    client.send(client_frame(TEXT, b"x", rsv=4))
    assert _codes(client.read_frames_to_end()) == [1002]


@pytest.mark.parametrize("code", [None, 1000, 1003, 1007, 1011, 1014, 3000, 4999])
def test_legal_close_codes_pass(drover, backend, code):
    body = b"" if code is None else close_body(code, "reason")
    client, server = open_tunnel(drover.port, backend)
    client.send(client_frame(CLOSE, body))
    assert server.read_exactly(len(client_frame(CLOSE, body))) == client_frame(CLOSE, body)
    server.send(backend_frame(CLOSE, body))
    assert client.read_frame() == Frame(True, 0, CLOSE, False, body, backend_frame(CLOSE, body))


class TestMaxMessageSize:
    """limits.max_message_size: 1009 at the header that goes over it."""

    @pytest.fixture
    def drover(self, start, backend):
        return start({"backends": [backend.address], "limits": {"max_message_size": "1KiB"}})

    def test_a_message_at_the_limit_passes(self, drover, backend):
        client, server = open_tunnel(drover.port, backend)
        for _ in range(3):
            client.send(client_frame(TEXT, b"x" * 512, fin=False) + client_frame(CONTINUATION, b"x" * 512))
            assert [len(server.read_frame().payload) for _ in range(2)] == [512, 512]
            server.send(backend_frame(BINARY, b"x" * 1024))
            assert len(client.read_frame().payload) == 1024

    def test_the_header_of_a_larger_one_is_1009(self, drover, backend):
        client, server = open_tunnel(drover.port, backend)
        client.send(client_frame(BINARY, length=1025))
        assert _codes(client.read_frames_to_end()) == [1009]
        assert _codes(server.read_frames_to_end()) == [1001]
        _ended_by_drover(drover, "too_big", client, server)

    def test_all_fragments_count(self, drover, backend):
        client, server = open_tunnel(drover.port, backend)
        first = client_frame(BINARY, b"x" * 1000, fin=False)
        client.send(first + client_frame(PING, b"y" * 100) + client_frame(CONTINUATION, length=25))
        assert _codes(client.read_frames_to_end()) == [1009]
        assert server.read_frame().raw == first

    def test_a_backends_message_counts_too(self, drover, backend):
        client, server = open_tunnel(drover.port, backend)
        server.send(backend_frame(BINARY, length=1 << 40))
        assert _codes(server.read_frames_to_end()) == [1009]
        assert _codes(client.read_frames_to_end()) == [1012]
        _ended_by_drover(drover, "too_big", client, server)
