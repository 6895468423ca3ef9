"""See the package."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

from bench.oscap import __doc__ as about
from bench.oscap.compare import KINDS, Comparison, compare, load_reasons
from bench.oscap.run import FRAMEWORKS, Cost, assay, load, oscap, oscap_verdicts, our_verdicts, release_of
from bench.oscap.tree import build

TREES = ("default", "hardened", "default-relative", "hardened-relative")
CONTENT = Path("/usr/share/xml/scap/ssg/content/ssg-rhel9-ds.xml")
REASONS = Path(__file__).parent / "reasons.yaml"


def main() -> int:
    """Build, run, compare, print."""
    parser = argparse.ArgumentParser(
        prog="bench.oscap", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for trees and results, outside the repository")
    parser.add_argument("--oscap", default="oscap", help="the program")
    parser.add_argument("--content", type=Path, default=CONTENT, help="data stream, its name as ssg-rhel10-ds.xml")
    parser.add_argument("--trees", nargs="+", choices=TREES, default=TREES)
    parser.add_argument("--keep", action="store_true", help="use trees that are there")
    parser.add_argument("--runs", type=int, default=5, help="runs of assay whose median counts; oscap runs once")
    parser.add_argument("--json", type=Path, help="write everything here as well")
    options = parser.parse_args()
    release = release_of(options.content)
    options.work.mkdir(parents=True, exist_ok=True)
    reasons = load_reasons(REASONS)
    document: dict[str, Any] = {"content": options.content.name, "oscap": options.oscap, "trees": {}}
    wrong = 0
    for name in options.trees:
        tree = _tree(options.work, name, release, keep=options.keep)
        results = options.work / f"oscap-{name}-{release}.xml"
        costs = {"oscap, STIG": oscap(options.oscap, options.content, tree, results)}
        every, stig = (options.work / f"assay-{name}-{release}-{what}.json" for what in ("every", "stig"))
        assay(tree, FRAMEWORKS, every)
        costs["assay, every framework"] = _median([assay(tree, FRAMEWORKS, every) for _ in range(options.runs)])
        costs["assay, STIG"] = _median([assay(tree, ["stig"], stig) for _ in range(options.runs)])
        # A rule that only an older STIG has is judged with another framework's parameters.
        ours = {**our_verdicts(load(every)), **our_verdicts(load(stig))}
        found = compare(name, release, oscap_verdicts(results), ours, reasons)
        wrong += sum(row.unexplained for row in found.rows)
        entries = sum(len(folders) + len(files) for _, folders, files in os.walk(tree))
        print(_text(found, costs, entries))
        document["trees"][name] = _document(found, costs, entries)
    if options.json:
        options.json.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    if wrong:
        print(f"{wrong} differences without a reason in {REASONS.name}", file=sys.stderr)
    return 1 if wrong else 0


def _tree(work: Path, name: str, release: int, *, keep: bool) -> Path:
    kind, _, relative = name.partition("-")
    there = work / f"{kind}-{release}{'-relative' if relative else ''}"
    return there if keep and there.is_dir() else build(work, kind, release, relative_links=bool(relative))


def _median(costs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.wall for cost in costs),
        statistics.median(cost.cpu for cost in costs),
        max(cost.memory for cost in costs),
    )


def _text(found: Comparison, costs: dict[str, Cost], entries: int) -> str:
    """The table of one tree."""
    equal, both = found.agreement()
    lines = [
        "",
        f"== {found.tree}: {entries} entries, {len(found.rows)} rules",
        f"judged (pass or fail): oscap {found.judged('theirs')}, assay {found.judged('ours')}",
        f"of {both} that both judge, {equal} agree ({100 * equal / max(both, 1):.1f} %)",
        f"judged by assay alone: {len(found.settled())}",
        "",
        f"{'oscap':<14} {'assay':<14} rules",
        *(f"{theirs:<14} {ours:<14} {count:>5}" for (theirs, ours), count in found.matrix().items()),
        "",
        f"{'':<24} {'wall':>8} {'CPU':>8} {'memory':>9} {'CPU of oscap':>14}",
    ]
    base = costs["oscap, STIG"].cpu
    lines += [
        f"{name:<24} {cost.wall:>6.2f} s {cost.cpu:>6.2f} s {cost.memory:>5.0f} MiB {base / cost.cpu:>13.1f}x"
        for name, cost in costs.items()
    ]
    for kind, words in KINDS.items():
        rows = found.of_kind(kind)
        lines += ["", f"-- {words}: {len(rows)}"] if rows else []
        groups: dict[str, list[str]] = {}
        for row in rows:
            groups.setdefault(row.reason or f"NO REASON: {row.why[:200]}", []).append(row.rule)
        lines += [f"{reason}\n     {' '.join(rules)}" for reason, rules in groups.items()]
    settled = found.settled()
    if settled:
        lines += ["", "-- judged by assay alone", *(f"     {row.theirs} -> {row.ours}: {row.rule}" for row in settled)]
    return "\n".join(lines)


def _document(found: Comparison, costs: dict[str, Cost], entries: int) -> dict[str, Any]:
    equal, both = found.agreement()
    return {
        "entries": entries,
        "agree": equal,
        "judged": {"both": both, "oscap": found.judged("theirs"), "assay": found.judged("ours")},
        "cost": {name: dataclasses.asdict(cost) for name, cost in costs.items()},
        "rows": [{**dataclasses.asdict(row), "unexplained": row.unexplained} for row in found.rows],
    }


if __name__ == "__main__":
    sys.exit(main())
