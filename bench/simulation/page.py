#!/usr/bin/env python3
"""The simulation's figures as tables and as a plot.

Usage: page.py --build FOLDER [--write DOCS]

Runs FOLDER/bench/drover-balancing-simulation and prints the tables. --write puts them between the marks of
DOCS/balancing.md, and the plot into DOCS/balancing.svg."""

import argparse
import csv
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import report  # noqa: E402
from programs import Failure, output_of  # noqa: E402

_PROGRAM = "bench/drover-balancing-simulation"
_AGES = (1, 10, 30)
_PLOTTED_AGE = 30
_TABLE_AGE = 10
_NUMBERS = ("typical", "worst", "busiest", "share_first", "share_last", "placed_first")

_TITLE = "Sessions of the fullest backend over the mean"
# Of the plot, in pixels.
_WIDTH, _HEIGHT = 760, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 200, 44, 52
_LEAST, _MOST = 1.0, 1.35
_LABEL_STEP = 18
# Policy: colour in light and in dark mode, dashes.
_LINES = {
    "round_robin": ("#6e7781", "#8b949e", "6 4"),
    "health_score choices=all": ("#cf222e", "#ff7b72", ""),
    "health_score choices=3": ("#bc4c00", "#ffa657", "2 3"),
    "health_score choices=2": ("#0969da", "#79c0ff", ""),
    "random_two": ("#1a7f37", "#7ee787", "6 4"),
    "least_connections": ("#8250df", "#d2a8ff", "6 4"),
}


def read_rows(text):
    """The program's CSV."""
    rows = list(csv.DictReader(text.splitlines()))
    for row in rows:
        row["backends"], row["report_every_s"] = int(row["backends"]), int(row["report_every_s"])
        row.update({name: float(row[name]) for name in _NUMBERS})
    return rows


def _chosen(rows, **wanted):
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def _policies(rows):
    return list(dict.fromkeys(row["policy"] for row in rows))


def _words(policy):
    return f"`{policy}`".replace(" choices=", "`, choices `")


def _evenness(rows):
    lines = ["| policy | every second | every 10 s | every 30 s | never |", "| --- | ---: | ---: | ---: | ---: |"]
    columns = [("noisy_and_mute", age) for age in _AGES] + [("all_mute", _TABLE_AGE)]
    for policy in _policies(rows):
        cells = []
        for pool, age in columns:
            of_sizes = _chosen(rows, policy=policy, pool=pool, report_every_s=age)
            typical = sum(row["typical"] for row in of_sizes) / len(of_sizes)
            cells.append(f"{typical:.2f} ({max(row['worst'] for row in of_sizes):.2f})")
        lines.append(f"| {_words(policy)} | " + " | ".join(cells) + " |")
    return lines


def _fairness(rows):
    lines = ["| policy | alike: fullest | noisy: sessions | mute: sessions | weak: sessions | its CPU | "
             "busy: sessions | its CPU | dropping: of what comes |", "| --- |" + " ---: |" * 8]
    for policy in _policies(rows):
        def of(pool, policy=policy):
            return _chosen(rows, policy=policy, pool=pool, backends=10, report_every_s=_TABLE_AGE)[0]
        noisy, weak, busy = of("noisy_and_mute"), of("one_weak"), of("one_busy")
        lines.append(f"| {_words(policy)} | {of('plain')['typical']:.2f} | "
                     f"{noisy['share_first']:.2f} | {noisy['share_last']:.2f} | "
                     f"{weak['share_first']:.2f} | {weak['busiest']:.0%} | {busy['share_first']:.2f} | "
                     f"{busy['busiest']:.0%} | {of('one_dropping')['placed_first']:.0%} |")
    return lines


def tables(rows):
    """Markdown."""
    return "\n".join([
        "Sessions of the fullest backend over the mean, by how often backends report: the mean over time and over",
        "pools of 2 to 50 backends, and (the worst moment of all). One backend of each pool is noisy, one mute.", "",
        *_evenness(rows), "",
        f"Ten backends, reports every {_TABLE_AGE} s. Sessions are relative to the mean (1.00 is a fair share), those",
        "of the fullest where all are alike; CPU is that of the busiest backend.", "", *_fairness(rows)])


def _y(value):
    return _TOP + (_MOST - value) / (_MOST - _LEAST) * (_HEIGHT - _TOP - _BOTTOM)


def _label_places(ends):
    """Below each other, none nearer to the next than a line of text."""
    places, last = {}, float("-inf")
    for name, y in sorted(ends.items(), key=lambda end: end[1]):
        last = max(y, last + _LABEL_STEP)
        places[name] = last
    return places


def _style():
    def colours(which):
        return "".join(f".l{i}{{stroke:{line[which]}}}.t{i}{{fill:{line[which]}}}"
                       for i, line in enumerate(_LINES.values()))
    return ("text{font:13px system-ui,sans-serif;fill:#1f2328}.back{fill:#fff}.grid{stroke:#d1d9e0}path{fill:none;"
            f"stroke-width:2}}{colours(0)}@media(prefers-color-scheme:dark){{text{{fill:#f0f6fc}}.back{{fill:#0d1117}}"
            f".grid{{stroke:#3d444d}}{colours(1)}}}")


def plot(rows):
    """SVG: how uneven a pool is, by its size, for each policy."""
    chosen = _chosen(rows, pool="noisy_and_mute", report_every_s=_PLOTTED_AGE)
    sizes = sorted({row["backends"] for row in chosen})
    step = (_WIDTH - _LEFT - _RIGHT) / (len(sizes) - 1)
    curves = {policy: [_y(row["typical"]) for row in _chosen(chosen, policy=policy)] for policy in _LINES}
    places = _label_places({policy: curve[-1] for policy, curve in curves.items()})
    end = _WIDTH - _RIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{_TITLE}, by the number of backends">',
        f"<style>{_style()}</style>", f'<rect class="back" width="{_WIDTH}" height="{_HEIGHT}"/>',
        f'<text x="{_LEFT}" y="24">{_TITLE}, reports every {_PLOTTED_AGE} s</text>']
    for hundredths in range(round(_LEAST * 100), round(_MOST * 100) + 1, 5):
        y = _y(hundredths / 100)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{end}" y1="{y:.1f}" y2="{y:.1f}"/>'
                     f'<text x="{_LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{hundredths / 100:.2f}</text>')
    parts += [f'<text x="{_LEFT + i * step:.1f}" y="{_HEIGHT - 30}" text-anchor="middle">{size}</text>'
              for i, size in enumerate(sizes)]
    middle = (_LEFT + end) / 2
    parts.append(f'<text x="{middle:.1f}" y="{_HEIGHT - 8}" text-anchor="middle">backends</text>')
    for i, (policy, (_, _, dashes)) in enumerate(_LINES.items()):
        points = " L".join(f"{_LEFT + place * step:.1f} {y:.1f}" for place, y in enumerate(curves[policy]))
        parts.append(f'<path class="l{i}" stroke-dasharray="{dashes or "none"}" d="M{points}"/>'
                     f'<text class="t{i}" x="{end + 8}" y="{places[policy] + 4:.1f}">{policy}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def simulate(build):
    """The rows that the program of that build prints."""
    return read_rows(output_of(build / _PROGRAM))


def main():
    """Exit code 1: the program failed, or the page has no marks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--write", type=pathlib.Path)
    arguments = parser.parse_args()
    try:
        rows = simulate(arguments.build)
        print(tables(rows))
        if arguments.write:
            report.write_into(arguments.write / "balancing.md", "simulation", tables(rows))
            (arguments.write / "balancing.svg").write_text(plot(rows), encoding="utf-8")
    except (Failure, OSError) as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
