"""Origin files, image references and bootc's status."""

import json

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.ostree import image_reference, parse_keyfile, parse_status


@pytest.mark.parametrize(
    ("text", "verification", "transport", "image", "remote"),
    [
        ("ostree-image-signed:docker://quay.io/vela/os:1", "policy", "docker", "quay.io/vela/os:1", None),
        ("ostree-image-signed:registry:quay.io/vela/os:1", "policy", "docker", "quay.io/vela/os:1", None),
        ("ostree-image-signed:oci:/srv/x", "policy", "oci", "/srv/x", None),
        ("ostree-unverified-image:docker://quay.io/x", "none", "docker", "quay.io/x", None),
        ("ostree-unverified-registry:quay.io/x:5", "none", "docker", "quay.io/x:5", None),
        ("ostree-remote-image:fed:docker://quay.io/x", "remote", "docker", "quay.io/x", "fed"),
        ("ostree-remote-registry:fed:quay.io/x", "remote", "docker", "quay.io/x", "fed"),
    ],
)
def test_image_references(text: str, verification: str, transport: str, image: str, remote: str | None) -> None:
    found = image_reference(text)
    assert (found.verification, found.transport, found.image, found.remote) == (verification, transport, image, remote)


@pytest.mark.parametrize(
    "text", ["", "quay.io/x", "ostree-image-signed:x", "ostree-remote-registry:x", "signed:docker://x"]
)
def test_unknown_references(text: str) -> None:
    with pytest.raises(ParseError):
        image_reference(text)


def test_keyfile() -> None:
    assert parse_keyfile("# c\n[origin]\na = b=c\na=d\n\n[x]\n") == {"origin": {"a": "d"}, "x": {}}
    for text in ("a=b\n", "[x\n", "[x]\nnothing\n"):
        with pytest.raises(ParseError):
            parse_keyfile(text)


def test_status() -> None:
    text = json.dumps(
        {
            "kind": "BootcHost",
            "spec": {"image": {"image": "q", "transport": "registry", "signature": {"ostreeRemote": "r"}}},
            "status": {
                "booted": {"image": {"image": {"image": "q", "signature": "insecure"}, "imageDigest": "sha256:0"}}
            },
        }
    )
    status = parse_status(text)
    assert status["signature"] == "ostreeRemote:r"
    assert status["booted"]["signature"] == "insecure"
    assert status["staged"] is None
    for wrong in ("", "[]", '{"kind": "Pod"}'):
        with pytest.raises(ParseError):
            parse_status(wrong)
