"""What changed in one component, and what a policy may ask about a component that came or went.

Compared: version, package URL and name, type, supplier, licences, hashes, scope, end of support, and whether hashes,
CPE names and copyright are given at all. Not compared: descriptions, properties, and where in the document it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from scanner.supply_chain import versions
from scanner.supply_chain.comparing.pairing import compare_versions
from scanner.supply_chain.comparing.result import Change
from scanner.supply_chain.identity import ecosystem, identity, spelled, split_purl
from scanner.supply_chain.licenses import CLASSES, class_of_component, stated
from scanner.supply_chain.model import Component

__all__ = ["Look", "lone_change", "pair_changes", "same", "title", "version_of"]


_MAIL = re.compile(r"(.*?)(?: ?[<(]([^<>() @]+@[^<>() @]+)[>)])?")


@dataclass(frozen=True, slots=True)
class Look:
    """What a comparison of components needs to know besides them. `old_day`, `new_day`: ISO day on which each document
    was made, empty when unknown; `classes`: licence classes that the policy sets by identifier."""

    old_day: str = ""
    new_day: str = ""
    classes: Mapping[str, str] = field(default_factory=dict)


def version_of(component: Component) -> str:
    """The version with the epoch of an rpm, which some documents state in the package URL only."""
    version, purl = component.version, component.purl
    if purl is None or not purl.startswith("pkg:rpm/") or "epoch=" not in purl or ":" in version:
        return version
    epoch = split_purl(purl)[4].get("epoch", "")
    return f"{epoch}:{version}" if epoch.isdigit() and epoch.strip("0") and version else version


def title(component: Component) -> str:
    """Identity and version, for people."""
    return f"{identity(component)} {version_of(component)}".rstrip()


def scope_of(component: Component) -> str:
    """CycloneDX: a component without scope is required."""
    return component.scope or "required"


def lone_change(component: Component, kind: str, reach: str, via: tuple[str, ...], look: Look) -> Change:
    """The change of a component that is on one side only; `kind`: component_added or component_removed. `via`: what
    stands between the subject and it."""
    added = kind == "component_added"
    version = version_of(component)
    facts = _facts(component, reach)
    facts["license_class"] = class_of_component(component, look.classes)
    return Change(
        kind,
        identity(component),
        component.name,
        before="" if added else version,
        after=version if added else "",
        facts=facts,
        old="" if added else component.ref,
        new=component.ref if added else "",
        old_place="" if added else component.place,
        new_place=component.place if added else "",
        via=via,
    )


def pair_changes(old: Component, new: Component, by: str, reach: Callable[[], str], look: Look) -> list[Change]:
    """Everything that differs between two components that were paired. `reach` is asked only when something does."""
    found = list(_differences(old, new, look))
    if not found:
        return []
    name, facts = identity(new), _facts(new, reach())
    return [
        Change(
            kind,
            name,
            new.name,
            before,
            after,
            facts={**facts, **more},
            old=old.ref,
            new=new.ref,
            old_place=old.place,
            new_place=new.place,
            matched_by=by,
        )
        for kind, before, after, more in found
    ]


def same(old: Component, new: Component) -> bool:
    """Whether a glance suffices: most pairs are equal in every field. Support may end while its date stays."""
    return (
        old.version == new.version
        and old.purl == new.purl
        and old.name == new.name
        and old.group == new.group
        and old.type == new.type
        and old.scope == new.scope
        and old.supplier == new.supplier
        and old.licenses == new.licenses
        and old.hashes == new.hashes
        and old.cpes == new.cpes
        and old.copyright == new.copyright
        and not old.end_of_support
        and not new.end_of_support
    )


def _facts(component: Component, reach: str) -> dict[str, str]:
    return {
        "ecosystem": ecosystem(component),
        "type": component.type,
        "scope": scope_of(component),
        "reach": reach,
        "supplier": component.supplier,
    }


Found = tuple[str, str, str, dict[str, str]]


def _differences(old: Component, new: Component, look: Look) -> Iterator[Found]:
    before, after = version_of(old), version_of(new)
    same_version = before == after
    if not same_version:
        yield _version(old, new, before, after)
    yield from _identity(old, new, same_version)
    if old.licenses != new.licenses:
        yield from _licenses(old, new, look)
    if old.supplier != new.supplier and not _same_party(old.supplier, new.supplier):
        yield "supplier_changed", old.supplier, new.supplier, {"loss": _loss(old.supplier, new.supplier)}
    if old.hashes != new.hashes:
        yield from _hashes(old.hashes, new.hashes, same_version)
    if old.type != new.type:
        yield "type_changed", old.type, new.type, {}
    if scope_of(old) != scope_of(new):
        yield "scope_changed", scope_of(old), scope_of(new), {"scope_before": scope_of(old)}
    yield from _support(old, new, look)
    yield from _given("cpe", old.cpes, new.cpes)
    yield from _given("copyright", old.copyright, new.copyright)


def _version(old: Component, new: Component, before: str, after: str) -> Found:
    order = compare_versions(old, before, new, after)
    kind = {-1: "version_upgraded", 1: "version_downgraded"}.get(order if order is not None else 0, "version_changed")
    facts = {"step": versions.step(before, after), "order": "same" if order == 0 else "none" if order is None else ""}
    same = {name: digest for name, digest in old.hashes.items() if new.hashes.get(name) == digest}
    facts["same_content"] = "yes" if same else ""
    return kind, before, after, facts


def _identity(old: Component, new: Component, same_version: bool) -> Iterator[Found]:
    """Another package URL although the version is the same, another name for the same thing."""
    if old.purl == new.purl and old.name == new.name and old.group == new.group:
        return
    one, two = identity(old), identity(new)
    if one != two:
        yield "identity_changed", one, two, {"field": "purl" if (old.purl is None) == (new.purl is None) else "given"}
    elif old.purl != new.purl and same_version:
        yield "identity_changed", old.purl or "", new.purl or "", {"field": "qualifiers"}
    elif (old.group, spelled(old)) != (new.group, spelled(new)):
        yield "identity_changed", _named(old), _named(new), {"field": "name"}


def _named(component: Component) -> str:
    return f"{component.group}/{component.name}" if component.group else component.name


def _licenses(old: Component, new: Component, look: Look) -> Iterator[Found]:
    before, after = _said(old), _said(new)
    if before != after:
        one, two = class_of_component(old, look.classes), class_of_component(new, look.classes)
        facts = {
            "license_class_before": one,
            "license_class": two,
            "license_move": _move(one, two),
            "loss": _loss(before, after),
        }
        yield "license_changed", " AND ".join(sorted(before)), " AND ".join(sorted(after)), facts


def _spaced(text: str) -> str:
    """Without line breaks and indentation: XML writers wrap long names."""
    return " ".join(text.split())


def _same_party(old: str, new: str) -> bool:
    """Whether two texts name the same supplier; one may leave out the mail address, which formats keep elsewhere."""
    (one, mail), (two, other) = _party(old), _party(new)
    return one == two and (not mail or not other or mail == other)


def _party(text: str) -> tuple[str, str]:
    """Name and mail address, which stands in brackets behind it."""
    text = _spaced(text).casefold()
    found = _MAIL.fullmatch(text)
    return (found[1], found[2] or "") if found is not None and found[1] else (text, "")


def _move(before: str, after: str) -> str:
    """Whether the class asks more of the user than before; unknown is no class to compare with."""
    if "unknown" in (before, after):
        return "same" if before == after else "to_unknown" if after == "unknown" else "from_unknown"
    one, two = CLASSES.index(before), CLASSES.index(after)
    return "same" if one == two else "stricter" if two > one else "looser"


def _said(component: Component) -> set[str]:
    """The licences as expressions, or as written; whether they are declared or concluded makes no difference here."""
    said = {one.expression or _spaced(one.text) for one in stated(component.licenses)}
    return {f"({text})" if " OR " in text and len(said) > 1 else text for text in said}


def _hashes(old: Mapping[str, str], new: Mapping[str, str], same_version: bool) -> Iterator[Found]:
    if not old or not new:
        yield from _given("hashes", old, new)
        return
    if not same_version:
        return
    common = sorted(old.keys() & new.keys())
    if not common:
        yield "hash_incomparable", ", ".join(sorted(old)), ", ".join(sorted(new)), {}
        return
    differing = [name for name in common if old[name] != new[name]]
    if differing:
        before, after = (" ".join(f"{name}:{side[name]}" for name in differing) for side in (old, new))
        yield "hash_changed", before, after, {"agreement": "partial" if len(differing) < len(common) else ""}


def _support(old: Component, new: Component, look: Look) -> Iterator[Found]:
    ended = [
        bool(day and one.end_of_support and one.end_of_support < day)
        for one, day in ((old, look.old_day), (new, look.new_day))
    ]
    if ended[0] != ended[1]:
        kind = "support_passed" if ended[1] else "support_regained"
    elif old.end_of_support != new.end_of_support:
        kind = "support_changed"
    else:
        return
    facts = {"loss": _loss(old.end_of_support, new.end_of_support), "support": _sooner(old, new)}
    yield kind, old.end_of_support, new.end_of_support, facts


def _sooner(old: Component, new: Component) -> str:
    one, two = old.end_of_support, new.end_of_support
    return "" if not one or not two or one == two else "sooner" if two < one else "later"


def _given(what: str, old: object, new: object) -> Iterator[Found]:
    if old and not new:
        yield "field_lost", what, "", {"field": what}
    elif new and not old:
        yield "field_gained", "", what, {"field": what}


def _loss(old: object, new: object) -> str:
    return "lost" if old and not new else "gained" if new and not old else ""
