"""Sessions that move, are called back, lose their backends, their clients or their patience, all at once and in any
order: Drover stands, and in the end nothing is left of any of them. DROVER_CHURN=SECONDS makes it longer."""
# ctest: alone

import asyncio
import os
import random
import signal

from harness import log_lines, wait_until
from harness.churn import Churn

_SECONDS = int(os.environ.get("DROVER_CHURN", "10"))
_NAMES = ("a", "b", "c", "d")
_SESSIONS = 300
_MIGRATION = {"rescue": True, "handoff_timeout": "500ms", "cooldown": "1s", "stop_if_failing": "0%", "grace": "500ms",
              "pace": "300/s", "deadline": "3s"}


def _config(churn):
    return {"workers": 2, "timeouts": {"close": "1s", "upgrade": "2s", "connect": "1s"},
            "ping": {"clients": "2s", "backends": "2s", "timeout": "2s"}, "ejection": {"failures": 0},
            "migration": _MIGRATION, "lost_backend": {"close_pace": "400/s"},
            "backends": [{"name": name, "address": each.address} for name, each in churn.backends.items()]}


def _disturber(drover, config, chance):
    """Each call does to the backend of a name what an operator might do."""
    plans = []

    def disturb(name):
        backend = f"/api/v1/backends/default/{name}"
        what = chance.random()
        if what < 0.35:
            status, plan = drover.admin(f"{backend}/drain", "POST", {"pace": f"{chance.choice([50, 1000])}/s"})
            assert status == 202, plan
            plans.append(plan["id"])
        elif what < 0.85:
            drover.admin(f"{backend}/ready", "POST")
        elif what < 0.9 and plans:
            drover.admin(f"/api/v1/drains/{chance.choice(plans)}", "DELETE")
        elif what < 0.93:
            drover.admin("/api/v1/freeze", "POST")
        elif what < 0.97:
            drover.admin("/api/v1/unfreeze", "POST")
        elif what < 0.98:
            allowed = {"handoff": "opt_in"} if chance.random() < 0.7 else {"handoff": "off", "rescue": False}
            drover.rewrite(config | {"migration": _MIGRATION | allowed})
            drover.admin("/api/v1/reload", "POST")
    return disturb


def _churned(start, end):
    """(Drover, its descriptors before, the churn) once the churn is over, which `end(drover)` precedes."""
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    churn = Churn(_NAMES, _SESSIONS, seed)

    async def all_of_it():
        await churn.start()
        config = _config(churn)
        drover = start(config)
        before = drover.descriptors()
        await churn.run(drover.port, _SECONDS, _disturber(drover, config, random.Random(seed + 1)), lambda: end(drover))
        return drover, before

    return *asyncio.run(all_of_it()), churn


def test_nothing_is_left_of_any_of_them(start):
    drover, before, churn = _churned(start, lambda drover: None)
    wait_until(lambda: not drover.admin("/api/v1/sessions")[1]["sessions"], "all sessions are over")
    wait_until(lambda: not any(each["active"] for each in drover.backends().values()), "all leases are back")
    wait_until(lambda: drover.descriptors() <= before, "all descriptors are back")
    print(f"{churn.ended} connections, {churn.replies} replies")
    print("\n".join(line for line in drover.admin("/metrics")[1].splitlines()
                    if line.startswith("drover_migrations_total") and not line.endswith(" 0")))
    assert not churn.garbled, churn.garbled[:3]
    for plan in drover.admin("/api/v1/drains")[1]["drains"]:
        # A count that was taken off once too often would be as large as counts can be.
        assert all(count < 1_000_000 for count in (*plan["moved"].values(), plan["told"], plan["ended"])), plan
        if plan["state"] not in ("running", "waiting", "frozen"):
            assert plan["told"] == 0, plan
    errors = [line for line in log_lines(drover.log()) if line[0] == "error"]
    assert not errors, errors[:3]


def test_a_shutdown_in_the_middle_of_it(start):
    """SIGTERM ends it as ever; the fixture looks at the exit code."""
    drover, _, churn = _churned(start, lambda drover: drover.signal(signal.SIGTERM))
    assert drover.wait() == 0
    assert not churn.garbled, churn.garbled[:3]
