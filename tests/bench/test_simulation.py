"""docs/balancing.md and its plot show what the simulation says, which says the same each time."""

import pathlib
import re
import sys
import xml.etree.ElementTree as ET

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench/simulation"))

import page as simulation  # noqa: E402


@pytest.fixture(scope="module")
def rows(build):
    return simulation.simulate(build)


def test_the_page_has_the_tables_that_the_program_gives(root, rows):
    page = (root / "docs/balancing.md").read_text(encoding="utf-8")
    between = re.search("<!-- simulation:begin -->\n(.*)\n<!-- simulation:end -->", page, re.DOTALL)
    assert between, "docs/balancing.md has no marks"
    assert between[1] == simulation.tables(rows), "run bench/simulation/page.py --build build/release --write docs"


def test_the_plot_is_that_of_the_program(root, rows):
    plot = (root / "docs/balancing.svg").read_text(encoding="utf-8")
    assert plot == simulation.plot(rows), "run bench/simulation/page.py --build build/release --write docs"
    assert len(ET.fromstring(plot).findall("{http://www.w3.org/2000/svg}path")) == 6


def test_labels_keep_apart_and_in_order():
    places = simulation._label_places({"a": 100, "b": 102, "c": 10, "d": 200})
    assert places == {"c": 10, "a": 100, "b": 118, "d": 200}


def test_a_program_that_is_not_there_is_a_clear_end(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["page.py", "--build", str(tmp_path)])
    assert simulation.main() == 1
    assert "drover-balancing-simulation" in capsys.readouterr().err
