"""Records and segments over TLS: however a peer cuts what it sends, the other side gets the same bytes, and what is
whole at once."""

import itertools
import random

import pytest
from harness import (
    BINARY, TEXT, Drover, RawBackend, client_context, connect_tls, defaults, server_context, switching, upgrade_request)
from harness.sides import SIDES, Sides
from harness.splits import sizes

_SEGMENTS = (1, 2, 5, 100, 1400, 16_000, 30_000)
RECORDS = {"of one byte": (1,), "full": (0x4000,), "of both": (1, 0x4000), "of all sizes": (1, 2, 7, 100, 5000, 0x4000)}


@pytest.fixture(scope="module", name="secure")
def fixture_secure():
    backend = RawBackend(tls=server_context())
    yield backend
    backend.close()


@pytest.fixture(scope="module", name="drover")
def fixture_drover(secure):
    with Drover({
        "listeners": [{"bind": "127.0.0.1:0", "tls": {"certificates": [defaults().server.files]}}],
        "backends": [{"address": secure.address, "tls": {"ca": defaults().authority.file, "server_name": "localhost"}}],
    }) as drover:
        yield drover


@pytest.fixture(name="sides", params=itertools.product(SIDES, ["TLSv1_2", "TLSv1_3"]), ids="-".join)
def fixture_sides(request, drover, secure):
    """A tunnel whose near side speaks that version of TLS."""
    side, version = request.param
    secure.tls = server_context(highest=version if side == "backend" else "TLSv1_3")
    client = connect_tls(drover.port, client_context(highest=version if side == "client" else "TLSv1_3"),
                         upgrade_request())
    server = secure.accept()
    server.send(switching(server.read_head()))
    assert client.read_head().status == 101
    sides = Sides(drover, side, *((client, server) if side == "client" else (server, client)))
    assert sides.near.socket.tls.version() == version.replace("_", ".")
    yield sides
    sides.close()


@pytest.mark.parametrize("records", RECORDS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_cut_of_records_and_segments(sides, records, seed):
    chance = random.Random(seed)
    size = 2000 if records == "of one byte" else 200_000
    frame = sides.near_frame(BINARY, chance.randbytes(size))
    ciphertext = sides.near.socket.encrypt(frame, sizes(len(frame), chance, RECORDS[records]))
    at = 0
    for length in sizes(len(ciphertext), chance, _SEGMENTS):
        sides.near.raw.sendall(ciphertext[at : at + length])
        at += length
    assert sides.far.read_exactly(len(frame)) == frame
    sides.assert_nothing_else_came()


def test_a_record_waits_for_its_end_and_for_nothing_else(sides):
    frames = [sides.near_frame(TEXT, b"one"), sides.near_frame(TEXT, b"two")]
    first, second = (sides.near.socket.encrypt(frame) for frame in frames)
    sides.near.raw.sendall(first[:-1])
    assert not sides.far.readable(0.1)
    sides.near.raw.sendall(first[-1:] + second[:-1])
    assert sides.far.read_exactly(len(frames[0])) == frames[0]
    assert not sides.far.readable(0.1)
    sides.near.raw.sendall(second[-1:])
    assert sides.far.read_exactly(len(frames[1])) == frames[1]
