#!/usr/bin/env python3
"""The plot of docs/migration.md: sessions of each backend while an empty one gets its share.

Usage: rebalancing_page.py --build FOLDER [--write DOCS]

Runs FOLDER/bench/drover-rebalancing-simulation and prints what it says. --write puts the plot into
DOCS/rebalancing.svg."""

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from programs import Failure, output_of  # noqa: E402

_PROGRAM = "bench/drover-rebalancing-simulation"
_TITLES = {"two": "Two full ones and an empty one", "five": "Five full ones and an empty one"}
_CLOSE = 0.05
# Of the plot, in pixels.
_WIDTH, _HEIGHT = 760, 250
_LEFT, _TOP, _BOTTOM = 50, 40, 46
_PANEL, _GAP = 320, 40
_MOST, _STEP = 300, 100
_EVERY = 10  # seconds
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2328}.back{fill:#fff}.grid{stroke:#d1d9e0}.mean{fill:#d1d9e0;"
    "opacity:.6}path{fill:none;stroke-width:2}.full{stroke:#0969da}.empty{stroke:#bc4c00}text.full{fill:#0969da;"
    "stroke:none}text.empty{fill:#bc4c00;stroke:none}@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.back{fill:"
    "#0d1117}.grid{stroke:#3d444d}.mean{fill:#3d444d}.full{stroke:#79c0ff}.empty{stroke:#ffa657}text.full{fill:#79c0ff}"
    "text.empty{fill:#ffa657}}")


def read_rows(text):
    """By pool: the sessions of each backend, second by second."""
    pools = {}
    for line in text.splitlines():
        pool, _, *sessions = line.split(",")
        pools.setdefault(pool, []).append([int(count) for count in sessions])
    return pools


def _y(sessions):
    return _TOP + (1 - sessions / _MOST) * (_HEIGHT - _TOP - _BOTTOM)


def _panel(pool, seconds, left):
    last = len(seconds) - 1

    def x(second):
        return left + second / last * _PANEL
    mean = sum(seconds[0]) / len(seconds[0])
    parts = [f'<text x="{left}" y="22">{_TITLES[pool]}</text>',
             f'<rect class="mean" x="{left}" width="{_PANEL}" y="{_y(mean * (1 + _CLOSE)):.1f}" '
             f'height="{_y(mean * (1 - _CLOSE)) - _y(mean * (1 + _CLOSE)):.1f}"/>']
    for sessions in range(0, _MOST + 1, _STEP):
        parts.append(f'<line class="grid" x1="{left}" x2="{left + _PANEL}" y1="{_y(sessions):.1f}" '
                     f'y2="{_y(sessions):.1f}"/>')
    parts += [f'<text x="{x(second):.1f}" y="{_HEIGHT - 28}" text-anchor="middle">{second} s</text>'
              for second in range(0, last + 1, _EVERY)]
    for number in range(len(seconds[0])):
        points = " L".join(f"{x(second):.1f} {_y(row[number]):.1f}" for second, row in enumerate(seconds))
        kind = "empty" if number == len(seconds[0]) - 1 else "full"
        parts.append(f'<path class="{kind}" d="M{points}"/>')
    return parts


def plot(pools):
    """SVG: a panel for each pool."""
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
             'aria-label="Sessions of each backend while an empty one gets its share">',
             f"<style>{_STYLE}</style>", f'<rect class="back" width="{_WIDTH}" height="{_HEIGHT}"/>']
    parts += [f'<text x="{_LEFT - 8}" y="{_y(sessions) + 4:.1f}" text-anchor="end">{sessions}</text>'
              for sessions in range(0, _MOST + 1, _STEP)]
    for number, (pool, seconds) in enumerate(pools.items()):
        parts += _panel(pool, seconds, _LEFT + number * (_PANEL + _GAP))
    parts += [f'<text class="full" x="{_LEFT}" y="{_HEIGHT - 8}">each of the full ones</text>',
              f'<text class="empty" x="{_LEFT + 150}" y="{_HEIGHT - 8}">the empty one</text>',
              f'<text x="{_LEFT + 270}" y="{_HEIGHT - 8}">grey: within {_CLOSE:.0%} of the mean</text>']
    return "\n".join([*parts, "</svg>"]) + "\n"


def simulate(build):
    """What the program of that build prints."""
    return output_of(build / _PROGRAM)


def main():
    """Exit code 1: the program failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--write", type=pathlib.Path)
    arguments = parser.parse_args()
    try:
        text = simulate(arguments.build)
        print(text, end="")
        if arguments.write:
            (arguments.write / "rebalancing.svg").write_text(plot(read_rows(text)), encoding="utf-8")
    except (Failure, OSError) as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
