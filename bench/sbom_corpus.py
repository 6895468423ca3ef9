"""SBOMs of any size for benchmarks and tests: the same random data as CycloneDX 1.6 (JSON, XML) and SPDX 2.3 (JSON).

    python bench/sbom_corpus.py FOLDER [--components N] [--seed S] [--release R] [--only cyclonedx-json]

The same seed gives the same bytes. Component i of a corpus depends on i and the seed only, so that a corpus of 500,000
starts with the components of one of 50,000. In release 2 one component in twenty has another version, licence, name or
fewer dependencies than in release 1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

CREATED = "2026-01-31T00:00:00Z"
_LICENSES = ("MIT", "Apache-2.0", "BSD-3-Clause", "GPL-2.0-or-later", "LGPL-2.1-or-later AND MIT", "MPL-2.0", "ISC")
_SUPPLIERS = ("Debian", "Example Devices GmbH", "Red Hat, Inc.", "The Example Project", "Jane Doe")
_ARCHITECTURES = ("amd64", "arm64")
_KINDS = ("deb", "rpm", "pypi", "npm", "maven", "golang")


@dataclass(frozen=True, slots=True)
class Package:
    """One component, as both formats can say it."""

    number: int
    name: str
    version: str
    purl: str
    group: str
    license: str
    supplier: str
    sha256: str
    cpe: str
    needs: tuple[int, ...]

    @property
    def ref(self) -> str:
        return f"{self.purl.partition('?')[0]}?package-id={self.number:08x}"

    @property
    def spdx_id(self) -> str:
        return f"SPDXRef-Package-{self.number}"


def packages(count: int, seed: int = 0, release: int = 1) -> Iterator[Package]:
    """`count` packages of six ecosystems, one in a hundred a second version of the one before."""
    for package in _first_release(count, seed):
        yield _edited(package) if release > 1 and package.number % 20 == 0 else package


def _edited(package: Package) -> Package:
    """The package in release 2."""
    change = package.number // 20 % 4
    if change == 0:
        newer = f"{package.version}1"
        purl = package.purl.replace(f"@{package.version.replace('+', '%2B')}", f"@{newer.replace('+', '%2B')}")
        return replace(package, version=newer, purl=purl, cpe=package.cpe.replace(package.version, newer))
    if change == 1:
        return replace(package, license="AGPL-3.0-only")
    if change == 2:
        name = f"other{package.number}"
        return replace(package, name=name, purl=package.purl.replace(f"/{package.name}@", f"/{name}@"))
    return replace(package, needs=package.needs[1:])


def _first_release(count: int, seed: int) -> Iterator[Package]:
    for number in range(count):
        dice = random.Random(f"{seed}/{number}")
        kind = _KINDS[number % len(_KINDS)]
        base = number - 1 if number % 100 == 99 else number
        name = f"{'lib' if base % 3 else 'py'}{_word(random.Random(f'{seed}/name/{base}'))}{base}"
        if base != number:
            kind = _KINDS[base % len(_KINDS)]
        version = f"{dice.randrange(12)}.{dice.randrange(40)}.{dice.randrange(90)}"
        group = ""
        if kind in ("deb", "rpm"):
            release = f"-{dice.randrange(1, 9)}+deb12u1" if kind == "deb" else f"-{dice.randrange(1, 9)}.el10"
            version += release
            vendor = "debian" if kind == "deb" else "almalinux"
            architecture = dice.choice(_ARCHITECTURES)
            distro = "debian-12" if kind == "deb" else "almalinux-10.1"
            written = version.replace("+", "%2B")
            purl = f"pkg:{kind}/{vendor}/{name}@{written}?arch={architecture}&distro={distro}"
        elif kind in ("maven", "golang"):
            group = "org.example" if kind == "maven" else "example.org/mods"
            purl = f"pkg:{kind}/{group}/{name}@{version}"
        else:
            purl = f"pkg:{kind}/{name}@{version}"
        yield Package(
            number=number,
            name=name,
            version=version,
            purl=purl,
            group=group,
            license=dice.choice(_LICENSES),
            supplier=dice.choice(_SUPPLIERS),
            sha256=hashlib.sha256(f"{seed}/{number}".encode()).hexdigest(),
            cpe=f"cpe:2.3:a:{name}:{name}:{version.replace('+', '')}:*:*:*:*:*:*:*",
            needs=tuple(sorted({dice.randrange(number) for _ in range(dice.randrange(4))})) if number else (),
        )


def _word(dice: random.Random) -> str:
    return "".join(dice.choice("bcdfgklmnprst") + dice.choice("aeiou") for _ in range(4))


def cyclonedx_json(count: int, seed: int = 0, release: int = 1) -> Iterator[str]:
    """The text of a CycloneDX 1.6 JSON document, in pieces."""
    head = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        "version": 1,
        "metadata": {
            "timestamp": CREATED,
            "lifecycles": [{"phase": "build"}],
            "tools": {"components": [{"type": "application", "name": "sbom_corpus", "version": "1"}]},
            "authors": [{"name": "Example Devices GmbH", "email": "sbom@example.com"}],
            "component": {"type": "operating-system", "bom-ref": "device", "name": "example-os", "version": "1.0"},
        },
    }
    yield json.dumps(head)[:-1] + ', "components": ['
    for package in packages(count, seed, release):
        yield ("," if package.number else "") + json.dumps(_cyclonedx_component(package))
    yield '], "dependencies": [' + json.dumps({"ref": "device", "dependsOn": _tops(count, seed, release)})
    refs = [package.ref for package in packages(count, seed, release)]
    for package in packages(count, seed, release):
        yield "," + json.dumps({"ref": package.ref, "dependsOn": [refs[one] for one in package.needs]})
    yield "]}"


def _tops(count: int, seed: int, release: int) -> list[str]:
    return [package.ref for package in packages(min(count, 20), seed, release)]


def _cyclonedx_component(package: Package) -> dict[str, object]:
    licensed: dict[str, object] = {"license": {"id": package.license}}
    if " " in package.license:
        licensed = {"expression": package.license}
    component: dict[str, object] = {
        "bom-ref": package.ref,
        "type": "library",
        "supplier": {"name": package.supplier},
        "name": package.name,
        "version": package.version,
        "hashes": [{"alg": "SHA-256", "content": package.sha256}],
        "licenses": [licensed],
        "cpe": package.cpe,
        "purl": package.purl,
        "properties": [
            {"name": "syft:package:foundBy", "value": "corpus-cataloger"},
            {"name": "syft:package:type", "value": package.purl[4:].partition("/")[0]},
            {"name": "syft:location:0:path", "value": f"/usr/share/doc/{package.name}/copyright"},
        ],
    }
    if package.group:
        component["group"] = package.group
    return component


def cyclonedx_xml(count: int, seed: int = 0, release: int = 1) -> Iterator[str]:
    """The text of a CycloneDX 1.6 XML document that says the same, in pieces."""
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1" '
        'serialNumber="urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"><metadata>'
        f"<timestamp>{CREATED}</timestamp><lifecycles><lifecycle><phase>build</phase></lifecycle></lifecycles>"
        '<tools><components><component type="application"><name>sbom_corpus</name><version>1</version></component>'
        "</components></tools><authors><author><name>Example Devices GmbH</name><email>sbom@example.com</email>"
        '</author></authors><component type="operating-system" bom-ref="device"><name>example-os</name>'
        "<version>1.0</version></component></metadata>\n<components>"
    )
    for package in packages(count, seed, release):
        yield _xml_component(package)
    refs = [package.ref for package in packages(count, seed, release)]
    yield '</components>\n<dependencies><dependency ref="device">'
    yield "".join(f"<dependency ref={quoteattr(ref)}/>" for ref in _tops(count, seed, release)) + "</dependency>"
    for package in packages(count, seed, release):
        needs = "".join(f"<dependency ref={quoteattr(refs[one])}/>" for one in package.needs)
        yield f"<dependency ref={quoteattr(package.ref)}>{needs}</dependency>"
    yield "</dependencies></bom>\n"


def _xml_component(package: Package) -> str:
    component = _cyclonedx_component(package)
    licensed = f"<license><id>{package.license}</id></license>"
    if " " in package.license:
        licensed = f"<expression>{package.license}</expression>"
    group = f"<group>{escape(package.group)}</group>" if package.group else ""
    rows = component["properties"]
    assert isinstance(rows, list)
    properties = "".join(f"<property name={quoteattr(row['name'])}>{escape(row['value'])}</property>" for row in rows)
    return (
        f'<component type="library" bom-ref={quoteattr(package.ref)}><supplier><name>{escape(package.supplier)}</name>'
        f"</supplier>{group}<name>{escape(package.name)}</name><version>{escape(package.version)}</version>"
        f'<hashes><hash alg="SHA-256">{package.sha256}</hash></hashes><licenses>{licensed}</licenses>'
        f"<cpe>{escape(package.cpe)}</cpe><purl>{escape(package.purl)}</purl><properties>{properties}</properties>"
        "</component>"
    )


def spdx_json(count: int, seed: int = 0, release: int = 1) -> Iterator[str]:
    """The text of an SPDX 2.3 JSON document that says the same, in pieces."""
    head = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "example-os",
        "documentNamespace": f"https://example.com/sbom/{seed}/{count}{'/2' if release > 1 else ''}",
        "creationInfo": {
            "created": CREATED,
            "creators": ["Organization: Example Devices GmbH (sbom@example.com)", "Tool: sbom_corpus-1"],
        },
    }
    device = {
        "SPDXID": "SPDXRef-device",
        "name": "example-os",
        "versionInfo": "1.0",
        "downloadLocation": "NOASSERTION",
        "primaryPackagePurpose": "OPERATING-SYSTEM",
    }
    yield json.dumps(head)[:-1] + ', "packages": [' + json.dumps(device)
    for package in packages(count, seed, release):
        yield "," + json.dumps(_spdx_package(package))
    described = {
        "spdxElementId": "SPDXRef-DOCUMENT",
        "relationshipType": "DESCRIBES",
        "relatedSpdxElement": "SPDXRef-device",
    }
    yield '], "relationships": [' + json.dumps(described)
    for number in range(min(count, 20)):
        yield "," + json.dumps(_depends("SPDXRef-device", f"SPDXRef-Package-{number}"))
    for package in packages(count, seed, release):
        for one in package.needs:
            yield "," + json.dumps(_depends(package.spdx_id, f"SPDXRef-Package-{one}"))
    yield "]}"


def _depends(source: str, target: str) -> dict[str, str]:
    return {"spdxElementId": source, "relationshipType": "DEPENDS_ON", "relatedSpdxElement": target}


def _spdx_package(package: Package) -> dict[str, object]:
    kind, _, name = package.supplier.partition(" ")
    person = kind == "Jane" and bool(name)
    return {
        "SPDXID": package.spdx_id,
        "name": f"{package.group}:{package.name}" if package.group else package.name,
        "versionInfo": package.version,
        "supplier": f"{'Person' if person else 'Organization'}: {package.supplier}",
        "downloadLocation": "NOASSERTION",
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": package.license,
        "copyrightText": "NOASSERTION",
        "checksums": [{"algorithm": "SHA256", "checksumValue": package.sha256}],
        "primaryPackagePurpose": "LIBRARY",
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": package.purl},
            {"referenceCategory": "SECURITY", "referenceType": "cpe23Type", "referenceLocator": package.cpe},
        ],
    }


FORMATS = {
    "cyclonedx-json": (cyclonedx_json, "cdx.json"),
    "cyclonedx-xml": (cyclonedx_xml, "cdx.xml"),
    "spdx-json": (spdx_json, "spdx.json"),
}


def write(folder: Path, count: int, seed: int = 0, only: str = "", release: int = 1) -> list[Path]:
    """Write the documents to `folder`; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, (pieces, suffix) in FORMATS.items():
        if only and name != only:
            continue
        path = folder / f"corpus-{count}-{seed}-{release}.{suffix}"
        with path.open("w", encoding="utf-8", newline="") as stream:
            stream.writelines(pieces(count, seed, release))
        made.append(path)
    return made


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--components", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--release", type=int, default=1, choices=(1, 2))
    parser.add_argument("--only", choices=list(FORMATS), default="")
    given = parser.parse_args()
    for path in write(given.folder, given.components, given.seed, given.only, given.release):
        print(f"{path} {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
