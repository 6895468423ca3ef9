"""Hooks that make Python's JSON reader strict."""

from __future__ import annotations

import json

import pytest

from scanner.model.strict_json import no_constant, no_fraction, unique_keys


def read(text: str) -> object:
    return json.loads(text, object_pairs_hook=unique_keys, parse_constant=no_constant, parse_float=no_fraction)


def test_what_is_strict_is_read() -> None:
    assert read('{"a": {"b": [1, true, null]}, "b": {"b": ""}}') == {"a": {"b": [1, True, None]}, "b": {"b": ""}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": 1, "b": 2, "a": 1}', "the key 'a' stands twice in one object"),
        ('{"a": {"\\u0062": 1, "b": 2}}', "the key 'b' stands twice"),
        ("[NaN]", "NaN is no number in JSON"),
        ("[-Infinity]", "-Infinity is no number in JSON"),
        ("[1.0]", "1.0 is no whole number"),
        ("[1e3]", "1e3 is no whole number"),
        (f'{{"{"k" * 500}": 1, "{"k" * 500}": 1}}', f"the key '{'k' * 80}' stands twice"),
    ],
)
def test_what_two_readers_could_understand_in_two_ways_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError) as caught:
        read(text)
    assert says in str(caught.value)
