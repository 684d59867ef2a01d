"""scale.py end to end: a few sessions over two processes, and a number that they cannot hold."""

import resource

_SESSIONS = ("--sessions", "200", "--processes", "2", "--steps", "2", "--hold", "4")


def test_sessions_are_held_and_written(run_script, page):
    done = run_script("scale.py", *_SESSIONS, "--write", page)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "200 of 200 were open at the end, and 200 had answered at both ends" in done.stdout
    text = page.read_text(encoding="utf-8")
    before, rest = text.split("<!-- scale:begin -->\n")
    result, after = rest.split("\n<!-- scale:end -->")
    assert before == "# A page\n\n<!-- compare:begin -->\nold\n<!-- compare:end -->\n\nBetween.\n\n"
    assert after == "\n\nThe end.\n"
    assert done.stdout.endswith("\n" + result + "\n")
    assert "| 100 |" in result and "| 200 |" in result and "For one million sessions" in result


def test_too_many_sessions_are_refused(run_script, page):
    before = page.read_text(encoding="utf-8")
    done = run_script("scale.py", "--sessions", "2000", "--processes", "2", "--write", page,
                      prepare=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024)))
    assert done.returncode == 1
    assert "scale: 2000 sessions are too many for 2 processes of " in done.stderr
    assert page.read_text(encoding="utf-8") == before


def test_sessions_without_a_backend_are_told(run_script, build_without_backend):
    done = run_script("scale.py", *_SESSIONS, build=build_without_backend)
    assert done.returncode == 1
    assert "sessions failed: answered 503" in done.stderr
