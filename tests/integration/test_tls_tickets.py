"""Session tickets between clients and Drover: they are good with every worker, and only where the session could have
begun."""

import pytest
from harness import Authority, client_context, connect_tls, plain_request, s_client

_AUTHORITY = Authority()
_REQUEST = plain_request("GET / HTTP/1.1", "Host: localhost")  # Drover answers it, and ends the connection


def _listener(**tls):
    return {"bind": "127.0.0.1:0", "tls": {"certificates": [_AUTHORITY.issue("localhost").files], **tls}}


def _start(start, backend, *listeners, workers=1):
    return start({"listeners": listeners or [_listener()], "backends": [backend.address], "workers": workers})


def _visit(port, context, session=None):
    """The session, and whether it resumed the one that was given."""
    client = connect_tls(port, context, _REQUEST, session=session)
    assert client.read_head().status == 426  # by now the ticket has come
    visit = client.socket.session, client.socket.tls.session_reused
    client.close()
    return visit


@pytest.fixture(name="context", params=["TLSv1_2", "TLSv1_3"])
def fixture_context(request):
    return client_context(_AUTHORITY, lowest=request.param, highest=request.param)


@pytest.mark.parametrize("workers", [1, 2])
def test_sessions_are_resumed_by_any_worker(start, backend, context, workers):
    drover = _start(start, backend, workers=workers)
    session, resumed = _visit(drover.port, context)
    assert not resumed and session.has_ticket
    # The kernel spreads connections over the workers: that all of twenty come to one of two has odds of 1 to 500,000.
    assert [_visit(drover.port, context, session)[1] for _ in range(20)] == [True] * 20


def test_sessions_are_resumed_in_a_row(start, backend, context):
    drover = _start(start, backend)
    session, _ = _visit(drover.port, context)
    for _ in range(5):
        session, resumed = _visit(drover.port, context, session)
        assert resumed


def test_another_process_does_not_know_them(start, backend, context):
    session, _ = _visit(_start(start, backend).port, context)
    assert _visit(_start(start, backend).port, context, session)[1] is False


def test_one_ticket_is_sent(start, backend):
    told = s_client(_start(start, backend).port, "-tls1_3", say=_REQUEST)
    assert told.count("New Session Ticket arrived") == 1, told


def test_they_are_good_for_another_listener_of_the_same_kind(start, backend, context):
    drover = _start(start, backend, _listener(), _listener())
    session, _ = _visit(drover.ports[0], context)
    assert _visit(drover.ports[1], context, session)[1]
