"""How good is the document for those who must work with it? Sentences with numbers, no score: a number that mixes
licences with digests tells nobody what to ask the vendor for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from scanner.supply_chain.checking import fields
from scanner.supply_chain.checking.result import Statement
from scanner.supply_chain.identity import identity, split_purl
from scanner.supply_chain.licenses import stated
from scanner.supply_chain.model import Bom

__all__ = ["statements"]


def statements(bom: Bom) -> tuple[Statement, ...]:
    """The sentences, the most useful first."""
    return tuple(
        one for part in (_identified, _versions, _licences, _digests, _graph, _doubles, _lost) for one in part(bom)
    )


def _of(id_: str, part: int, whole: int, words: str, *, wish: bool = True) -> Statement:
    """`part of whole components …`; good when all have it, or (with wish=False) when none has."""
    text = f"{part} of {whole} components {words}" if whole else "there are no components"
    return Statement(id_, text, part, whole, (part == whole if wish else part == 0) if whole else None)


def _identified(bom: Bom) -> Iterator[Statement]:
    whole = len(bom.components)
    yield _of("purl", sum(one.purl is not None for one in bom.components), whole, "have a package URL")
    anonymous = sum(one.purl is None and not one.cpes for one in bom.components)
    yield _of("unmatchable", anonymous, whole, "can be matched with no vulnerability (no purl, no CPE)", wish=False)


def _versions(bom: Bom) -> Iterator[Statement]:
    whole = len(bom.components)
    yield _of("version", sum(fields.said(one.version) for one in bom.components), whole, "have a version")
    differ = 0
    for one in bom.components:
        if one.purl is not None and one.version and "%" not in one.purl:
            inside = split_purl(one.purl)[3]
            differ += bool(inside) and inside != one.version and not one.version.endswith(inside)
    if differ:
        yield _of("version-conflict", differ, whole, "give another version than their package URL", wish=False)


def _licences(bom: Bom) -> Iterator[Statement]:
    whole = len(bom.components)
    said = [stated(one.licenses) for one in bom.components]
    spdx = sum(bool(some) and all(item.expression for item in some) for some in said)
    yield _of("licence", sum(map(bool, said)), whole, "state a licence")
    yield _of("licence-spdx", spdx, whole, "state it as an SPDX expression")


def _digests(bom: Bom) -> Iterator[Statement]:
    whole = len(bom.components)
    strong = sum(any(name not in fields.FORGEABLE for name in one.hashes) for one in bom.components)
    weak = sum(bool(one.hashes) and all(name in fields.FORGEABLE for name in one.hashes) for one in bom.components)
    yield _of("digest", strong, whole, "have a digest of SHA-256 or better")
    if weak:
        yield _of("digest-weak", weak, whole, "have only a digest that can be forged (MD5, SHA-1)", wish=False)


def _graph(bom: Bom) -> Iterator[Statement]:
    """What can be reached from the subject through relations and nesting."""
    whole = len(bom.components)
    if bom.subject is None:
        yield Statement("subject", "the document does not say which product it describes", 0, 1, False)
        return
    below: dict[str, list[str]] = defaultdict(list)
    for relation in bom.relations:
        below[relation.source].append(relation.target)
    for one in bom.components:
        if one.parent is not None:
            below[one.parent].append(one.ref)
    seen = {bom.subject}
    waiting = [bom.subject]
    while waiting:
        for ref in below.get(waiting.pop(), ()):
            if ref not in seen:
                seen.add(ref)
                waiting.append(ref)
    reached = sum(one.ref in seen for one in bom.components)
    yield _of("reachable", reached, whole, "are reached from the product through stated relations")


def _doubles(bom: Bom) -> Iterator[Statement]:
    counts = Counter((identity(one), one.version) for one in bom.components)
    doubled = sum(count - 1 for count in counts.values())
    if doubled:
        yield _of(
            "repeated", doubled, len(bom.components), "repeat another one (same identity and version)", wish=False
        )


def _lost(bom: Bom) -> Iterator[Statement]:
    broken = sum(one.count for one in bom.dropped if one.what in ("dependency", "relationship"))
    whole = broken + len(bom.relations)
    if broken:
        text = f"{broken} of {whole} relations lead to something that is not a component of the document"
        yield Statement("broken-relations", text, broken, whole, False)
