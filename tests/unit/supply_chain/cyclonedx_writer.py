"""Writes a Bom as CycloneDX 1.6, JSON and XML, for round trips: the tests' own writer, so that loader and product writer
cannot agree on the same mistake."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from scanner.supply_chain.model import Bom, Component

ALGORITHMS = {"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha512": "SHA-512", "blake2b-256": "BLAKE2b-256"}


def _edges(bom: Bom) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for one in bom.relations:
        found.setdefault(one.source, {}).setdefault(one.kind, []).append(one.target)
    return found


def _children(bom: Bom, parent: str | None) -> list[Component]:
    return [one for one in bom.components if one.parent == parent]


def to_json(bom: Bom) -> bytes:
    """The document as JSON."""

    def plain(one: Component) -> dict[str, Any]:
        value: dict[str, Any] = {"type": one.type, "bom-ref": one.ref, "name": one.name}
        for key in ("version", "group", "purl", "scope", "copyright", "description"):
            if getattr(one, key):
                value[key] = getattr(one, key)
        if one.supplier:
            value["supplier"] = {"name": one.supplier}
        if one.cpes:
            value["cpe"] = one.cpes[0]
        if one.hashes:
            value["hashes"] = [{"alg": ALGORITHMS[name], "content": text} for name, text in one.hashes.items()]
        if one.licenses:
            value["licenses"] = [
                {"expression": item.text}
                if " " in item.text
                else {"license": {"id": item.text, "acknowledgement": item.acknowledgement}}
                for item in one.licenses
            ]
        if one.properties:
            value["properties"] = [{"name": name, "value": text} for name, text in one.properties.items()]
        nested = [plain(child) for child in _children(bom, one.ref)]
        return {**value, "components": nested} if nested else value

    edges = _edges(bom)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "components": [plain(one) for one in _children(bom, None)],
        "dependencies": [
            {"ref": ref, "dependsOn": kinds.get("depends_on", []), "provides": kinds.get("provides", [])}
            for ref, kinds in edges.items()
        ],
    }
    return json.dumps(document, ensure_ascii=False).encode()


def to_xml(bom: Bom) -> bytes:
    """The document as XML."""

    def element(name: str, text: str, attributes: str = "") -> str:
        return f"<{name}{attributes}>{escape(text)}</{name}>" if text else ""

    def plain(one: Component) -> str:
        parts = [f"<component type={quoteattr(one.type)} bom-ref={quoteattr(one.ref)}>"]
        if one.supplier:
            parts.append(f"<supplier>{element('name', one.supplier)}</supplier>")
        parts += [element(key, getattr(one, key)) for key in ("group", "name", "version", "description", "scope")]
        digests = "".join(
            element("hash", text, f" alg={quoteattr(ALGORITHMS[name])}") for name, text in one.hashes.items()
        )
        parts.append(f"<hashes>{digests}</hashes>" if digests else "")
        licensed = "".join(
            element("expression", item.text)
            if " " in item.text
            else f"<license acknowledgement={quoteattr(item.acknowledgement)}>{element('id', item.text)}</license>"
            for item in one.licenses
        )
        parts.append(f"<licenses>{licensed}</licenses>" if licensed else "")
        parts.append(element("copyright", one.copyright))
        parts.append(element("cpe", one.cpes[0] if one.cpes else ""))
        parts.append(element("purl", one.purl or ""))
        rows = "".join(
            f"<property name={quoteattr(name)}>{escape(text)}</property>" for name, text in one.properties.items()
        )
        parts.append(f"<properties>{rows}</properties>" if rows else "")
        nested = "".join(plain(child) for child in _children(bom, one.ref))
        parts.append(f"<components>{nested}</components>" if nested else "")
        return "".join(parts) + "</component>"

    def dependency(ref: str, kinds: dict[str, list[str]]) -> str:
        inner = "".join(f"<dependency ref={quoteattr(target)}/>" for target in kinds.get("depends_on", []))
        inner += "".join(f"<provides ref={quoteattr(target)}/>" for target in kinds.get("provides", []))
        return f"<dependency ref={quoteattr(ref)}>{inner}</dependency>"

    components = "".join(plain(one) for one in _children(bom, None))
    edges = "".join(dependency(ref, kinds) for ref, kinds in _edges(bom).items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?><bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1">'
        f"<components>{components}</components><dependencies>{edges}</dependencies></bom>"
    ).encode()
