"""Results as Markdown: tables and targets of a comparison, and the place of a result in a page.

A run is a dictionary: turn, case, proxy, errors, first_error, and what was measured, with the load generator's names.
Ratios are between runs of the same turn; of several, the median counts."""

import statistics
from typing import NamedTuple

from programs import Failure

MESSAGE_CASES = ("64", "64x16", "1k", "16k", "64k", "rate", "fanout")
TLS_CASES = ("tls-64", "tls-64k", "tls-full", "tls-resumed", "tls-idle")  # without the relay, which knows no TLS
IDLE_CASES = ("idle", "tls-idle")
RELAY = "relay"
PEERS = ("haproxy", "haproxy-tuned", "nginx", "nginx-tuned")
ONE_WORKER, TWO_WORKERS = "1 worker", "2 workers"
_IDLE_BYTES, _TLS_IDLE_BYTES = 1_000, 16_000
_TITLES = {
    "cpu": "CPU of the proxy, µs a message (churn: a connection)",
    "peers": "Drover as a ratio to each peer: median (least–most)",
    "rate": "Messages (churn: connections; fanout: deliveries) a second",
    "latency": "Latency, µs: p50 / p99 / p99.9 / typical p99",
    "memory": "User memory, bytes an idle session",
}
_TLS_TITLES = {
    "cpu": "TLS: CPU of the proxy, µs a message (tls-full, tls-resumed: a connection)",
    "peers": "TLS: Drover as a ratio to each peer: median (least–most)",
    "rate": "TLS: messages (tls-full, tls-resumed: connections) a second",
    "latency": "TLS: latency, µs: p50 / p99 / p99.9 / typical p99",
    "memory": "TLS: user memory, bytes an idle session",
}
_PERCENTILES = ("p50", "p99", "p99.9", "p99_typical")


def cpu(run):
    """Microseconds a message or connection."""
    return run["cpu_us"]


def p99(run):
    """Microseconds, over the whole window."""
    return run["latency_us"]["p99"]


def typical_p99(run):
    """Microseconds: the median of the p99 of each tenth of a second."""
    return run["latency_us"]["p99_typical"]


def memory(run):
    """Bytes an idle session."""
    return run["bytes_a_session"]


class Results:
    """The runs, by case and proxy. Runs with errors are counted, but not measured."""

    def __init__(self, runs):
        self.runs = runs
        self.cases = list(dict.fromkeys(run["case"] for run in runs))
        self.proxies = list(dict.fromkeys(run["proxy"] for run in runs if run["case"] != "workers"))
        self.failed = [run for run in runs if run["errors"]]

    def good(self, case, proxy):
        """The runs without errors, by turn."""
        return {run["turn"]: run for run in self.runs
                if run["case"] == case and run["proxy"] == proxy and not run["errors"]}

    def errors(self, case, proxy):
        """In all turns."""
        return sum(run["errors"] for run in self.failed if run["case"] == case and run["proxy"] == proxy)

    def median(self, case, proxy, value):
        """None where no turn was good."""
        good = self.good(case, proxy).values()
        return statistics.median(map(value, good)) if good else None

    def ratios(self, case, proxy, base, value):
        """Of the turns in which both are good and the base is not nothing."""
        those, bases = self.good(case, proxy), self.good(case, base)
        return [value(those[turn]) / value(bases[turn])
                for turn in those if turn in bases and value(bases[turn]) > 0]


class _Group(NamedTuple):
    """Cases that share tables: those of plain connections, or those of TLS."""

    timed: list  # those with operations in a window of time
    idle: list  # those about memory
    proxies: list  # that take part


def _group(results, belongs, proxies):
    cases = [case for case in results.cases if belongs(case)]
    return _Group([case for case in cases if case not in IDLE_CASES], [case for case in cases if case in IDLE_CASES],
                  proxies)


def table(head, rows):
    """Lines: the first column is text, the others are numbers."""
    aligned = ["---"] + ["---:"] * (len(head) - 1)
    return [f"| {' | '.join(cells)} |" for cells in (head, aligned, *rows)]


def spread(ratios):
    """The median, with least and most."""
    if not ratios:
        return "-"
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def _cells(results, cases, proxies, show):
    """A row a case, a column a proxy; `show(case, proxy)` is None where nothing could be measured."""
    def cell(case, proxy):
        text = show(case, proxy) or "-"
        errors = results.errors(case, proxy)
        return f"{text} (errors: {errors:,})" if errors else text

    return table(["case", *proxies], [[case, *(cell(case, proxy) for proxy in proxies)] for case in cases])


def _medians(results, cases, proxies, value, form):
    def show(case, proxy):
        median = results.median(case, proxy, value)
        return None if median is None else format(median, form)
    return _cells(results, cases, proxies, show)


def _latencies(results, cases, proxies):
    def show(case, proxy):
        medians = [results.median(case, proxy, lambda run, name=name: run["latency_us"][name])
                   for name in _PERCENTILES]
        return None if None in medians else " / ".join(f"{median:,.0f}" for median in medians)
    return _cells(results, cases, proxies, show)


def _against_peers(results, group):
    peers = [proxy for proxy in group.proxies if proxy not in (RELAY, "drover")]
    rows = [(f"{case}: CPU", case, cpu) for case in group.timed]
    if "rate" in group.timed:
        rows += [("rate: p99", "rate", p99), ("rate: typical p99", "rate", typical_p99)]
    rows += [(f"{case}: memory", case, memory) for case in group.idle]
    return table(["case", *peers],
                 [[name, *(spread(results.ratios(case, "drover", peer, value)) for peer in peers)]
                  for name, case, value in rows])


def _agreements(results):
    """Protocol, cipher and group of the key exchange, each with those who had it."""
    had = {}
    for run in results.runs:
        for agreed in run["tls"]["agreed"] if "tls" in run else ():
            had.setdefault(agreed, {})[run["proxy"]] = None
    lines = [f"- {agreed}: {', '.join(proxies)}" for agreed, proxies in had.items()]
    return lines if len(had) < 2 else ["**Not the same for all**, so the figures are of different work:", "", *lines]


def capacities(results):
    """What two workers carry as a multiple of what one does, each turn: two CPUs, each at the cost of two workers."""
    return [2 * ratio for ratio in results.ratios("workers", ONE_WORKER, TWO_WORKERS, cpu)]


def _workers(results):
    costs = [results.median("workers", proxy, cpu) for proxy in (ONE_WORKER, TWO_WORKERS)]
    cells = ["-" if cost is None else f"{cost:.2f}" for cost in costs]
    return table(["", "one worker, µs", "two workers, µs", "capacity of two"],
                 [["CPU a message", *cells, spread(capacities(results))]])


def target(text, bound, figures, at_least=False):
    """`figures`: what must keep the bound, by name; None where it was not measured."""
    known = {name: figure for name, figure in figures.items() if figure is not None}
    missed = {name: figure for name, figure in known.items() if (figure < bound if at_least else figure > bound)}
    worst = sorted(known, key=known.get, reverse=not at_least)[:1]
    named = sorted(missed, key=missed.get, reverse=not at_least) or worst
    form = ",.0f" if bound >= 100 else ".3f"
    figure = ", ".join(f"{known[name]:{form}} ({name})" if len(figures) > 1 else f"{known[name]:{form}}"
                       for name in named)
    complete = len(known) == len(figures)
    return {"target": text, "figure": figure or "-",
            "met": False if missed else True if complete else None}


def targets(results):
    """Each with its figure (the worst, or all that miss it) and whether it is met; None: not all was measured."""
    def middle(numbers):
        return statistics.median(numbers) if numbers else None

    def costs(cases, base):
        return {case: middle(results.ratios(case, "drover", base, cpu)) for case in cases}

    found = [target("CPU a message ≤ 1.10 × the relay, every message case", 1.10, costs(MESSAGE_CASES, "relay")),
             target("CPU a connection (churn) ≤ 1.20 × the relay", 1.20, costs(["churn"], "relay"))]
    for peer in PEERS:
        bound = 1.05 if peer.startswith("nginx") else 1.0
        found.append(target(f"CPU ≤ {bound:.2f} × {peer}, every message case and churn", bound,
                            costs((*MESSAGE_CASES, "churn"), peer)))
    found += [
        *(target(f"{name} at the fixed rate ≤ 1.05 × each peer", 1.05,
                 {peer: middle(results.ratios("rate", "drover", peer, value)) for peer in PEERS})
          for name, value in (("typical p99", typical_p99), ("p99 of the whole window", p99))),
        target(f"an idle session ≤ {_IDLE_BYTES:,} bytes of user memory", _IDLE_BYTES,
               {"idle": results.median("idle", "drover", memory)}),
        target("two workers carry ≥ 1.8 × what one carries", 1.8, {"workers": middle(capacities(results))},
               at_least=True),
        target("TLS: CPU a message of 64 bytes ≤ 1.05 × nginx", 1.05, costs(["tls-64"], "nginx")),
        target("TLS: CPU a message of 64 KiB ≤ 1.00 × haproxy", 1.0, costs(["tls-64k"], "haproxy")),
        target("TLS: CPU a connection ≤ 1.05 × nginx, full and resumed", 1.05,
               costs(["tls-full", "tls-resumed"], "nginx")),
        target(f"TLS: an idle session ≤ {_TLS_IDLE_BYTES:,} bytes of user memory", _TLS_IDLE_BYTES,
               {"tls-idle": results.median("tls-idle", "drover", memory)}),
        {"target": "no case with errors", "figure": f"{len(results.failed)} of {len(results.runs)} runs had some",
         "met": not results.failed},
    ]
    return found


def verdicts(found):
    """Targets as a table."""
    verdict = {True: "met", False: "**not met**", None: "not all measured"}
    return table(["target", "figure", ""], [[one["target"], one["figure"], verdict[one["met"]]] for one in found])


def _errors(results):
    return [f"- {run['proxy']}, {run['case']}, turn {run['turn']}: errors: {run['errors']:,}, first: "
            f"{run['first_error']}" for run in results.failed]


def summary(results):
    """For JSON: medians by case and proxy, and ratios to the relay and of Drover to the proxy, of each turn."""
    found = {}
    for case, proxy in dict.fromkeys((run["case"], run["proxy"]) for run in results.runs):
        idle = case in IDLE_CASES
        what = memory if idle else cpu
        cell = {"errors": results.errors(case, proxy),
                "bytes_a_session" if idle else "cpu_us": results.median(case, proxy, what)}
        if not idle:
            cell["per_second"] = results.median(case, proxy, lambda run: run["per_second"])
            cell["latency_us"] = {name: results.median(case, proxy, lambda run, name=name: run["latency_us"][name])
                                  for name in _PERCENTILES}
        if case != "workers":
            cell["to_relay"] = results.ratios(case, proxy, RELAY, what)
            cell["drover_to_it"] = results.ratios(case, "drover", proxy, what)
        found.setdefault(case, {})[proxy] = cell
    return found


def _tables(results, group, titles):
    """Titles and lines."""
    cases, proxies = group.timed, group.proxies
    found = []
    if cases:
        found.append((titles["cpu"], _medians(results, cases, proxies, cpu, ".2f")))
    others = [proxy for proxy in proxies if proxy != RELAY]
    if cases and others and others != proxies:
        found.append(("CPU as a ratio to the bare relay: median (least–most)", _cells(
            results, cases, others, lambda case, proxy: spread(results.ratios(case, proxy, RELAY, cpu)))))
    if (cases or group.idle) and "drover" in proxies and set(proxies) - {RELAY, "drover"}:
        found.append((titles["peers"], _against_peers(results, group)))
    if cases:
        found += [(titles["rate"], _medians(results, cases, proxies, lambda run: run["per_second"], ",.0f")),
                  (titles["latency"], _latencies(results, cases, proxies))]
    if group.idle:
        found.append((titles["memory"], _medians(results, group.idle, proxies, memory, ",.0f")))
    return found


def comparison(results, machine):
    """The whole page of a comparison."""
    plain = _group(results, lambda case: case not in (*TLS_CASES, "workers"), results.proxies)
    tls = _group(results, lambda case: case in TLS_CASES, [proxy for proxy in results.proxies if proxy != RELAY])
    sections = _tables(results, plain, _TITLES)
    if "workers" in results.cases:
        sections.append(("Two workers", _workers(results)))
    sections += _tables(results, tls, _TLS_TITLES)
    if tls.timed or tls.idle:
        sections.append(("TLS: protocol, cipher and group that were agreed on", _agreements(results)))
    sections.append(("Targets", verdicts(targets(results))))
    if results.failed:
        sections.append(("Errors", _errors(results)))
    sections.append(("Machine", [f"- {what}: {text}" for what, text in machine.items()]))
    return "\n\n".join(f"### {title}\n\n" + "\n".join(lines) for title, lines in sections if lines)


def write_into(file, name, text):
    """Between the marks of that name."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    page = file.read_text(encoding="utf-8")
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
        raise Failure(f"{file} must have {begin} and, below it, {end} once each")
    before, rest = page.split(begin)
    file.write_text(f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}", encoding="utf-8")
