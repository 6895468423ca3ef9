"""signedIdentity: which signature is one for the image that was asked for (containers-policy.json(5))."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.signed_identity import DEFAULT_IDENTITY, image_name, signed_identity

D1, D2 = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def rule(kind: str, **members: Any) -> dict[str, Any]:
    return {"type": kind, **members}


REMAP = rule("remapIdentity", prefix="mirror.example:5000/vendor", signedPrefix="vendor.example")
HOST = rule("remapIdentity", prefix="mirror.example", signedPrefix="vendor.example")
CASES = [
    (rule("matchExact"), "q.io/v/os:1", "q.io/v/os:1", True),
    (rule("matchExact"), "q.io/v/os:1", "q.io/v/os:2", False),
    (rule("matchExact"), "q.io/v/os:1", "q.io/v/os", False),
    (rule("matchExact"), "q.io/v/os", "q.io/v/os", False),
    (rule("matchExact"), f"q.io/v/os@{D1}", "q.io/v/os:1", False),
    (rule("matchRepoDigestOrExact"), "q.io/v/os:1", "q.io/v/os:1", True),
    (rule("matchRepoDigestOrExact"), "q.io/v/os:1", "q.io/v/os", False),
    (rule("matchRepoDigestOrExact"), f"q.io/v/os@{D1}", "q.io/v/os:7", True),
    (rule("matchRepoDigestOrExact"), f"q.io/v/os@{D1}", f"q.io/v/os@{D2}", True),
    (rule("matchRepoDigestOrExact"), f"q.io/v/os@{D1}", "q.io/v/other:7", False),
    (rule("matchRepoDigestOrExact"), f"q.io/v/os:1@{D1}", "q.io/v/os:1", False),
    (rule("matchRepoDigestOrExact"), "q.io/v/os", "q.io/v/os:1", False),
    (rule("matchRepository"), "q.io/v/os:1", "q.io/v/os", True),
    (rule("matchRepository"), "q.io/v/os:1", "q.io/v/os:2", True),
    (rule("matchRepository"), "q.io/v/os:1", "q.io/v/os-evil", False),
    (rule("matchRepository"), "q.io/v/os:1", "q.io/v", False),
    (rule("matchRepository"), "busybox:1", "docker.io/library/busybox", True),
    (rule("matchRepository"), "busybox:1", "index.docker.io/library/busybox", True),
    (rule("matchRepository"), "q.io/v/os:1", "", False),
    (rule("matchRepository"), "", "q.io/v/os", False),
    (rule("exactReference", dockerReference="v.io/os:1"), "mirror.io/x:9", "v.io/os:1", True),
    (rule("exactReference", dockerReference="v.io/os:1"), "v.io/os:1", "v.io/os:2", False),
    (rule("exactReference", dockerReference="v.io/os:1"), "v.io/os:1", "v.io/os", False),
    (rule("exactRepository", dockerRepository="v.io/os"), "mirror.io/x:9", "v.io/os:5", True),
    (rule("exactRepository", dockerRepository="v.io/os"), "", "v.io/os", True),
    (rule("exactRepository", dockerRepository="v.io/os"), "v.io/os:1", "v.io/os2", False),
    (REMAP, "mirror.example:5000/vendor/a/os:1", "vendor.example/a/os:1", True),
    (REMAP, "mirror.example:5000/vendor/a/os:1", "vendor.example/a/os:2", False),
    (REMAP, "mirror.example:5000/vendor2/os:1", "vendor.example/os:1", False),
    (REMAP, "mirror.example:5000/other/os:1", "mirror.example:5000/other/os:1", True),
    (REMAP, f"mirror.example:5000/vendor/os@{D1}", "vendor.example/os:3", True),
    (HOST, "mirror.example/a/os:1", "vendor.example/a/os:1", True),
    (HOST, "mirror.example.evil/a/os:1", "vendor.example/a/os:1", False),
]


@pytest.mark.parametrize(("given", "image", "signed", "accepted"), CASES)
def test_what_is_accepted(given: dict[str, Any], image: str, signed: str, accepted: bool) -> None:
    assert signed_identity(given, "scope").accepts(image, signed) is accepted


def test_the_default() -> None:
    assert DEFAULT_IDENTITY.accepts("q.io/os:1", "q.io/os:1")
    assert not DEFAULT_IDENTITY.accepts("q.io/os:1", "q.io/os")


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        {},
        rule("matchAny"),
        rule("matchExact", dockerReference="v.io/os:1"),
        rule("exactReference"),
        rule("exactReference", dockerReference="v.io/os"),
        rule("exactReference", dockerReference=7),
        rule("exactRepository", dockerRepository="v.io/os:1"),
        rule("exactRepository", dockerRepository="v.io/OS"),
        rule("remapIdentity", prefix="a.io"),
        rule("remapIdentity", prefix="a.io/x:1", signedPrefix="b.io"),
        rule("remapIdentity", prefix="", signedPrefix="b.io"),
        {"type": ["matchExact"]},
    ],
)
def test_what_the_library_refuses(given: object) -> None:
    with pytest.raises(ParseError):
        signed_identity(given, "scope")


@pytest.mark.parametrize(
    ("text", "name", "tag"),
    [
        ("busybox", "docker.io/library/busybox", ""),
        ("vela/os:1", "docker.io/vela/os", "1"),
        ("localhost/os", "localhost/os", ""),
        ("a:5000/os:1", "a:5000/os", "1"),
        ("a.io/os@" + D1, "a.io/os", ""),
    ],
)
def test_names_in_full(text: str, name: str, tag: str) -> None:
    found = image_name(text)
    assert (found.name, found.tag) == (name, tag)


@pytest.mark.parametrize("text", ["", "/os", "a.io/", "a.io/OS", "a.io/os:", "a.io/os:-x", "a.io/os@sha256:1", "a b/c"])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(ParseError):
        image_name(text)
