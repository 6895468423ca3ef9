"""Which format is it? Found by content; and everything hostile ends in an InputError with a place."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from scanner.model.errors import InputError
from scanner.supply_chain.loading import from_predicate, loaders, open_bom, opening

MINIMAL: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "components": [{"type": "library", "name": "a", "version": "1"}],
}
XML = '<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components><component type="library"><name>a</name><version>1</version></component></components></bom>'


def _refused(data: bytes | str, words: str) -> InputError:
    with pytest.raises(InputError, match=words) as caught:
        open_bom(data if isinstance(data, bytes) else data.encode(), "some.file")
    assert caught.value.where == "some.file"
    return caught.value


def test_every_loader_has_its_own_id() -> None:
    ids = [loader.id for loader in loaders()]
    assert len(ids) == len(set(ids))
    assert {"cyclonedx-json", "cyclonedx-xml"} <= set(ids)


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(MINIMAL).encode(),
        json.dumps(dict(reversed(MINIMAL.items())), indent=2).encode(),
        b"\xef\xbb\xbf" + json.dumps(MINIMAL).encode(),
        json.dumps(MINIMAL).encode("utf-16"),
        json.dumps(MINIMAL).encode("utf-16-le"),
        gzip.compress(json.dumps(MINIMAL).encode(), mtime=0),
        gzip.compress(b"\n", mtime=0) + gzip.compress(json.dumps(MINIMAL).encode(), mtime=0),
        XML.encode(),
        b"\n\n" + XML.encode(),
        XML.encode("utf-16"),
    ],
)
def test_the_format_is_found_by_content(data: bytes) -> None:
    bom = open_bom(data, "no-suffix")
    assert [(one.name, one.version) for one in bom.components] == [("a", "1")]
    assert (bom.format, bom.spec) == ("cyclonedx", "1.6")


def test_the_digest_is_that_of_the_bytes_handed_in() -> None:
    import hashlib

    data = gzip.compress(json.dumps(MINIMAL).encode(), mtime=0)
    assert open_bom(data, "x").sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b" \n\t ", "is empty"),
        (b"hello", "no SBOM"),
        (b"[1]", "no SBOM"),
        (b"{}", "no SBOM"),
        ("<html/>", "no SBOM"),
        ('{"payloadType": "application/vnd.in-toto+json", "payload": ""}', "signed statement"),
        ('{"predicate": {"bomFormat": "CycloneDX"}}', "another document holds one"),
        ('{"bomFormat": "CycloneDX", "spdxVersion": "SPDX-2.3", "specVersion": "1.6"}', "several formats"),
        ('{"bomFormat": "CycloneDX", "specVersion": "9.0"}', "'9.0'"),
        ('{"bomFormat": "CycloneDX"}', "'None'"),
        ('{"bomFormat": "CycloneDX", "specVersion": "1.6"', "line 1"),
        ('{"bomFormat": "CycloneDX", "specVersion": "1.6"} {}', "something follows"),
        ('{"bomFormat": "CycloneDX", "specVersion": "1.6",}', "key in double quotes"),
        ('{"bomFormat": "CycloneDX", "specVersion": "1.5", "specVersion": "1.6"}', "'specVersion' stands twice"),
        (
            '{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "a", "name": "b"}]}',
            "stands twice",
        ),
        ('{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [NaN]}', "NaN"),
        ('{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [-Infinity]}', "Infinity"),
        ('{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": 5}', "no list"),
        ('{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": 5}', "no object"),
        ('{"bomFormat": "CycloneDX", "specVersion": "1.6", "x": ' + "9" * 5000 + "}", "not JSON"),
        (b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "x": "\xff"}', "utf-8"),
        ('{"bomFormat": "CycloneDX", "specVersion": "1.6", "x": ' + "[" * 100_000, "nested too deeply"),
        (
            '{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [' + '{"components":[' * 100_000,
            "nested too",
        ),
        (XML.replace("1.6", "9.9"), "'9.9'"),
        (XML.replace("</bom>", ""), "not XML"),
        (XML.replace("<components>", "<components/><components>"), "stands twice"),
        (XML.replace("<name>", "<x>" * 300), "nested deeper"),
        ('<?xml version="1.0" encoding="no-such"?>' + XML, "not XML"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-20], "ends too early"),
        (gzip.compress(b"x", mtime=0) + b"tail", "follows"),
        (b"\x1f\x8bnot gzip at all", "damaged gzip"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(data: bytes | str, words: str) -> None:
    assert _refused(data, words).message


def test_bottomless_components_are_refused_by_depth() -> None:
    inner: dict[str, Any] = {"name": "x"}
    for _ in range(250):
        inner = {"name": "x", "components": [inner]}
    assert "deeper than 200" in _refused(json.dumps({**MINIMAL, "components": [inner]}), "nested").message


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE bom SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE bom [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE bom [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE bom [<!ENTITY % p SYSTEM "http://example.com/x.dtd"> %p;]>',
        "<!DOCTYPE bom>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_no_document_type_declaration_gets_in(declaration: str, encoding: str) -> None:
    declared = '<?xml version="1.0"?>' + declaration + XML.replace("<name>a", "<name>&x;")
    assert "DTD" in _refused(declared.encode(encoding), "document type").message


def test_a_gzip_bomb_stops_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MAX_UNPACKED", 100_000)
    assert "100000" in _refused(gzip.compress(b" " * 100_001, mtime=0), "unpacks to more").message


def test_lone_surrogates_become_replacement_characters() -> None:
    data = b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "a\\ud800b\\ud83d\\ude00"}]}'
    assert open_bom(data, "x").components[0].name == "a\ufffdb\U0001f600"


def test_a_predicate_is_unwrapped() -> None:
    assert from_predicate("https://cyclonedx.org/bom", MINIMAL).components[0].name == "a"
    assert from_predicate("https://cyclonedx.org/bom", {"Data": json.dumps(MINIMAL)}).components[0].name == "a"
    for wrong in (None, 5, [MINIMAL]):
        with pytest.raises(InputError, match="is no document"):
            from_predicate("https://cyclonedx.org/bom", wrong)
    with pytest.raises(InputError, match="no SBOM"):
        from_predicate("https://slsa.dev/provenance/v1", {"buildDefinition": {}})
