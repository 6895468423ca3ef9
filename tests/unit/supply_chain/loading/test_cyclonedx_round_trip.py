"""Generated documents, written as JSON and XML, load as what they were made from; and nothing is dropped."""

from __future__ import annotations

import string
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.supply_chain.identity import canonical_purl
from scanner.supply_chain.licenses import license_of
from scanner.supply_chain.loading import open_bom
from scanner.supply_chain.model import Bom, Component, Relation
from tests.unit.supply_chain.cyclonedx_writer import ALGORITHMS, to_json, to_xml

_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128, "blake2b-256": 64}
_WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=12).map(str.strip)
_NAMES = st.text(string.ascii_letters + string.digits + "-_.+", min_size=1, max_size=12)
_LICENSES = st.sampled_from(["MIT", "Apache-2.0", "GPL-2.0-or-later AND MIT", "LicenseRef-own", "Apache 2.0 something"])


@st.composite
def components(draw: st.DrawFn, number: int, parents: list[str]) -> Component:
    name = draw(_NAMES)
    version = draw(st.sampled_from(["", "1.0", "2:1.4-3+deb12u1", "v0.0.1~rc1"]))
    kind = draw(st.sampled_from(["", "deb/debian", "npm", "pypi", "golang/example.org"]))
    purl = canonical_purl(f"pkg:{kind}/{name}@{version or '0'}") if kind else None
    hashes = {
        algorithm: draw(st.text("0123456789abcdef", min_size=_DIGITS[algorithm], max_size=_DIGITS[algorithm]))
        for algorithm in draw(st.lists(st.sampled_from(sorted(ALGORITHMS)), unique=True, max_size=2))
    }
    licenses = draw(st.lists(_LICENSES, max_size=2))
    return Component(
        ref=f"ref {number} {draw(_WORDS)}".strip(),
        name=name,
        version=version,
        type=draw(st.sampled_from(["library", "application", "file", "firmware", "operating-system"])),
        group=draw(_WORDS),
        purl=purl,
        supplier=draw(_WORDS),
        licenses=tuple(
            license_of(text, "" if " " in text else draw(st.sampled_from(["", "declared"]))) for text in licenses
        ),
        hashes=hashes,
        cpes=("cpe:2.3:a:v:p:1:*:*:*:*:*:*:*",) if draw(st.booleans()) else (),
        scope=draw(st.sampled_from(["", "required", "optional", "excluded"])),
        copyright=draw(_WORDS),
        description=draw(_WORDS),
        properties=draw(st.dictionaries(_NAMES, _WORDS, max_size=3)),
        parent=draw(st.sampled_from([None, *parents])),
    )


@st.composite
def boms(draw: st.DrawFn) -> Bom:
    made: list[Component] = []
    for number in range(draw(st.integers(0, 8))):
        made.append(draw(components(number, [one.ref for one in made])))
    refs = [one.ref for one in made]
    edges = st.builds(
        Relation, st.sampled_from(refs), st.sampled_from(["depends_on", "provides"]), st.sampled_from(refs)
    )
    relations = draw(st.lists(edges, unique=True, max_size=10)) if refs else []
    return Bom("cyclonedx", "1.6", "json", "", tuple(made), tuple(relations))


def _by_ref(bom: Bom) -> dict[str, Component]:
    return {one.ref: replace(one, place="") for one in bom.components}


@settings(max_examples=80, deadline=None)
@given(boms())
def test_json_and_xml_load_as_what_was_written(bom: Bom) -> None:
    for data, encoding in ((to_json(bom), "json"), (to_xml(bom), "xml")):
        loaded = open_bom(data, "x")
        assert loaded.encoding == encoding
        assert _by_ref(loaded) == _by_ref(bom)
        assert len(loaded.components) == len(bom.components)
        assert set(loaded.relations) == set(bom.relations)
        assert loaded.dropped == ()


@settings(max_examples=40, deadline=None)
@given(boms(), st.integers(0, 2**32), st.integers(0, 255))
def test_a_changed_byte_never_ends_in_anything_but_an_input_error(bom: Bom, position: int, byte: int) -> None:
    from scanner.model.errors import InputError

    for data in (to_json(bom), to_xml(bom)):
        spoiled = bytearray(data)
        spoiled[position % len(data)] = byte
        for one in (bytes(spoiled), data[: position % len(data)]):
            try:
                assert open_bom(one, "x").format == "cyclonedx"
            except InputError as error:
                assert error.where == "x"
