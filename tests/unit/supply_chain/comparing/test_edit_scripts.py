"""Pairs whose differences are known by construction: edits are applied to a document, the comparison must return them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.supply_chain.comparing.compare import compare
from scanner.supply_chain.licenses import license_of
from scanner.supply_chain.model import Bom, Component, Relation, Vulnerability
from tests.unit.supply_chain.comparing.bom_maker import bom, component

EXAMPLES = settings(max_examples=5000 if os.environ.get("ASSAY_LONG") else 80, deadline=None)
SIZE = 12

Told = tuple[str, str, str, str]
"""Kind, name, before, after."""


def start() -> Bom:
    """Twelve packages of two architectures and two versions each, so that every name is shared by four."""
    made = []
    for number in range(SIZE):
        name, arch, major = f"pkg{number // 4}", ("amd64", "arm64")[number % 2], number // 2 % 2 + 1
        version = f"{major}.0.{number}"
        made.append(
            component(
                name,
                version,
                ref=f"ref-{number}",
                purl=f"pkg:deb/debian/{name}@{version}?arch={arch}",
                supplier="Acme",
                hashes={"sha256": f"{number:064x}"},
                end_of_support="2030-01-01",
                scope="required",
            )
        )
    depends = [(f"ref-{number}", f"ref-{(number * 5 + 1) % SIZE}") for number in range(SIZE)]
    flaws = [Vulnerability(f"CVE-{number}", (f"ref-{number}",), "affected", severity="low") for number in range(SIZE)]
    return replace(bom(*made, depends=depends), vulnerabilities=tuple(flaws), authors=("me",), created="2025-01-01")


@dataclass(frozen=True)
class Edit:
    """What is done to one component, and what the comparison must say about it."""

    name: str
    apply: Callable[[Component], Component]
    told: Callable[[Component], Told]


def _version(found: Component, version: str) -> Component:
    assert found.purl is not None
    return replace(found, version=version, purl=found.purl.replace(f"@{found.version}?", f"@{version}?"))


def _digest(found: Component) -> str:
    return f"sha256:{found.hashes['sha256']}"


EDITS = (
    Edit("up", lambda c: _version(c, c.version + ".1"), lambda c: ("version_upgraded", c.name, c.version, c.version + ".1")),
    Edit("down", lambda c: _version(c, c.version + "~1"), lambda c: ("version_downgraded", c.name, c.version, c.version + "~1")),
    Edit("license", lambda c: replace(c, licenses=(license_of("AGPL-3.0-only"),)), lambda c: ("license_changed", c.name, "MIT", "AGPL-3.0-only")),
    Edit("supplier", lambda c: replace(c, supplier="Other"), lambda c: ("supplier_changed", c.name, "Acme", "Other")),
    Edit("hash", lambda c: replace(c, hashes={"sha256": "ff" * 32}), lambda c: ("hash_changed", c.name, _digest(c), "sha256:" + "ff" * 32)),
    Edit("hash lost", lambda c: replace(c, hashes={}), lambda c: ("field_lost", c.name, "hashes", "")),
    Edit("type", lambda c: replace(c, type="application"), lambda c: ("type_changed", c.name, "library", "application")),
    Edit("scope", lambda c: replace(c, scope="optional"), lambda c: ("scope_changed", c.name, "required", "optional")),
    Edit("support", lambda c: replace(c, end_of_support="2024-01-01"), lambda c: ("support_passed", c.name, "2030-01-01", "2024-01-01")),
    Edit("cpe", lambda c: replace(c, cpes=("cpe:2.3:a:x:y:1:*:*:*:*:*:*:*",)), lambda c: ("field_gained", c.name, "", "cpe")),
)  # fmt: skip


@st.composite
def scripts(draw: st.DrawFn) -> dict[int, str]:
    """For some components what is done to them; `remove` and `add` among the edits."""
    words = ["remove", *(edit.name for edit in EDITS)]
    return draw(st.dictionaries(st.integers(0, SIZE - 1), st.sampled_from(words), max_size=6))


@EXAMPLES
@given(
    scripts(),
    st.integers(0, 3),
    st.sets(st.integers(0, SIZE - 1), max_size=3),
    st.dictionaries(st.integers(0, SIZE - 1), st.sampled_from(["gone", "fixed"]), max_size=3),
    st.randoms(use_true_random=False),
)
def test_the_difference_is_the_script(script, added, cut, flaws, order) -> None:  # type: ignore[no-untyped-def]
    old = start()
    edits = {edit.name: edit for edit in EDITS}
    expected: list[Told] = []
    components: list[Component] = []
    for number, one in enumerate(old.components):
        word = script.get(number)
        if word == "remove":
            expected.append(("component_removed", one.name, one.version, ""))
            continue
        if word is not None:
            expected.append(edits[word].told(one))
        components.append(edits[word].apply(one) if word else one)
    for number in range(added):
        components.append(component(f"new{number}", "1.0.0"))
        expected.append(("component_added", f"new{number}", "", "1.0.0"))
    gone = {f"ref-{number}" for number, word in script.items() if word == "remove"}
    relations, lost = _relations(old, gone, cut)
    expected += lost
    said, told = _flaws(old, gone, flaws)
    expected += told
    # Another document names its components in another way.
    rename = {one.ref: f"other-{one.ref}" for one in components}
    order.shuffle(components)
    new = replace(
        old,
        components=tuple(replace(one, ref=rename[one.ref]) for one in components),
        relations=tuple(Relation(rename[one.source], one.kind, rename[one.target]) for one in relations),
        vulnerabilities=tuple(replace(one, affects=tuple(rename[ref] for ref in one.affects)) for one in said),
    )

    diff = compare(old, new)
    found = Counter(
        (change.kind, change.name, change.before, change.after)
        for change in diff.changes
        if not change.kind.startswith("quality")
    )
    assert (found - Counter(expected), Counter(expected) - found) == (Counter(), Counter())


def _relations(old: Bom, gone: set[str], cut: set[int]) -> tuple[list[Relation], list[Told]]:
    kept, lost = [], []
    by_ref = {one.ref: one for one in old.components}
    for number, one in enumerate(old.relations):
        if number not in cut and one.source not in gone and one.target not in gone:
            kept.append(one)
        elif one.source not in gone:
            target = by_ref[one.target]
            arch = "amd64" if "amd64" in str(target.purl) else "arm64"
            text = f"depends_on pkg:deb/debian/{target.name}?arch={arch} {target.version}"
            lost.append(("relation_removed", by_ref[one.source].name, text, ""))
    return kept, lost


def _flaws(old: Bom, gone: set[str], edits: dict[int, str]) -> tuple[list[Vulnerability], list[Told]]:
    kept, told = [], []
    by_ref = {one.ref: one for one in old.components}
    for number, one in enumerate(old.vulnerabilities):
        word = "gone" if one.affects[0] in gone else edits.get(number)
        name, before = by_ref[one.affects[0]].name, f"{one.id} affected (low)"
        if word == "gone":
            told.append(("vulnerability_vanished", name, before, ""))
            continue
        if word == "fixed":
            told.append(("vulnerability_changed", name, before, f"{one.id} fixed (low)"))
        kept.append(replace(one, state="fixed") if word else one)
    return kept, told
