"""The clients of a backend that has crashed are told so at lost_backend.close_pace: a crash is no storm of new
connections on those that are left."""
# ctest: tls both

import contextlib
import time

import pytest
from harness import SLOW, slack, wait_until
from harness.crowd import Crowd, most_in_a_second, wait_for_closes
from harness.peers import ServerProcess

# What comes on top of a turn: the wheel of timers (50 ms a step), and the threads here.
_LATE = 0.1
# The last of 60 at 20/s has its turn after 2.95 s.
_ALL_TOLD = 3.5 + (slack(0.1) if SLOW else 0)


@pytest.fixture(name="lose")
def fixture_lose(start):
    """Drover with `count` clients of one backend, which is killed: (drover, crowd, when it was gone)."""
    with contextlib.ExitStack() as stack:
        def begin(count, **config):
            server = stack.enter_context(ServerProcess("ws"))
            drover = start({"backends": [server.address]} | config)
            crowd = stack.enter_context(contextlib.closing(Crowd(drover, count)))
            wait_until(lambda: drover.backends()[server.address]["active"] == count, "all sessions")
            server.kill()
            return drover, crowd, time.monotonic()
        yield begin


def _assert_told(members):
    for member in members:
        frame = member.closing[1]
        assert frame.close_code == 1012 and not frame.close_reason.startswith("{"), frame
        assert len(member.frames) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_one_after_the_other_and_all_workers_together(lose, workers):
    drover, crowd, at = lose(60, workers=workers, lost_backend={"close_pace": "20/s"})
    times = wait_for_closes(crowd.members)
    _assert_told(crowd.members)
    assert times[0] - at <= slack(0.05)
    assert 59 / 20 - _LATE <= times[-1] - times[0] <= 59 / 20 + _LATE + slack(0.3)
    assert times[-1] - at <= _ALL_TOLD
    assert most_in_a_second(times) <= 24
    for record in drover.wait_for_sessions(60):
        assert (record["initiator"], record["why"]) == ("backend", "backend_lost"), record


def test_by_default_hardly_anybody_waits(lose):
    _, crowd, at = lose(20)
    times = wait_for_closes(crowd.members)
    _assert_told(crowd.members)
    assert times[-1] - at <= slack(0.1)


@pytest.mark.parametrize("leave", [lambda member: member.leave(), lambda member: member.stream.shutdown_write()],
                         ids=["close", "end"])
def test_who_leaves_meanwhile_does_not_wait_for_its_turn(lose, leave):
    drover, crowd, at = lose(60, lost_backend={"close_pace": "20/s"})
    wait_until(lambda: sum(1 for member in crowd.members if member.closing) >= 2, "the first two are told")
    waiting = [member for member in crowd.members if not member.closing]
    leavers = waiting[5::20]  # whatever the order of the turns is, one of them is far off
    ports = {member.stream.local_port for member in leavers}
    left_at = time.monotonic()
    for member in leavers:
        leave(member)
    wait_until(lambda: all(member.over for member in leavers), "they are gone")
    # What they held is free: the sessions are over, and so are their connections.
    wait_until(lambda: ports <= {int(record["client"].rsplit(":", 1)[1]) for record in drover.sessions()}, "logged")
    assert time.monotonic() - left_at <= slack(0.1)
    # Nobody else goes any sooner or later for it.
    others = [member for member in crowd.members if member not in leavers]
    times = wait_for_closes(others)
    _assert_told(others)
    assert most_in_a_second(times) <= 24
    assert 2.5 <= times[-1] - at <= _ALL_TOLD
    assert len(drover.wait_for_sessions(60)) == 60
