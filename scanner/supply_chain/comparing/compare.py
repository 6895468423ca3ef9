"""Two documents in, everything that differs out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from scanner.supply_chain.bulk import without_collector
from scanner.supply_chain.comparing.components import Look, lone_change, pair_changes, same
from scanner.supply_chain.comparing.flaws import dropped_note, flaw_changes, flaws_of
from scanner.supply_chain.comparing.graph import Graph, Nodes, nodes_of, relation_changes
from scanner.supply_chain.comparing.matching import Matching, match
from scanner.supply_chain.comparing.materiality import Policy, shipped_policy
from scanner.supply_chain.comparing.quality import measure, quality_changes
from scanner.supply_chain.comparing.result import KINDS, LEVELS, Change, Diff, Side
from scanner.supply_chain.comparing.suggesting import suggest
from scanner.supply_chain.comparing.summary import summarise
from scanner.supply_chain.model import Bom, Dropped
from scanner.supply_chain.vex.model import VexDocument

__all__ = ["compare"]

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_LEVEL = {level: number for number, level in enumerate(LEVELS)}
_LOST = frozenset({"component", "element", "package", "file", "line", "statement", "statements", "vulnerability"})
"""What loaders drop that may be a component or a statement as a whole."""
_KIND = {kind: number for number, kind in enumerate(KINDS)}


def compare(
    old: Bom,
    new: Bom,
    policy: Policy | None = None,
    *,
    vex_old: Sequence[VexDocument] = (),
    vex: Sequence[VexDocument] = (),
    as_of: str = "",
) -> Diff:
    """Compare `new` with `old`. `policy`: the shipped one unless given. `vex_old`, `vex`: VEX documents beside each.

    `as_of`: ISO day for which support of the new release is judged; without it, the day on which each was made.
    The same arguments give the same result, whatever the order of components and relations in the documents.
    """
    with without_collector():
        return _compared(old, new, policy or shipped_policy(), vex_old, vex, as_of)


def _compared(
    old: Bom, new: Bom, policy: Policy, vex_old: Sequence[VexDocument], vex: Sequence[VexDocument], as_of: str
) -> Diff:
    matching = match(old, new)
    nodes = nodes_of(old, new, matching)
    graphs = Graph(old, nodes.old, nodes), Graph(new, nodes.new, nodes)
    look = Look(_day(old.created), as_of or _day(new.created), policy.classes)

    found: list[Change] = []
    changed = 0
    for changes in _paired(matching, graphs, look):
        changed += bool(changes)
        found += changes
    found += _lone(matching, graphs, look)
    relations, implied = relation_changes(*graphs, nodes)
    found += relations
    flaws, notes = _flaws(graphs, nodes, vex_old, vex)
    found += flaws
    sides = _side(graphs[0]), _side(graphs[1])
    found += quality_changes(sides[0].quality, sides[1].quality)

    judged = sorted((policy.judge(change) for change in found), key=_order)
    accounted = {
        "unchanged": len(matching.pairs) - changed,
        "changed": changed,
        "removed": len(matching.removed),
        "added": len(matching.added),
        "relations_of_added_or_removed": implied,
    }
    incomplete = [dropped_note(name, one) for name, one in _drops(old, new, *vex_old, *vex) if one.what in _LOST]
    notes = [*_notes(old, graphs[0]), *_notes(new, graphs[1]), *_across_formats(old, new, found), *notes]
    suggestions = suggest(
        [old.components[index] for index in matching.removed], [new.components[index] for index in matching.added]
    )
    return Diff(
        *sides,
        tuple(judged),
        suggestions,
        summarise(*sides, judged, accounted, suggestions, notes),
        accounted,
        tuple(notes),
        tuple(incomplete),
        {"id": policy.id, "digest": policy.digest},
    )


def _paired(matching: Matching, graphs: tuple[Graph, Graph], look: Look) -> Iterator[list[Change]]:
    old, new = (graph.bom.components for graph in graphs)
    for pair in matching.pairs:
        one, two = old[pair.old], new[pair.new]
        if not same(one, two):
            yield pair_changes(one, two, pair.by, partial(graphs[1].reach, pair.new), look)


def _lone(matching: Matching, graphs: tuple[Graph, Graph], look: Look) -> Iterator[Change]:
    for graph, indexes, kind in (
        (graphs[0], matching.removed, "component_removed"),
        (graphs[1], matching.added, "component_added"),
    ):
        for index in indexes:
            yield lone_change(graph.bom.components[index], kind, graph.reach(index), graph.via(index), look)


def _flaws(
    graphs: tuple[Graph, Graph], nodes: Nodes, vex_old: Sequence[VexDocument], vex: Sequence[VexDocument]
) -> tuple[list[Change], list[str]]:
    before, notes = flaws_of(graphs[0].bom, nodes.old, vex_old)
    after, more = flaws_of(graphs[1].bom, nodes.new, vex)
    return list(flaw_changes(before, after, graphs, nodes)), notes + more


def _day(instant: str) -> str:
    found = _DAY.match(instant)
    return found[0] if found else ""


def _side(graph: Graph) -> Side:
    bom = graph.bom
    subjects = [bom.components[index] for index in graph.subjects]
    return Side(
        source=bom.source,
        format=bom.format,
        spec=bom.spec,
        sha256=bom.sha256,
        name=subjects[0].name if subjects else bom.name,
        version=next((one.version for one in subjects if one.version), ""),
        created=bom.created,
        components=len(bom.components),
        relations=len(bom.relations),
        statements=len(bom.vulnerabilities),
        quality=measure(bom, graph.named),
        dropped=tuple((one.what, one.why, one.place, one.count) for one in bom.dropped),
    )


def _notes(bom: Bom, graph: Graph) -> Iterator[str]:
    """What was not compared, and why."""
    name = bom.source or "the document"
    yield from (dropped_note(bom.source, one) for one in bom.dropped)
    if graph.foreign:
        yield f"{name}: {graph.foreign} relations name something that is no component of it; they are not compared"


def _across_formats(old: Bom, new: Bom, found: Sequence[Change]) -> Iterator[str]:
    """Real producers give the digest of a package file in one format and that of its header in the other."""
    differing = sum(change.kind == "hash_changed" for change in found)
    if differing and old.format != new.format:
        yield (
            f"the documents are of different formats, and the digests of {differing} components differ: "
            "they may be of different things (the package file, its header, its content)"
        )


def _drops(*documents: Bom | VexDocument) -> Iterator[tuple[str, Dropped]]:
    for document in documents:
        yield from ((document.source, one) for one in document.dropped)


def _order(change: Change) -> tuple[int, int, str, str, str, str, str]:
    return (
        _LEVEL[change.materiality],
        _KIND[change.kind],
        change.identity,
        change.name,
        change.before,
        change.after,
        change.old + change.new,
    )
