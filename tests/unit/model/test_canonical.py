"""Canonical JSON, checked against the sample and the sort order of RFC 8785."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model.canonical import canonical, digest, plain, printable
from scanner.model.errors import InputError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def test_keys_sort_by_utf16_units() -> None:
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\x80", "\u00f6"]
    order = list(json.loads(canonical(dict.fromkeys(keys, 0))))
    assert order == ["\r", "1", "\x80", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_no_spaces_no_escapes_beyond_json() -> None:
    assert (
        canonical({"b": [1, True, None], "a": "é/\u2028\x0f"}) == '{"a":"é/\u2028\\u000f","b":[1,true,null]}'.encode()
    )


@given(JSON)
def test_canonical_is_stable_and_reversible(value: object) -> None:
    try:
        data = canonical(plain(value))
    except InputError:
        return
    assert canonical(json.loads(data)) == data
    assert digest(json.loads(data)) == digest(plain(value))


def test_what_has_no_place_in_evidence() -> None:
    for value in (1.5, {1, 2}, object()):
        with pytest.raises(TypeError):
            plain(value)
    assert plain(2**60) == str(2**60)
    assert plain(b"a\xff") == "a%FF"


def test_undecodable_names_become_percent_escapes() -> None:
    assert printable(b"\xffa".decode("utf-8", "surrogateescape")) == "%FFa"
    assert printable("größe") == "größe"
