"""Statements on vulnerabilities, from the documents and from VEX documents beside them, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from scanner.supply_chain.comparing.components import version_of
from scanner.supply_chain.comparing.graph import Graph, Nodes
from scanner.supply_chain.comparing.result import Change
from scanner.supply_chain.identity import ecosystem, identity
from scanner.supply_chain.model import Bom, Dropped, Vulnerability
from scanner.supply_chain.vex.applying import APPLIED_BY, Finder
from scanner.supply_chain.vex.model import STATES, VexDocument

__all__ = ["Flaw", "dropped_note", "flaw_changes", "flaws_of"]

SEVERITIES = ("critical", "high", "medium", "low", "none", "")

NAMED = 5
"""Statements that a note names."""

Key = tuple[str, int | str]
"""A vulnerability, and the node it concerns; or, when it concerns no component of the document, the text given."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What counts of a vulnerability in a component: the statement, the index of the component (-1: none), and how it
    was found (`APPLIED_BY`; empty for a statement of the document itself)."""

    said: Vulnerability
    index: int
    by: str = ""


def flaws_of(bom: Bom, nodes: Sequence[int], documents: Iterable[VexDocument]) -> tuple[dict[Key, Flaw], list[str]]:
    """What counts of each vulnerability; and what of the VEX documents could not be applied.

    Of contradicting statements of one document the worst state counts; a VEX document overrides the SBOM, a later one
    an earlier one.
    """
    finder = Finder(bom)
    found: dict[Key, Flaw] = {}
    _merge(found, (_keyed(one, finder, nodes) for one in bom.vulnerabilities))
    notes = []
    for document in documents:
        idle = 0
        unmatched: list[str] = []
        keyed: list[list[tuple[Key, Flaw]]] = []
        for statement in document.statements:
            applied = finder.affected(statement)
            idle += not applied.by and not applied.unmatched
            flaw = statement.vulnerability
            unmatched += [f"{flaw.id} of {text}" for text in applied.unmatched]
            keyed.append([((flaw.id, nodes[index]), Flaw(flaw, index, by)) for index, by in applied.by.items()])
        _merge(found, keyed)
        if idle:
            total = len(document.statements)
            notes.append(f"{document.source}: {idle} of {total} VEX statements concern nothing in {bom.source or 'it'}")
        if unmatched:
            more = f" and {len(unmatched) - NAMED} more" if len(unmatched) > NAMED else ""
            notes.append(f"{document.source}: could not be matched: {'; '.join(unmatched[:NAMED])}{more}")
        notes += [dropped_note(document.source, one) for one in document.dropped]
    return found, notes


def dropped_note(source: str, one: Dropped) -> str:
    """What was left out in reading a document, in one line."""
    first = f" (first at {one.place})" if one.place else ""
    return f"{source or 'the document'}: {one.count} x {one.what}: {one.why}{first}"


def _keyed(flaw: Vulnerability, finder: Finder, nodes: Sequence[int]) -> list[tuple[Key, Flaw]]:
    """A statement of the document itself, once for each component; kept even when it names none."""
    out: list[tuple[Key, Flaw]] = []
    for word in flaw.affects or ("",):
        indexes = finder.inside(word)
        out += [((flaw.id, nodes[index]), Flaw(flaw, index)) for index in indexes]
        if not indexes:
            out.append(((flaw.id, word), Flaw(flaw, -1)))
    return out


def _merge(found: dict[Key, Flaw], groups: Iterable[list[tuple[Key, Flaw]]]) -> None:
    own: dict[Key, Flaw] = {}
    for group in groups:
        for key, flaw in group:
            if key not in own or _badness(flaw) < _badness(own[key]):
                own[key] = flaw
    for key, flaw in own.items():
        earlier = found.get(key)
        if earlier is not None and not flaw.said.severity and earlier.said.severity:
            flaw = _with_rating(flaw, earlier.said)  # VEX documents seldom repeat the rating
        found[key] = flaw


def _with_rating(flaw: Flaw, rated: Vulnerability) -> Flaw:
    one = flaw.said
    made = Vulnerability(
        one.id, one.affects, one.state, one.justification, rated.severity, rated.score, one.source, one.place
    )
    return Flaw(made, flaw.index, flaw.by)


def _badness(flaw: Flaw) -> tuple[int, int, str, str, str, str]:
    one = flaw.said
    state = STATES.index(one.state) if one.state in STATES else STATES.index("unknown")
    severity = SEVERITIES.index(one.severity) if one.severity in SEVERITIES else len(SEVERITIES)
    return state, severity, one.score, one.justification, one.source, one.place


def flaw_changes(
    old: Mapping[Key, Flaw], new: Mapping[Key, Flaw], graphs: tuple[Graph, Graph], nodes: Nodes
) -> Iterator[Change]:
    """Statements that appeared, vanished or changed."""
    upgraded = _changed_versions(graphs, nodes) if old or new else {}
    for key in sorted(old.keys() | new.keys(), key=lambda key: (key[0], str(key[1]))):
        before, after = old.get(key), new.get(key)
        if before is not None and after is not None and _shown(before) == _shown(after):
            continue
        yield _change(str(key[1]), before, after, graphs, upgraded)


def _changed_versions(graphs: tuple[Graph, Graph], nodes: Nodes) -> Mapping[int, str]:
    """For each node on both sides, whether its version changed."""
    old, new = (graph.bom.components for graph in graphs)
    first = {node: index for index, node in enumerate(nodes.old) if node < nodes.pairs}
    return {
        node: "same" if version_of(old[first[node]]) == version_of(new[index]) else "other_version"
        for index, node in enumerate(nodes.new)
        if node in first
    }


def _change(
    word: str, before: Flaw | None, after: Flaw | None, graphs: tuple[Graph, Graph], versions: Mapping[int, str]
) -> Change:
    flaw = after or before
    assert flaw is not None
    graph = graphs[1] if after is not None else graphs[0]
    kind = "vulnerability_" + ("appeared" if before is None else "vanished" if after is None else "changed")
    facts = {
        "vulnerability": flaw.said.id,
        "state": after.said.state if after else "",
        "state_before": before.said.state if before else "",
        "severity": _worse(before, after),
        "component": "unlisted",
        "applied_by": flaw.by,
    }
    refs = {"old": "", "new": "", "old_place": "", "new_place": ""}
    for side, one in (("old", before), ("new", after)):
        if one is not None:
            own = graphs[side == "new"]
            refs[side] = own.bom.components[one.index].ref if one.index >= 0 else ""
            refs[f"{side}_place"] = one.said.place
    name = where = ""
    if flaw.index >= 0:
        component = graph.bom.components[flaw.index]
        lone = "added" if after is not None else "removed"
        facts["component"] = versions.get(graph.nodes[flaw.index], lone)
        facts |= {"ecosystem": ecosystem(component), "type": component.type, "reach": graph.reach(flaw.index)}
        name, where = component.name, identity(component)
    return Change(
        kind,
        where,
        name or word or "the product",
        before=_told(before) if before else "",
        after=_told(after) if after else "",
        facts=facts,
        old=refs["old"],
        new=refs["new"],
        old_place=refs["old_place"],
        new_place=refs["new_place"],
    )


def _worse(before: Flaw | None, after: Flaw | None) -> str:
    told = [one.said.severity for one in (before, after) if one is not None and one.said.severity in SEVERITIES]
    return min(told, key=SEVERITIES.index, default="")


def _shown(flaw: Flaw) -> str:
    """Id, state, and in brackets what else is said."""
    one = flaw.said
    more = ", ".join(text for text in (one.severity, one.score, one.justification) if text)
    return f"{one.id} {one.state}" + (f" ({more})" if more else "")


def _told(flaw: Flaw) -> str:
    """As `_shown`, and why the statement holds for the component where that is not beyond doubt."""
    why = APPLIED_BY.get(flaw.by, "")
    return _shown(flaw) + (f"; {why}" if why else "")
