"""Files of publishers: whatever is put into them, they are imported or refused with words."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.frameworks.texts_import import File, imported
from scanner.model.canonical import canonical
from scanner.model.control import Control, Framework
from scanner.model.errors import AssayError
from scanner.schemas.generate import documents
from tests.publisher_files import catalog, control, profile, rule, stig, zipped

many = settings(max_examples=200, deadline=None)
SCHEMA = jsonschema_rs.validator_for(documents()["texts"])
KNOWN = {
    name: Framework(name, name, name, version, "p", "s", "own_words", {one: Control(one, "t", "automated")}, ())
    for name, version, one in (("stig", "V1R2", "X-1"), ("nist", "5.1.1", "AC-2"))
}
VALID = [
    stig(rule("X-1")),
    catalog(control("ac-2", "AC-2", controls=[control("ac-2.1", "AC-2(1)")])),
    profile("ac-2"),
    zipped(("a-xccdf.xml", stig(rule("X-1")))),
]


def tried(*data: bytes) -> None:
    try:
        found = imported([File(f"file {number}", one) for number, one in enumerate(data)], KNOWN)
        for document in found.values():
            assert SCHEMA.is_valid(document)
            canonical(document)
    except AssayError as error:
        assert str(error)


@many
@given(
    st.sampled_from(VALID),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=6),
    st.integers(0, 9),
)
def test_bytes_that_changed_or_went(data: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    raw = bytearray(data)
    for place, value in changes:
        raw[place % len(raw)] = value
    tried(bytes(raw[: len(raw) * (10 - cut) // 10]), VALID[1])


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8))
KEYS = (
    "id",
    "title",
    "params",
    "props",
    "parts",
    "controls",
    "select",
    "choice",
    "values",
    "prose",
    "name",
    "with-ids",
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from([*KEYS, "imports", "metadata", "groups"]), inner)
    ),
    max_leaves=20,
)


@many
@given(st.dictionaries(st.sampled_from(KEYS), TREES), TREES, TREES)
def test_json_of_any_form(changes: dict[str, Any], body: Any, chooses: Any) -> None:
    tried(catalog(control("ac-2", "AC-2", **changes)))
    tried(json.dumps({"catalog": body}).encode(), json.dumps({"profile": chooses}).encode())
    tried(
        VALID[1], json.dumps({"profile": {"metadata": {"version": "5"}, "imports": [chooses], "modify": body}}).encode()
    )
