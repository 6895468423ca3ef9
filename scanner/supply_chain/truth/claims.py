"""What a document claims of a target, component by component, in the words of a survey.

Generators name one thing in many ways: an epoch stands in the version, in a qualifier or nowhere; architectures have
two spellings each; Python names differ by case and dashes. All of that is levelled here and in `same_version`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from scanner.supply_chain.identity import ecosystem, split_purl
from scanner.supply_chain.making.names import pypi_name
from scanner.supply_chain.model import Component
from scanner.supply_chain.versions import compare

__all__ = ["ANY", "Claim", "claim_of", "level_arch", "level_name", "paths_of", "same_version", "upstream"]

ANY = ""
"""Ecosystem of a claim that names none, and architecture that fits every other."""

_ARCHES = {
    "amd64": "x86_64",
    "x64": "x86_64",
    "arm64": "aarch64",
    "armhf": "armv7",
    "armv7l": "armv7",
    "armv7hl": "armv7",
    "armv7hnl": "armv7",
    **dict.fromkeys(("i386", "i486", "i586", "i686", "ia32"), "x86"),
    "ppc64el": "ppc64le",
    **dict.fromkeys(("all", "any", "noarch"), ANY),
}
_SOURCES = frozenset({"source", "src", "nosrc"})
_NAMELESS = frozenset({"generic", "github", "gitlab", "bitbucket", "swid"})
"""Types of package URLs that do not say how something is installed."""
_EPOCH = re.compile(r"(\d+):(.+)")
_LOCATION = re.compile(r"syft:location:\d+:path")
_SAME, _IMPRECISE = "same", "imprecise"


@dataclass(frozen=True, slots=True)
class Claim:
    """One component. `ecosystem`: deb, rpm, apk, pypi, npm, oci, file, another type of package URL, or ANY. `name`:
    levelled; `version`: with its epoch, if the document says any; `arch`: levelled; `is_source`: a source package;
    `paths`: where the document says that it lies."""

    component: Component
    ecosystem: str
    name: str
    version: str
    arch: str
    is_source: bool
    paths: tuple[str, ...]

    @property
    def shown(self) -> str:
        """Name and version for people."""
        return f"{self.component.name} {self.version}".strip()


def claim_of(component: Component) -> Claim:
    """What `component` claims."""
    kind = "file" if component.type == "file" and component.purl is None else ecosystem(component)
    name, version, arch = f"{component.group}/{component.name}".lstrip("/"), component.version, ""
    if component.purl is not None:
        _, namespace, last, given, qualifiers = split_purl(component.purl)
        name = unquote(last)
        if kind in ("npm", "golang", "composer") and namespace:
            name = f"{unquote(namespace)}/{name}"
        version = unquote(given) or version
        arch = unquote(qualifiers.get("arch", ""))
        epoch = qualifiers.get("epoch", "")
        if epoch.isdigit() and _EPOCH.fullmatch(version) is None:
            version = f"{epoch}:{version}"
    elif kind not in ("npm", "golang", "composer"):
        name = component.name
    if kind in _NAMELESS:
        kind = ANY
    return Claim(
        component,
        "oci" if kind == "docker" else kind,
        level_name(kind, name),
        version,
        level_arch(arch),
        arch.lower() in _SOURCES,
        paths_of(component),
    )


def paths_of(component: Component) -> tuple[str, ...]:
    """Where the document says that the component lies: its own path, or where a generator found it."""
    found = [value for name, value in component.properties.items() if name == "assay:path" or _LOCATION.fullmatch(name)]
    return tuple(dict.fromkeys(found))


def level_name(kind: str, name: str) -> str:
    """The name as two sides can compare it."""
    return pypi_name(name) if kind == "pypi" else name if kind == "file" else name.lower()


def level_arch(arch: str) -> str:
    """One spelling for each architecture; ANY for what fits all, and for none."""
    return _ARCHES.get(arch.lower(), arch.lower())


def same_version(kind: str, listed: str, installed: str, arch: str = "") -> str:
    """same; imprecise (what is listed is a part of what is installed: the release or everything is left out); or empty:
    another version. An epoch that the document leaves out is no difference."""
    if not listed or not installed:
        return _SAME if listed == installed else _IMPRECISE
    if listed == installed:
        return _SAME
    claimed, real = _split(listed), _split(installed)
    if claimed[0] is not None and claimed[0] != (real[0] or "0"):
        return ""
    left, right = claimed[1], real[1]
    if arch:
        left = left.removesuffix(f".{arch}")
    if left == right:
        return _SAME
    if kind == "npm":
        return _SAME if left.removeprefix("v") == right.removeprefix("v") else ""
    if kind == "composer" and left.removeprefix("v") == right.removeprefix("v"):
        return _SAME
    if kind in ("deb", "rpm", "apk", ANY):
        release = right.rpartition("-")[0]
        if release and left == release:
            return _IMPRECISE
        if kind != ANY:
            return ""  # databases and generators copy these texts: one that differs is another version
    if kind == ANY and left == upstream(installed):
        return _IMPRECISE
    return _SAME if compare(kind, left, right) == 0 else ""


def upstream(version: str) -> str:
    """The version as upstream calls it: without epoch, release, and what a distribution added (`+dfsg`, `~rc`)."""
    bare = _split(version)[1]
    bare = bare.rpartition("-")[0] or bare
    return re.split(r"[+~](?:dfsg|ds|git|really|deb)", bare, maxsplit=1)[0]


def _split(version: str) -> tuple[str | None, str]:
    found = _EPOCH.fullmatch(version)
    return (found[1].lstrip("0") or "0", found[2]) if found else (None, version)
