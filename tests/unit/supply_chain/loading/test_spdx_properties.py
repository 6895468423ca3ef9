"""Any document, written in each encoding and loaded, is the same; and nothing is lost on the way."""

from __future__ import annotations

import string
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.supply_chain.identity import canonical_purl
from scanner.supply_chain.loading import open_bom
from tests.unit.supply_chain.loading.spdx_writers import ALL, Doc
from tests.unit.supply_chain.loading.test_spdx_encodings import DOCUMENT, facts, short

WORDS = st.text(
    alphabet=st.characters(categories=["Lu", "Ll", "Nd", "Sc"], include_characters=" &<>'\"#:-_./@{}[]|*!%,\\"),
    min_size=1,
    max_size=20,
).map(lambda text: f"x{text}y")
"""Texts that mean the same in every encoding: no space at their ends, no control characters."""

IDS = st.text(alphabet=string.ascii_letters + string.digits + ".-", min_size=1, max_size=8)
LICENSES = st.sampled_from(["MIT", "Apache-2.0", "MIT AND Apache-2.0", "MIT OR Zlib", "LicenseRef-zlib", "NOASSERTION"])
PURPOSES = st.sampled_from(["APPLICATION", "LIBRARY", "OPERATING-SYSTEM", "FIRMWARE", "CONTAINER", "SOURCE", "OTHER"])
SUPPLIERS = st.builds(
    lambda kind, name, mail: f"{kind}: {name}{mail}",
    st.sampled_from(["Organization", "Person"]),
    st.text(alphabet=string.ascii_letters + " äß&.", min_size=1, max_size=12).map(lambda text: f"A{text}z"),
    st.sampled_from(["", " (a@example.org)"]),
)
HASHES = st.dictionaries(
    st.sampled_from(["SHA1", "SHA256", "SHA3-256", "MD5"]), st.integers(0, 2**128 - 1), max_size=3
).map(
    lambda found: [
        {"algorithm": name, "checksumValue": f"{number:0{ {'SHA1': 40, 'MD5': 32}.get(name, 64) }x}"}
        for name, number in found.items()
    ]
)
PURLS = st.builds(
    lambda kind, name, version, arch: f"pkg:{kind}/{name}@{version}?{arch}distro=x",
    st.sampled_from(["deb/debian", "rpm/fedora", "generic"]),
    st.text(alphabet=string.ascii_lowercase + "+-", min_size=1, max_size=8).map(lambda text: f"a{text}"),
    st.text(alphabet=string.digits + ".~:", min_size=1, max_size=6).map(lambda text: f"1{text}"),
    st.sampled_from(["", "arch=amd64&", "zone=1&arch=i386&"]),
)


def package(identifier: str) -> st.SearchStrategy[Doc]:
    return st.fixed_dictionaries(
        {"SPDXID": st.just(f"SPDXRef-p-{identifier}"), "name": WORDS},
        optional={
            "versionInfo": WORDS,
            "supplier": SUPPLIERS,
            "originator": SUPPLIERS,
            "downloadLocation": st.sampled_from(["NOASSERTION", "https://example.org/a", "git+https://example.org/b"]),
            "licenseConcluded": LICENSES,
            "licenseDeclared": LICENSES,
            "copyrightText": WORDS,
            "description": WORDS,
            "primaryPackagePurpose": PURPOSES,
            "validUntilDate": st.just("2030-01-01T00:00:00Z"),
            "checksums": HASHES,
            "externalRefs": st.lists(PURLS, max_size=2).map(
                lambda purls: [
                    {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}
                    for purl in purls
                ]
            ),
        },
    )


def file(identifier: str) -> st.SearchStrategy[Doc]:
    return st.fixed_dictionaries(
        {"SPDXID": st.just(f"SPDXRef-f-{identifier}"), "fileName": WORDS},
        optional={"licenseConcluded": LICENSES, "copyrightText": WORDS, "checksums": HASHES},
    )


KINDS = st.sampled_from(["DEPENDS_ON", "DEPENDENCY_OF", "CONTAINS", "CONTAINED_BY", "GENERATES", "BUILD_DEPENDENCY_OF"])


@st.composite
def documents(draw: st.DrawFn) -> Doc:
    packages = [draw(package(name)) for name in draw(st.lists(IDS, unique=True, min_size=1, max_size=4))]
    files = [draw(file(name)) for name in draw(st.lists(IDS, unique=True, max_size=2))]
    ends = [value["SPDXID"] for value in packages + files]
    edges = draw(st.lists(st.tuples(st.sampled_from(ends), KINDS, st.sampled_from(ends)), max_size=5, unique=True))
    edges.append(("SPDXRef-DOCUMENT", "DESCRIBES", draw(st.sampled_from(ends))))
    relationships = [
        {"spdxElementId": source, "relationshipType": kind, "relatedSpdxElement": target}
        for source, kind, target in edges
    ]
    licenses = DOCUMENT["hasExtractedLicensingInfos"]
    head = {key: DOCUMENT[key] for key in ("spdxVersion", "dataLicense", "SPDXID", "documentNamespace", "creationInfo")}
    return head | {
        "name": draw(WORDS),
        "packages": packages,
        "files": files,
        "relationships": relationships,
        "hasExtractedLicensingInfos": licenses,
    }


def plain(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Without what SPDX 3.0 keeps elsewhere: the mail of a supplier is a fact about the agent."""
    for values in found.values():
        values["properties"] = {
            name: text for name, text in values["properties"].items() if not name.startswith("assay:contact:")
        }
        values["licenses"] = [(one.expression, one.acknowledgement) for one in values["licenses"]]
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_every_encoding_says_the_same(doc: Doc) -> None:
    boms = {encoding: open_bom(write(doc), "x") for encoding, write in ALL.items()}
    first = boms["json"]
    expected = plain(facts(first))
    edges = {(one.source, one.kind, one.target) for one in first.relations}
    for encoding, bom in boms.items():
        assert plain(facts(bom)) == expected, encoding
        assert {(short(one.source), one.kind, short(one.target)) for one in bom.relations} == edges, encoding
        assert short(bom.subject or "") == first.subject
        assert bom.name == doc["name"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_nothing_is_lost(doc: Doc) -> None:
    bom = open_bom(ALL["json"](doc), "x")
    assert [one.ref for one in bom.components] == [one["SPDXID"] for one in doc["packages"] + doc["files"]]
    for written, read in zip(doc["packages"], bom.components, strict=False):
        assert read.name == written["name"]
        assert read.version == written.get("versionInfo", "")
        purls = [canonical_purl(one["referenceLocator"]) for one in written.get("externalRefs", ())]
        kept = {read.purl} | {text for name, text in read.properties.items() if name.startswith("assay:purl#")}
        assert kept - {None} == set(purls)
        assert len(read.hashes) == len(written.get("checksums", ()))
