"""Boms for the tests of comparison: made by hand, and by Hypothesis."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from scanner.supply_chain.licenses import license_of
from scanner.supply_chain.model import Bom, Component, Relation, Vulnerability

TYPES = ("library", "application", "file", "firmware", "operating-system")
LICENSES = ("MIT", "Apache-2.0", "GPL-3.0-only", "AGPL-3.0-only", "LicenseRef-own", "Acme EULA", "NOASSERTION")


def component(name: str, version: str = "1.0.0", **fields: Any) -> Component:
    """A component of npm with the ref `name@version`, unless fields say otherwise; `licenses` may be texts."""
    fields.setdefault("ref", f"{name}@{version}")
    fields.setdefault("purl", f"pkg:npm/{name}@{version}")
    fields["licenses"] = tuple(
        license_of(one) if isinstance(one, str) else one for one in fields.get("licenses", ("MIT",))
    )
    return Component(name=name, version=version, **fields)


def bom(*components: Component, **fields: Any) -> Bom:
    """A document of these components; `depends` are pairs of refs."""
    fields["relations"] = tuple(
        Relation(source, "depends_on", target) for source, target in fields.pop("depends", ())
    ) + tuple(fields.get("relations", ()))
    return Bom("cyclonedx", "1.6", "json", "0" * 64, tuple(components), **fields)


NAMES = st.sampled_from(["zlib", "openssl", "libfoo", "libfoo-dev", "left-pad", "Zlib", "a", "libc6", "x1"])
VERSIONS = st.sampled_from(["", "1.0.0", "1.0.1", "1.2.0", "2.0.0", "2.0.0-rc.1", "latest", "1:3.0"])
DIGESTS = st.sampled_from(["aa" * 32, "bb" * 32, "cc" * 32])


@st.composite
def purls(draw: st.DrawFn, name: str, version: str) -> str | None:
    """A package URL, or none."""
    kind = draw(st.sampled_from(["npm", "deb/debian", "rpm/fedora", None, None]))
    if kind is None:
        return None
    arch = draw(st.sampled_from(["", "?arch=amd64", "?arch=arm64"])) if kind != "npm" else ""
    at = f"@{version.replace(':', '%3A')}" if version else ""
    return f"pkg:{kind}/{name.lower()}{at}{arch}"


@st.composite
def components(draw: st.DrawFn, ref: str) -> Component:
    """Any component, with collisions of names and versions on purpose."""
    name, version = draw(NAMES), draw(VERSIONS)
    return Component(
        ref=ref,
        name=name,
        version=version,
        type=draw(st.sampled_from(TYPES)),
        group=draw(st.sampled_from(["", "", "org.example"])),
        purl=draw(purls(name, version)),
        supplier=draw(st.sampled_from(["", "Acme", "Other"])),
        licenses=tuple(license_of(text) for text in draw(st.lists(st.sampled_from(LICENSES), max_size=2))),
        hashes=draw(st.dictionaries(st.sampled_from(["sha256", "sha1"]), DIGESTS, max_size=2)),
        cpes=tuple(draw(st.lists(st.just("cpe:2.3:a:x:y:1:*:*:*:*:*:*:*"), max_size=1))),
        scope=draw(st.sampled_from(["", "required", "optional"])),
        copyright=draw(st.sampled_from(["", "(c) someone"])),
        end_of_support=draw(st.sampled_from(["", "", "2024-01-01", "2030-01-01"])),
    )


@st.composite
def boms(draw: st.DrawFn, most: int = 5) -> Bom:
    """Any small document."""
    # Two documents seldom share refs: some of theirs do, some do not.
    prefix = draw(st.sampled_from(["r", "s"]))
    size = draw(st.integers(0, most))
    made = tuple(draw(components(f"{prefix}{number}")) for number in range(size))
    refs = st.sampled_from([one.ref for one in made] + ["elsewhere"])
    relations = draw(
        st.lists(st.builds(Relation, refs, st.sampled_from(["depends_on", "contains"]), refs), max_size=10)
    )
    flaws = draw(
        st.lists(
            st.builds(
                Vulnerability,
                id=st.sampled_from(["CVE-1", "CVE-2"]),
                affects=st.lists(refs, max_size=2).map(tuple),
                state=st.sampled_from(["affected", "not_affected", "fixed", "under_investigation", "unknown"]),
                justification=st.sampled_from(["", "code_not_reachable"]),
                severity=st.sampled_from(["", "low", "high", "critical"]),
            ),
            max_size=4,
        )
    )
    subject = draw(st.sampled_from([None, *[one.ref for one in made]]))
    return Bom(
        "cyclonedx", "1.6", "json", "0" * 64, made, tuple(relations), tuple(flaws), subject=subject,
        created=draw(st.sampled_from(["", "2025-01-01T00:00:00Z"])),
    )  # fmt: skip


def shuffled(given: Bom, order: Any) -> Bom:
    """The same document with everything in another order (`order`: a random.Random)."""
    lists = {
        "components": list(given.components),
        "relations": list(given.relations),
        "vulnerabilities": list(given.vulnerabilities),
    }
    for one in lists.values():
        order.shuffle(one)
    return replace(given, **{name: tuple(one) for name, one in lists.items()})
