"""Every command of docs/admin.md is run, on a Drover and backends as the document has them, and answered as it says."""

import contextlib
import re
import signal
import subprocess

import pytest
from harness import wait_until
from harness.documents import ROOT, Namespace, check_json, check_text, commands, sections
from harness.drover import drover_binary

_TEXT = (ROOT / "docs/admin.md").read_text(encoding="utf-8")
_SECTIONS = sections(_TEXT)
_RUN = [name for name, blocks in _SECTIONS.items() if any(block.language == "sh" for block in blocks)]
_TOKENS = {"DROVER_ADMIN_TOKEN": "correct-horse-battery", "DROVER_LOAD_TOKEN": "reports-and-nothing-else"}
_SESSION = "18a7707042d403fb"  # in the examples


def _endpoints():
    """(method, path) of all that Drover answers, from the table in its source."""
    source = (ROOT / "src/admin/endpoints.cc").read_text(encoding="utf-8")
    return re.findall(r'^    \{"([A-Z]+)", "(/[^"]*)", Audience::', source, re.MULTILINE)


def _configuration(section):
    """The document's, with what the section changes."""
    changes = "".join(block.text for block in _SECTIONS[section] if block.language == "yaml" and section)
    keys = re.findall(r"^(\w+):", changes, re.MULTILINE)
    base, = (block.text for block in _SECTIONS[""] if block.language == "yaml")
    kept = [line for line in base.splitlines() if line.split(":")[0] not in keys]
    return "\n".join([*kept, changes])


@contextlib.contextmanager
def _drover(namespace, directory, configuration):
    """Running in the namespace, with both backends up. It ends with 0, by itself where it was told to."""
    file, log = directory / "drover.yaml", directory / "drover.log"
    file.write_text(configuration + "shutdown: {pace: 100000/s}\n", encoding="utf-8")
    with log.open("w") as stderr, subprocess.Popen(
            [*namespace.inside, "env", *(f"{name}={token}" for name, token in _TOKENS.items()), drover_binary(), "-c",
             str(file)], stderr=stderr, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: log.read_text().count(" backend_up ") == 2, "both backends are up")
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text()


def _answer(namespace, command):
    """(status, body)"""
    assert command.startswith("curl "), command
    done = namespace.run(command.replace("curl ", r"curl -w '\n%{http_code}' ", 1), env=_TOKENS)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def _method(command):
    """By which curl asks."""
    named = re.search(r" -X ([A-Z]+) ", command)
    return named[1] if named else "POST" if " -d " in command else "GET"


def _check_command(namespace, command, status):
    """Its answer. What a GET tells may come to be so a moment later: a session that closes, say."""
    seen = _answer(namespace, command)
    if _method(command) == "GET" and seen[0] != status:
        seen = wait_until(lambda: (again := _answer(namespace, command))[0] == status and again, f"{status}: {command}")
    assert seen[0] == status, f"{command}: {seen}"
    return seen[1]


@pytest.mark.parametrize("section", _RUN)
def test_commands_are_answered_as_the_document_says(section, tmp_path):
    text = "".join(block.text for block in _SECTIONS[section])
    with Namespace() as namespace, _drover(namespace, tmp_path, _configuration(section)) as drover:
        namespace.open_clients(2)
        session = _SESSION
        if _SESSION in text:
            _, page = _answer(namespace, "curl -s 'http://127.0.0.1:9900/api/v1/sessions?backend=web-1'")
            session = re.search(r'"id":"([0-9a-f]{16})"', page)[1]
        answer = None
        for block in _SECTIONS[section]:
            shown = block._replace(text=block.text.replace(_SESSION, session))
            if shown.language == "sh":
                for command, status in commands(shown):
                    answer = _check_command(namespace, command, status)
            elif shown.language == "json":
                check_json(shown.text, answer)
            elif shown.language == "text":
                check_text(shown.text, answer)
        if "/api/v1/shutdown" in text:
            drover.wait(30)  # without a signal


def _lines():
    """Every command of the document, with its status."""
    return [line for blocks in _SECTIONS.values() for block in blocks if block.language == "sh"
            for line in commands(block)]


def test_no_command_and_no_answer_is_left_out():
    assert [name for name in _RUN if name] == list(_SECTIONS)[1:], "a section without a command"
    run = _lines()
    assert all(command.startswith("curl ") and status for command, status in run)
    assert len(run) == len(re.findall(r"\bcurl\b", _TEXT)), "a curl that is in no block of sh"
    for blocks in _SECTIONS.values():
        for before, block in zip([None, *blocks], blocks):
            assert block.language in ("sh", "json", "text", "yaml")
            assert block.language not in ("json", "text") or before.language == "sh", f"whose answer is {block.text}?"
    assert _TEXT.count("```") == 2 * sum(map(len, _SECTIONS.values()))


def test_the_document_has_every_call_and_no_other():
    listed = re.findall(r"^\| `([A-Z]+) (/\S*)` \|", _TEXT, re.MULTILINE)
    assert sorted(listed) == sorted(_endpoints())
    lines = [command for command, _ in _lines()]
    for method, path in listed:
        pattern = r"http://127\.0\.0\.1:9900" + re.sub(r"\\{\w+\\}", r"[^/?' ]+", re.escape(path)) + r"(?=[?' ]|$)"
        assert any(re.search(pattern, line) and _method(line) == method for line in lines), f"no {method} {path}"
