"""What a signature must say of the image it was made for: the `signedIdentity` of containers-policy.json(5).

Image names are compared in their full form: `busybox` is `docker.io/library/busybox`. A signature names an image by a
reference that its signer wrote; cosign writes only the repository, so that nothing but `matchRepository`,
`exactRepository` (and a digest reference under the default) accepts it. Sources: containers-policy.json(5),
distribution `reference` (grammar and normalisation of names).
"""

from __future__ import annotations

import re

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["DEFAULT_IDENTITY", "TYPES", "ImageName", "SignedIdentity", "image_name", "signed_identity"]

TYPES = {
    "matchExact": (),
    "matchRepoDigestOrExact": (),
    "matchRepository": (),
    "exactReference": ("dockerReference",),
    "exactRepository": ("dockerRepository",),
    "remapIdentity": ("prefix", "signedPrefix"),
}
"""Type to the members that it must have, and no others."""

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?")
_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}")


@dataclass(frozen=True, slots=True)
class ImageName:
    """A reference in full: `name` with its host; `tag` and `digest` empty when there is none."""

    name: str
    tag: str = ""
    digest: str = ""

    @property
    def bare(self) -> bool:
        """Whether it names a repository and no image in it."""
        return not self.tag and not self.digest


@dataclass(frozen=True, slots=True)
class SignedIdentity:
    """`type`: a word of TYPES; `first`, `second`: its members in that order, empty when it has none."""

    type: str
    first: str = ""
    second: str = ""

    def accepts(self, image: str, signed: str) -> bool:
        """Whether a signature that names `signed` is one for the image that is asked for as `image`.

        False as well when either is no reference; an image from a folder has none, give an empty text.
        """
        claimed = _try(signed)
        if claimed is None:
            return False
        if self.type == "exactReference":
            return _same(_try(self.first), claimed)
        if self.type == "exactRepository":
            wanted = _try(self.first)
            return wanted is not None and wanted.name == claimed.name
        asked = _try(image)
        if asked is None:
            return False
        if self.type == "matchRepository":
            return asked.name == claimed.name
        if self.type == "matchExact":
            return _same(asked, claimed)
        return _same_or_digest(self._remapped(asked), claimed)

    def _remapped(self, image: ImageName) -> ImageName | None:
        """The image under the name that its signer knew it by."""
        name = image.name
        if self.type != "remapIdentity" or not (name == self.first or name.startswith(f"{self.first}/")):
            return image
        found = _try(self.second + name[len(self.first) :])
        return ImageName(found.name, image.tag, image.digest) if found is not None and found.bare else None


DEFAULT_IDENTITY = SignedIdentity("matchRepoDigestOrExact")
"""What holds when `signedIdentity` is missing."""


def signed_identity(found: object, where: str) -> SignedIdentity:
    """The identity requirement in a policy. Raises ParseError where the library refuses it."""
    kind = found.get("type") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(kind, str) or kind not in TYPES:
        raise ParseError(f"{where}: signedIdentity has no known type")
    if set(found) != {"type", *TYPES[kind]}:
        raise ParseError(f"{where}: signedIdentity {kind} must have {', '.join(TYPES[kind]) or 'nothing more'}")
    values = [found[name] for name in TYPES[kind]]
    if not all(isinstance(value, str) and value for value in values):
        raise ParseError(f"{where}: signedIdentity {kind} has a member that is no text")
    if kind == "exactReference" and image_name(values[0], where).bare:
        raise ParseError(f"{where}: dockerReference names no tag and no digest")
    if kind == "exactRepository" and not image_name(values[0], where).bare:
        raise ParseError(f"{where}: dockerRepository has a tag or a digest")
    if kind == "remapIdentity":
        for value in values:
            _check_prefix(value, where)
    return SignedIdentity(kind, *values)


def image_name(text: str, where: str = "") -> ImageName:
    """A reference in its full form. Raises ParseError."""
    rest, at, digest = text.partition("@")
    head, slash, tail = rest.rpartition("/")
    tail, colon, tag = tail.partition(":")
    name = f"{head}{slash}{tail}"
    host, slash, path = name.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost" or host != host.lower()):
        host, path = "docker.io", name
    if host == "index.docker.io":
        host = "docker.io"
    if host == "docker.io" and "/" not in path:
        path = f"library/{path}"
    if (
        not _HOST.fullmatch(host)
        or not _PATH.fullmatch(path)
        or (colon and not _TAG.fullmatch(tag))
        or (at and not _DIGEST.fullmatch(digest))
    ):
        raise ParseError(f"{where or 'image'}: not the name of an image: {text[:100]!r}")
    return ImageName(f"{host}/{path}", tag, digest)


def _try(text: str) -> ImageName | None:
    try:
        return image_name(text)
    except ParseError:
        return None


def _same(one: ImageName | None, other: ImageName) -> bool:
    return one is not None and not one.bare and one == other


def _same_or_digest(asked: ImageName | None, claimed: ImageName) -> bool:
    if asked is None or asked.bare:
        return False
    return asked == claimed if asked.tag else asked.name == claimed.name


def _check_prefix(value: str, where: str) -> None:
    """A host, or a name in its full form. Raises ParseError."""
    host, slash, path = value.partition("/")
    if not _HOST.fullmatch(host) or (slash and not _PATH.fullmatch(path)):
        raise ParseError(f"{where}: not a host, and not a full name: {value[:100]!r}")
