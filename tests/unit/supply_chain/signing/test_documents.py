"""Documents of strangers: whatever they hold, only a refusal comes out; and signatures bind every byte."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model.errors import AssayError
from scanner.supply_chain.signing.artifact import artifact_of
from scanner.supply_chain.signing.bundles import check_bundle
from scanner.supply_chain.signing.documents import decode_base64, read_object
from scanner.supply_chain.signing.dsse import envelope_in, pae, read_envelope, signers
from scanner.supply_chain.signing.intoto import read_statement, subject_digest
from scanner.supply_chain.signing.oci_layouts import Layout
from scanner.supply_chain.signing.result import STATES, RefusedError
from scanner.supply_chain.signing.simple_signing import read_claim
from scanner.supply_chain.signing.trust_root import read_trust_root
from scanner.supply_chain.signing.wanted import Wanted
from tests.unit.supply_chain.signing.conftest import Verify, opened
from tests.unit.supply_chain.signing.layout_lab import (
    DSSE,
    Key,
    LayoutLab,
    as_json,
    bundle,
    claim,
    envelope,
    message,
    sha256,
    simple,
    statement,
)
from tests.unit.supply_chain.signing.sigstore_lab import Sigstore

KEY = Key()
DATA = b"data"
VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["sha256", "AAAA", sha256(DATA)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
GOOD = (
    bundle({"dsseEnvelope": envelope(statement(sha256(DATA)), KEY)}, KEY),
    bundle(message(DATA, KEY), KEY),
    envelope(statement(sha256(DATA)), KEY),
    json.loads(statement(sha256(DATA))),
    json.loads(claim(sha256(DATA))),
    Sigstore().root(),
)


def _read_everything(data: bytes) -> None:
    for read in (read_envelope, read_claim, read_trust_root):
        try:
            read(data)
        except RefusedError as error:
            assert error.message
    for found in check_bundle(data, {sha256(DATA): artifact_of(DATA)}, Wanted(keys=(KEY.public,)), "here"):
        assert found.state in STATES
    try:
        said = read_statement(envelope_in(envelope(data, KEY)))
        subject_digest(said, artifact_of(DATA).digests)
    except RefusedError as error:
        assert error.message


def _paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, one in inner for path in _paths(one, (*at, key)))]


@given(st.data())
def test_any_value_in_any_place_is_read_or_refused(data: st.DataObject) -> None:
    document = json.loads(json.dumps(data.draw(st.sampled_from(GOOD))))
    path = data.draw(st.sampled_from(_paths(document)[1:]))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = data.draw(VALUES)
    _read_everything(json.dumps(document).encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    _read_everything(data)


@given(st.text(max_size=20), st.binary(max_size=40), st.text(max_size=20), st.binary(max_size=40))
def test_no_two_contents_are_signed_alike(kind: str, data: bytes, other_kind: str, other: bytes) -> None:
    assert (pae(kind, data) == pae(other_kind, other)) == ((kind, data) == (other_kind, other))


def test_the_encoding_is_that_of_the_specification() -> None:
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_signers_are_counted_once() -> None:
    other = Key()
    found = read_envelope(as_json(envelope(b"{}", KEY, other, KEY)))
    assert {one.id for one in signers(found, (KEY.public, other.public))} == {KEY.public.id, other.public.id}
    assert signers(found, (Key().public,)) == ()


@pytest.mark.parametrize("text", ["", "A", "AAA", "AA=A", "AA==\n", " AAAA", "AA\u0661=", "A===", None, 3, [], "AA-_"])
def test_what_is_no_base64(text: object) -> None:
    with pytest.raises(RefusedError):
        decode_base64(text, "it")


@given(st.binary(min_size=1, max_size=40))
def test_both_alphabets_of_base64(data: bytes) -> None:
    assert decode_base64(base64.b64encode(data).decode(), "it") == data
    assert decode_base64(base64.urlsafe_b64encode(data).decode(), "it", url_safe=True) == data


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":NaN}',
        b'{"a":1e',
        b"\xef\xbb\xbf{}",
        b"1",
        b'{"a":' + b"9" * 9999 + b"}",
    ],
)
def test_json_that_readers_disagree_about_is_refused(data: bytes) -> None:
    with pytest.raises(RefusedError):
        read_object(data, "it")


def test_a_layout_damaged_anywhere_never_verifies_what_was_not_signed(layout: LayoutLab, verify: Verify) -> None:
    """Every byte of index.json and of the manifests, at random: the verdict is about the signed digest or there is none."""
    layout.attach(simple(KEY, claim(layout.digest)))
    layout.attach((as_json(envelope(statement(layout.digest), KEY)), DSSE, {}), how="referrer")
    signed, chance = layout.digest, random.Random(5)
    names = sorted(path for path in layout.root.rglob("*") if path.is_file())
    for _ in range(60):
        path = chance.choice(names)
        good = path.read_bytes()
        if not good:
            continue
        bad = bytearray(good)
        if chance.random() < 0.5:
            bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
        else:
            del bad[chance.randrange(len(bad)) :]
        path.write_bytes(bytes(bad))
        try:
            found = verify(layout, Wanted(keys=(KEY.public,)))
            assert not found.ok or found.subject == signed
        except AssayError as error:
            assert error.message
        path.write_bytes(good)
    assert verify(layout, Wanted(keys=(KEY.public,))).ok


def test_indexes_that_lie_in_themselves_end(layout: LayoutLab) -> None:
    data = as_json({"manifests": [layout.index["manifests"][0]]})
    for _ in range(8):
        data = as_json({"manifests": [{"digest": layout.blob(data), "size": len(data)}]})
    layout.write_index(json.loads(data))
    with opened(layout) as tree, pytest.raises(AssayError, match="too deeply"):
        Layout(tree).choose("")


def test_an_index_that_lists_the_same_over_and_over_ends(layout: LayoutLab, verify: Verify) -> None:
    first = layout.index["manifests"][0]
    other = layout.listed(layout.path(layout.digest).read_bytes() + b" ")
    data = as_json({"manifests": [first, other]})
    for number in range(12):
        size = len(data)
        digest = layout.blob(data)
        data = as_json({"number": number, "manifests": [{"digest": digest, "size": size}] * 50 + [first]})
    layout.write_index({"manifests": [{"digest": layout.blob(data), "size": len(data)}]})
    index = layout.digest
    layout.attach(simple(KEY, claim(index)), subject=index)
    assert verify(layout, Wanted(keys=(KEY.public,))).ok


def test_a_layer_that_is_listed_twice_with_two_sizes_is_not_whole(layout: LayoutLab, verify: Verify) -> None:
    manifest = json.loads(layout.path(layout.digest).read_bytes())
    manifest["layers"].append(manifest["layers"][0] | {"size": 1})
    data = as_json(manifest)
    layout.write_index({"manifests": [{"digest": layout.blob(data), "size": len(data)}]})
    layout.attach(simple(KEY, claim(layout.digest)))
    found = verify(layout, Wanted(keys=(KEY.public,)))
    assert not found.ok and "not whole" in found.reason
