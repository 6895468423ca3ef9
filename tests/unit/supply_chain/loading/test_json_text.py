"""JSON read through a window: the same whatever its size, wherever its edge falls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scanner.model.errors import InputError
from scanner.supply_chain.loading import json_text
from scanner.supply_chain.loading.base import Source
from tests.memory import MIB, grows_less_than

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["\ud83d", "😀", "’", '"', "\\", "{", ":"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.fixed_dictionaries({"first": VALUES, "stream": st.lists(VALUES, max_size=4), "last": VALUES})
WHOLE = 1 << 20


@contextmanager
def window(size: int) -> Iterator[None]:
    kept, json_text.WINDOW = json_text.WINDOW, size
    try:
        yield
    finally:
        json_text.WINDOW = kept


def read(data: bytes, size: int) -> Any:
    """The document put together again, or the words of the error."""
    found: list[Any] = []
    with window(size):
        try:
            top = json_text.read_object(Source(data, "x", "", "json"), {"stream": lambda value, _: found.append(value)})
        except InputError as error:
            return str(error)
    return {**top, "stream": found}


def scalar(value: Any) -> Any:
    """As the reader promises it: halves of surrogate pairs replaced."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [scalar(one) for one in value]
    if isinstance(value, dict):
        return {scalar(key): scalar(one) for key, one in value.items()}
    return value


@given(
    DOCUMENTS,
    st.integers(1, 40),
    st.sampled_from([None, 1]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_every_window_gives_the_document(
    document: dict[str, Any], size: int, indent: int | None, encoding: str
) -> None:
    data = json.dumps(document, indent=indent).encode(encoding)
    assert read(data, size) == scalar(document)


@given(DOCUMENTS, st.integers(1, 40), st.data())
@example({"first": 1, "stream": [], "last": 1}, 2, None)
def test_damage_is_told_alike_at_every_window(document: dict[str, Any], size: int, data: Any) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")
    place = data.draw(st.integers(0, len(text) - 1)) if data else 9
    for damaged in (text[:place], text[:place] + b",\xff"[place % 2 :][:1] + text[place + 1 :]):
        one, two = read(damaged, size), read(damaged, WHOLE)
        # Of two flaws, text that cannot be decoded and another one before it, a small window meets the first first.
        assert one == two or (isinstance(one, str) and "utf-8" in str(two))


@pytest.mark.parametrize("number", ["12", "-7", "0"])
@pytest.mark.parametrize("size", range(1, 12))
def test_a_number_at_the_edge_is_not_cut(number: str, size: int) -> None:
    document = f'{{"stream":[{number},1.5e+3,{number}],"a":{number}}}'.encode()
    assert read(document, size) == {"stream": [int(number), "1.5e+3", int(number)], "a": int(number)}


@pytest.mark.parametrize("size", [1, 5, WHOLE])
def test_keys_that_stand_twice_are_named_at_every_window(size: int) -> None:
    assert "'b' stands twice" in read(b'{"stream": [{"a": 1}, {"b": 1, "c": 2, "b": 3}]}', size)
    assert "'a' stands twice at the top" in read(b'{"a": 1, "stream": [], "a": 2}', size)


@pytest.mark.parametrize("size", [1, 7, WHOLE])
def test_line_and_column_are_those_of_the_document(size: int) -> None:
    assert "(line 3, column 7)" in read(b'{"a": 1,\n "stream": [{},\n   {} {}]}', size)


def test_wide_characters_do_not_widen_the_whole_text() -> None:
    """One emoji makes Python keep four bytes for every character of a text."""
    one = json.dumps({"name": "x" * 2000, "description": "😀"}, ensure_ascii=False)
    data = ('{"stream": [' + ",".join([one] * 10_000) + "]}").encode()
    seen: list[int] = []
    sink = {"stream": lambda value, index: seen.append(index)}
    assert len(data) > 19 * MIB
    with grows_less_than(8 * MIB):
        json_text.read_object(Source(data, "x", "", "json"), sink)
    assert len(seen) == 10_000
