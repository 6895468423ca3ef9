"""policy.json and registries.d (containers-policy.json(5), containers-registries.d(5))."""

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.container_policy import attachment_for, parse_policy, parse_registries, rule_for

POLICY = """{"default": [{"type": "reject"}], "transports": {
 "docker": {
  "quay.io/vela": [{"type": "sigstoreSigned", "keyPath": "/etc/pki/vela.pub",
                    "signedIdentity": {"type": "matchRepository"}}],
  "quay.io/vela/lab": [{"type": "insecureAcceptAnything"}],
  "*.example.org": [{"type": "insecureAcceptAnything"}],
  "": [{"type": "signedBy", "keyType": "GPGKeys", "keyPaths": ["/a", "/b"]}]},
 "docker-daemon": {"": [{"type": "insecureAcceptAnything"}]}}}"""


@pytest.mark.parametrize(
    ("transport", "image", "scope", "demands"),
    [
        ("docker", "quay.io/vela/os:stable", "quay.io/vela", "signature"),
        ("docker", "quay.io/vela/os@sha256:00", "quay.io/vela", "signature"),
        ("docker", "quay.io/vela/lab:x", "quay.io/vela/lab", "nothing"),
        ("docker", "quay.io/velalab/x", "", "signature"),
        ("docker", "reg.example.org:5000/x", "*.example.org", "nothing"),
        ("docker-daemon", "x", "", "nothing"),
        ("oci", "/tmp/x", "", "reject"),
    ],
)
def test_the_most_specific_scope_holds(transport: str, image: str, scope: str, demands: str) -> None:
    rule = rule_for(parse_policy(POLICY), transport, image)
    assert (rule.scope, rule.demands) == (scope, demands)


def test_requirements_are_joined_by_and() -> None:
    text = '{"default": [{"type": "insecureAcceptAnything"}, {"type": "sigstoreSigned", "keyData": "eA=="}]}'
    (rule,) = parse_policy(text)
    assert rule.demands == "signature"
    assert rule.inline_keys


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"default": []}',
        '{"default": [{}]}',
        '{"default": [{"type": "reject"}], "default": [{"type": "insecureAcceptAnything"}]}',
        '{"default": [{"type": "reject"}], "transports": {"docker": []}}',
        '{"default": [{"type": "reject"}], "transport": {}}',
        '{"default": [{"type": "accept"}]}',
        '{"default": [{"type": "reject", "keyPath": "/k"}]}',
        '{"default": [{"type": "sigstoreSigned"}]}',
        '{"default": [{"type": "sigstoreSigned", "keyPath": "/k", "keyData": "eA=="}]}',
        '{"default": [{"type": "sigstoreSigned", "keyPath": [7]}]}',
        '{"default": [{"type": "sigstoreSigned", "keyPath": "/k", "keyType": "GPGKeys"}]}',
        '{"default": [{"type": "signedBy", "keyPath": "/k"}]}',
        '{"default": [{"type": "sigstoreSigned", "keyPath": "/k", "signedIdentity": {}}]}',
        "[" * 100_000,
    ],
)
def test_a_policy_that_the_library_refuses(text: str) -> None:
    with pytest.raises(ParseError):
        parse_policy(text)


def test_registries() -> None:
    text = (
        "# comment\ndefault-docker:\n  lookaside: file:///var/lib/sigs\ndocker:\n  quay.io/vela: # ours\n"
        '    use-sigstore-attachments: true\n  "quay.io/vela/lab":\n    use-sigstore-attachments: false\n'
    )
    found = parse_registries(text)
    assert [(item.scope, item.sigstore, item.lookaside, item.line) for item in found] == [
        ("", None, "file:///var/lib/sigs", 2),
        ("quay.io/vela", True, None, 5),
        ("quay.io/vela/lab", False, None, 7),
    ]
    assert attachment_for(found, "quay.io/vela/os:1")
    assert not attachment_for(found, "quay.io/vela/lab:1")
    assert not attachment_for(found, "quay.io/other")


@pytest.mark.parametrize(
    "text",
    [
        "docker: [a]\n",
        "other:\n  a: b\n",
        "docker:\n  - a\n",
        "docker:\n  x:\n    use-sigstore-attachments: maybe\n",
        "docker: &a\n",
        "just text\n",
    ],
)
def test_yaml_that_is_not_read(text: str) -> None:
    with pytest.raises(ParseError):
        parse_registries(text)
