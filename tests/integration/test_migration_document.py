"""docs/migration.md: the messages that it shows are those that Drover sends, its words are those that there are, and what
it shows of the examples stands in them."""

import contextlib
import json
import re

from harness import AnsweringBackend, wait_until
from harness.crowd import Crowd
from harness.documents import ROOT, sections
from harness.stoppable import EXAMPLES
from harness.handoff import Moves

_TEXT = (ROOT / "docs/migration.md").read_text(encoding="utf-8")
_MESSAGES = [json.loads(line) for block in re.findall(r"```json\n(.*?)\n```", _TEXT, re.DOTALL)
             for line in block.splitlines()]
_SHOWN = {message.get("type") or message["drover"]: message for message in _MESSAGES}


def _shape(message):
    return {key: type(value) for key, value in message.items()}


def _told(drover, crowd):
    wait_until(lambda: all(member.told for member in crowd), "everybody was told")
    assert drover
    return [member.told[1] for member in crowd]


def test_the_messages_are_those_that_are_sent(start):
    with contextlib.closing(AnsweringBackend("a")) as a, contextlib.closing(AnsweringBackend("b")) as b:
        drover = start({"policy": "round_robin", "shutdown": {"deadline": "3s", "pace": "1000/s"}, "backends": [
            {"name": "a", "address": a.address}, {"name": "b", "address": b.address}]})
        with contextlib.closing(Crowd(drover, 2, path="/ws?room=7&drover_migrate=1")) as crowd:
            drover.admin("/api/v1/backends/default/a/drain", "POST", {"pace": "1000/s"})
            (migrate,) = _told(drover, crowd.on("a"))
            assert _shape(migrate) == _shape(_SHOWN["migrate_connection"])
            assert list(migrate) == list(_SHOWN["migrate_connection"])
            drover.signal(15)
            (shutdown,) = _told(drover, crowd.on("b"))
            assert _shape(shutdown) == _shape(_SHOWN["server_shutdown"])
            assert shutdown["message"] == _SHOWN["server_shutdown"]["message"]
        assert drover.wait() == 0


def test_the_messages_of_a_handoff_are_those_that_are_sent(start):
    with Moves(start) as it:
        client, old = it.open()
        it.drain()
        new = it.dialled("b").join()
        leave = json.loads(old.read_text())
        assert list(leave) == list(_SHOWN["leave"]) and _shape(leave) == _shape(_SHOWN["leave"])
        old.left(json.dumps(_SHOWN["left"]["state"]))
        enter = json.loads(new.read_text())
        assert list(enter) == list(_SHOWN["enter"]) and _shape(enter) == _shape(_SHOWN["enter"])
        assert enter["state"] == _SHOWN["enter"]["state"]
        assert {len(leave["key"]), len(enter["key"])} == {len(_SHOWN["leave"]["key"])}
        it.ask("/api/v1/backends/default/a/ready")
        new.leaving()
        again = it.dialled("a").join()
        new.read_leave()
        client.close()
        assert again.head.get("X-Drover-Previous-Backend") == "b"


def test_what_it_shows_of_the_examples_stands_in_them():
    blocks = sections(_TEXT)["For authors of backends: handoff"]
    for language, file in (("python", "handoff_backend.py"), ("js", "handoff_backend.mjs")):
        (shown,) = [block.text for block in blocks if block.language == language]
        assert shown in (EXAMPLES / file).read_text(encoding="utf-8")


def test_the_causes_are_those_that_there_are():
    names = (ROOT / "src/migration/drain_view.cc").read_text(encoding="utf-8")
    known = set(re.findall(r'case Cause::k\w+: return "(\w+)"', names))
    shown = set(re.findall(r"^\| `(\w+)` \|", _TEXT, re.MULTILINE))
    assert shown == known - {"backend"}  # nothing causes that yet
