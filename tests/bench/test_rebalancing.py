"""The plot of docs/migration.md shows what the simulation of a rebalance says."""

import pathlib
import sys
import xml.etree.ElementTree as ET

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench/simulation"))

import rebalancing_page as simulation  # noqa: E402


@pytest.fixture(scope="module")
def text(build):
    return simulation.simulate(build)


def test_the_plot_is_that_of_the_program(root, text):
    plot = (root / "docs/rebalancing.svg").read_text(encoding="utf-8")
    assert plot == simulation.plot(simulation.read_rows(text)), (
        "run bench/simulation/rebalancing_page.py --build build/release --write docs")
    assert len(ET.fromstring(plot).findall("{http://www.w3.org/2000/svg}path")) == 3 + 6


def test_it_ends_within_five_percent_of_the_mean_at_its_pace(text):
    for seconds in simulation.read_rows(text).values():
        mean = sum(seconds[0]) / len(seconds[0])
        assert all(abs(count - mean) <= 0.05 * mean for count in seconds[-1])
        assert max(after[-1] - before[-1] for before, after in zip(seconds, seconds[1:])) == 20
