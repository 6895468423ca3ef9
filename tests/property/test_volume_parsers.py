"""LVM and verity parsers: any input gives a result or ParseError, and what LVM writes is read back."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.model.errors import ParseError
from scanner.parsers import lvm_group, lvm_label, lvm_metadata, verity_signature, veritytab
from scanner.parsers.lvm_metadata import Section
from tests.lvm_lab import area, linear, metadata, physical, volume

TEXT = metadata({"one": volume(linear("pv0", 4, 2), linear("pv0", 0, 1, start=2)), "two": volume(linear("pv0", 3, 1))})
PARSERS: dict[str, tuple[Callable[[str], object], str]] = {
    "lvm metadata": (lvm_metadata.parse, TEXT),
    "lvm group": (lvm_group.volume_group, TEXT),
    "veritytab": (veritytab.parse, "# x\nusr /dev/a PARTUUID=b 00ff hash-offset=4096,salt=00,panic-on-corruption\n"),
    "dm-mod.create": (
        veritytab.created,
        "a,,,ro,0 8 verity 1 8:1 8:2 4096 4096 1 0 sha256 00ff - 1 ignore_corruption,8 8 linear 8:1 0;b,,1,rw,0 1 zero",
    ),
    "signature": (
        lambda text: verity_signature.parse(text.encode("utf-8", "surrogatepass")),
        '{"rootHash": "' + "ab" * 32 + '", "signature": "AAAA"}\0',
    ),
}
ALPHABET = st.text(
    st.one_of(st.sampled_from('{}[]=,"\\#\n\t\0 -;pv0123segment_'), st.characters(codec="utf-8")), max_size=400
)


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=200, deadline=None)
@given(text=ALPHABET)
def test_any_text(name: str, text: str) -> None:
    parse, _ = PARSERS[name]
    try:
        assert parse(text) is None or name
    except ParseError as error:
        assert str(error)


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_changed_text(name: str, seed: int) -> None:
    parse, good = PARSERS[name]
    parse(good)
    generator = random.Random(seed)
    raw = list(good)
    for _ in range(generator.randrange(1, 6)):
        place = generator.randrange(len(raw))
        raw[place] = generator.choice(["{", "}", "[", "]", "=", '"', "\\", "\0", "9", "", raw[place] * 2, "-", "\n"])
    try:
        assert parse("".join(raw)) is None or name
    except ParseError as error:
        assert str(error)


_NAMES = st.text("abcXYZ019_.+-/", min_size=1, max_size=8)
_SCALARS = st.one_of(st.integers(-(10**18), 10**18), st.text(st.characters(codec="utf-8"), max_size=12))
_SECTIONS = st.recursive(
    st.dictionaries(_NAMES, st.one_of(_SCALARS, st.lists(_SCALARS, max_size=4).map(tuple)), max_size=4),
    lambda inner: st.dictionaries(_NAMES, st.one_of(_SCALARS, inner), max_size=4),
    max_leaves=12,
)


def written(section: Section) -> str:
    """The text of a section, as LVM writes it."""
    lines = []
    for name, value in section.items():
        if isinstance(value, dict):
            lines.append(f"{name} {{\n{written(value)}}}")
        elif isinstance(value, tuple):
            lines.append(f"{name} = [{', '.join(map(scalar, value))}]\t# a list")
        else:
            assert isinstance(value, int | str)
            lines.append(f"{name} = {scalar(value)}")
    return "".join(f"{line}\n" for line in lines)


def scalar(value: object) -> str:
    """A number as it is, a text in quotes."""
    if isinstance(value, int):
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@settings(max_examples=200, deadline=None)
@given(section=_SECTIONS)
def test_what_is_written_is_read_back(section: Section) -> None:
    assert lvm_metadata.parse(written(section)) == section


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_changed_labels_and_headers(seed: int) -> None:
    generator = random.Random(seed)
    raw = physical([TEXT], extents=1)
    for _ in range(generator.randrange(1, 8)):
        raw[generator.choice((512, 4096)) + generator.randrange(512)] = generator.randrange(256)
    read = reader(bytes(raw))
    try:
        found = lvm_label.copies(read, lvm_label.read_label(read))
    except ParseError as error:
        assert str(error)
    else:
        assert all((copy.text is None) != (copy.text == TEXT) for copy in found)


@settings(max_examples=100, deadline=None)
@given(place=st.integers(512, 16 * 1024 - 1), length=st.integers(1, 15 * 1024))
def test_a_ring_is_read_wherever_the_text_begins(place: int, length: int) -> None:
    text = "x" * (length - 1)
    raw = bytes(4096) + area(text, 4096, 16 * 1024, place=place)
    label = lvm_label.Label("P" * 32, (lvm_label.Area(4096, 16 * 1024),))
    (copy,) = lvm_label.copies(reader(raw), label)
    assert (copy.text, copy.problem) == (text, None)


def reader(raw: bytes) -> Callable[[int, int], bytes]:
    """`read(offset, length)` over bytes."""
    return lambda offset, length: raw[offset : offset + length]


@pytest.mark.parametrize(
    "text", ["a{" * 200_000, "a=[" + "1," * 500_000, 'a="' + "\\" * 999_999, "#" * 2_000_000 + "\n" * 9]
)
def test_long_nonsense_ends(text: str) -> None:
    try:
        assert lvm_metadata.parse(text) == {}
    except ParseError as error:
        assert str(error)
