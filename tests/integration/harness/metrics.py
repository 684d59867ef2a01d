"""What /metrics tells, read by Prometheus's own parser for Python."""

import pathlib
import re

from prometheus_client.parser import text_string_to_metric_families

from harness.waiting import wait_until

_ROWS = re.compile(r"^\| `(drover_\w+)` \| (\w+) \|", re.MULTILINE)
_DOCUMENT = pathlib.Path(__file__).resolve().parents[3] / "docs/metrics.md"


class Scrape:
    """One look at /metrics. Names are given without "drover_"."""

    def __init__(self, text):
        self.text = text
        self.types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
        self._samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def series(self, name, **labels):
        """The labels of every series of that name which has these, with its value."""
        return [(sample.labels, sample.value) for sample in self._samples
                if sample.name == f"drover_{name}" and labels.items() <= sample.labels.items()]

    def value(self, name, **labels):
        """Of the only series of that name which has these labels; 0 where there is none."""
        found = self.series(name, **labels)
        assert len(found) <= 1, found
        return found[0][1] if found else 0

    def sum(self, name, **labels):
        """Over all series of that name which have these labels."""
        return sum(value for _, value in self.series(name, **labels))


def scrape(drover):
    """What a Drover tells now."""
    status, text = drover.admin("/metrics")
    assert status == 200, text
    return Scrape(text)


def moved(drover, name, least=1, **labels):
    """Waits until the series of that name with these labels add up to `least`, and returns their sum. Counts follow the
    bytes by a moment: what a peer has received may not be counted yet."""
    return wait_until(lambda: (total := scrape(drover).sum(name, **labels)) >= least and total, f"{name} {labels}")


def documented_types():
    """The metrics of docs/metrics.md, by their whole names."""
    return dict(_ROWS.findall(_DOCUMENT.read_text(encoding="utf-8")))
