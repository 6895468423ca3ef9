"""Package URLs and licences as the surveyors write them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from scanner.model.canonical import printable
from scanner.supply_chain.licenses import license_of, stated
from scanner.supply_chain.making.unknowns import SWHID
from scanner.supply_chain.model import License

__all__ = ["declared", "distro", "oci_purl", "purl", "pypi_name", "swhid"]


def purl(kind: str, namespace: str, name: str, version: str, **qualifiers: str) -> str | None:
    """The canonical package URL; None where the parts make none (a name of nothing)."""
    from packageurl import PackageURL

    given = {key: printable(value) for key, value in qualifiers.items() if value}
    try:
        return PackageURL(
            type=kind,
            namespace=printable(namespace) or None,
            name=printable(name),
            version=printable(version) or None,
            qualifiers=given,
        ).to_string()
    except ValueError:
        return None


def distro(system: Mapping[str, str | None] | None) -> str:
    """The qualifier `distro`: almalinux-10.0; empty without os-release."""
    if system is None or not system.get("id"):
        return ""
    return "-".join(str(part) for part in (system["id"], system.get("version_id")) if part)


def pypi_name(name: str) -> str:
    """PEP 503: lower case, runs of dash, dot and underscore as one dash."""
    return re.sub(r"[-_.]+", "-", name).lower()


def oci_purl(image: str, digest: str) -> str | None:
    """`registry/team/app:1.2` and its digest as pkg:oci/app@sha256:…?repository_url=registry/team/app&tag=1.2."""
    base = image.partition("@")[0]
    head, slash, last = base.rpartition("/")
    name, _, tag = last.partition(":")
    return purl("oci", "", name.lower(), digest, repository_url=f"{head}{slash}{name}" if head else "", tag=tag)


def declared(text: str | None) -> tuple[License, ...]:
    """What a package declares as its licence; nothing for an empty text or NOASSERTION."""
    return tuple(stated([license_of(printable(text or "").strip(), "declared")]))


def swhid(git: str) -> dict[str, str]:
    """The identifier of a file's content (ISO/IEC 18670) as a property; nothing for an empty digest."""
    return {SWHID: f"swh:1:cnt:{git}"} if git else {}
