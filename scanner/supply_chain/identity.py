"""What makes two components the same thing in two documents: the package URL without its version.

Source: the package URL specification (types and their normalisation), PEP 503 for Python names. `canonical_purl` gives
the form that packageurl-python writes; documents of 50,000 components are read in a second because a URL that is
recognisably in that form already is not taken apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from scanner.supply_chain.model import Component

__all__ = ["IDENTIFYING", "canonical_purl", "ecosystem", "identity", "spelled", "split_purl"]

IDENTIFYING = frozenset(
    {"arch", "channel", "classifier", "goarch", "goos", "os", "platform", "repository_url", "subdir", "type"}
)
"""Qualifiers that tell two packages of one name apart: architecture and platform (both libc6:amd64 and libc6:i386 can
be installed), Maven's classifier and type, conda's channel, and the repository it comes from when that is not the usual
one. Others say which build of the package it is (epoch, checksum, tag, distro, upstream): they follow the version."""

_DEFAULTS = frozenset({("maven", "type", "jar"), ("gem", "platform", "ruby")})
"""Values that mean the same as leaving the qualifier out (definitions of the types)."""

_LOWER = frozenset(
    {"alpm", "apk", "bitbucket", "bitnami", "composer", "deb", "docker", "github", "gitlab"}
    | {"golang", "hex", "luarocks", "npm", "nuget", "oci", "pub", "pypi", "qpkg"}
)
"""Types whose names do not differ by case."""

# Characters that stand for themselves, and escapes that packageurl-python writes the same way again. No segment starts
# with a dot: `.` and `..` have a meaning of their own.
# Nothing is ever tried a second way (`*+`, `?+`): that is twice as fast, and what fails is left to the library.
_SEGMENT = r"(?:[A-Za-z0-9_~-]|%2B|%40)[A-Za-z0-9._~-]*+(?:%(?:2B|40)[A-Za-z0-9._~-]*+)*+"
_VERSION = r"(?:@[A-Za-z0-9._~:-]*+(?:%2B[A-Za-z0-9._~:-]*+)*+(?<!@))?+"
_PAIR = r"[a-z][a-z_-]*+=[A-Za-z0-9._~:/-]*+(?:%(?:2B|40)[A-Za-z0-9._~:/-]*+)*+(?<!=)"
_ANY_CASE = rf"(?:deb|rpm|maven|golang|generic|nuget|gem|cargo|docker)/{_SEGMENT}(?:/{_SEGMENT})*+"
_LOWER_CASE = r"(?:npm|pypi|github|apk|composer|hex)/(?:%40)?[a-z0-9][a-z0-9.-]*+(?:/[a-z0-9][a-z0-9.-]*+)*+"
_CANONICAL = re.compile(rf"pkg:(?:{_ANY_CASE}|{_LOWER_CASE}){_VERSION}(?:\?({_PAIR}(?:&{_PAIR})*+))?+")
MAX_PURL = 8192
"""Characters of a package URL that are looked at; longer ones are taken for damage."""


def canonical_purl(text: str) -> str | None:
    """The canonical form: qualifiers sorted, escapes and case as the type has them. None for what is no purl."""
    if len(text) > MAX_PURL:
        return None
    if "+" in text:
        text = text.replace("+", "%2B")  # both stand for a plus sign
    found = _CANONICAL.fullmatch(text)
    if found is not None and _sorted(found[1]):
        return text
    from packageurl import PackageURL

    try:
        return PackageURL.from_string(text).to_string()
    except (ValueError, TypeError):
        return None


def _sorted(qualifiers: str | None) -> bool:
    if qualifiers is None or "&" not in qualifiers:
        return True
    before = ""
    for pair in qualifiers.split("&"):
        key = pair.partition("=")[0]
        if key <= before:
            return False
        before = key
    return True


def split_purl(purl: str) -> tuple[str, str, str, str, Mapping[str, str]]:
    """Type, namespace, name, version and qualifiers of a canonical purl, still percent-encoded; no subpath."""
    rest = purl.removeprefix("pkg:").partition("#")[0]
    rest, _, query = rest.partition("?")
    type_, _, rest = rest.partition("/")
    path, at, version = rest.rpartition("@")
    if not at:
        path, version = rest, ""
    namespace, _, name = path.rpartition("/")
    qualifiers = {key: value for key, _, value in (pair.partition("=") for pair in query.split("&")) if key}
    return type_, namespace, name, version, qualifiers


def identity(component: Component) -> str:
    """What the component is, whatever its version: its purl without version and subpath and with the qualifiers of
    `IDENTIFYING`; without a purl its type, group and name (`component:library/group/name`).

    Several components of a document may share an identity (several versions): it never merges them.
    """
    purl = component.purl
    if purl is None:
        return f"component:{component.type}/{component.group}/{spelled(component)}"
    type_, namespace, name, _, qualifiers = split_purl(purl)
    if type_ in _LOWER:
        namespace, name = _lowered(namespace), _lowered(name)
    elif type_ == "rpm":
        namespace = _lowered(namespace)
    if type_ == "pypi":
        name = re.sub(r"[-_.]+", "-", name)
    path = f"{namespace}/{name}" if namespace else name
    kept = [
        f"{key}={value}"
        for key, value in sorted(qualifiers.items())
        if key in IDENTIFYING and (type_, key, value) not in _DEFAULTS
    ]
    return f"pkg:{type_}/{path}" + (f"?{'&'.join(kept)}" if kept else "")


def spelled(component: Component) -> str:
    """The name; that of a file from the root: SPDX writes ./usr/bin/a (8.1 of SPDX 2.3), others /usr/bin/a."""
    name = component.name
    return name[1:] if component.type == "file" and name.startswith("./") else name


def _lowered(text: str) -> str:
    """Lower case, but for the digits of percent escapes, which are upper case in canonical form."""
    if "%" not in text:
        return text.lower()
    return re.sub(r"%[0-9a-f]{2}", lambda found: found[0].upper(), text.lower())


_TYPE_PROPERTIES = ("syft:package:type", "aquasecurity:trivy:PkgType")
_ECOSYSTEMS: Mapping[str, str] = {
    "alma": "rpm",
    "alpine": "apk",
    "amazon": "rpm",
    "apk": "apk",
    "bundler": "gem",
    "cargo": "cargo",
    "composer": "composer",
    "deb": "deb",
    "debian": "deb",
    "dotnet": "nuget",
    "gem": "gem",
    "go-module": "golang",
    "gobinary": "golang",
    "gomod": "golang",
    "jar": "maven",
    "java-archive": "maven",
    "node-pkg": "npm",
    "npm": "npm",
    "nuget": "nuget",
    "oracle": "rpm",
    "pip": "pypi",
    "poetry": "pypi",
    "python": "pypi",
    "python-pkg": "pypi",
    "redhat": "rpm",
    "rocky": "rpm",
    "rpm": "rpm",
    "rust-crate": "cargo",
    "rustbinary": "cargo",
    "ubuntu": "deb",
}


def ecosystem(component: Component) -> str:
    """The purl type (deb, rpm, apk, pypi, npm, maven, golang, …), or what the property of a well-known generator says
    of a component without purl; empty when nobody says. It decides how versions are ordered."""
    if component.purl is not None:
        return component.purl[4:].partition("/")[0]
    for name in _TYPE_PROPERTIES:
        if name in component.properties:
            return _ECOSYSTEMS.get(component.properties[name].lower(), "")
    return ""
