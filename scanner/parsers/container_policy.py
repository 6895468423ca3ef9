"""Signature policy of containers: policy.json, registries.d, and which part of them holds for an image.

Sources: containers-policy.json(5), containers-registries.d(5), containers-transports(5).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.model.strict_json import no_constant, unique_keys
from scanner.parsers.signed_identity import DEFAULT_IDENTITY, SignedIdentity, signed_identity

__all__ = [
    "Attachment",
    "Policy",
    "Requirement",
    "Rule",
    "attachment_for",
    "parse_policy",
    "parse_registries",
    "rule_for",
]

_MAX_ENTRIES = 10_000
_KEY_TYPES = ("GPGKeys", "signedByGPGKeys", "X509Certificates", "signedByX509CAs")
_KEYS = {
    "signedBy": ("keyPath", "keyPaths", "keyData"),
    "sigstoreSigned": ("keyPath", "keyPaths", "keyData", "keyDatas", "fulcio", "pki"),
}
"""Where a requirement takes its keys from: exactly one of these."""
_MORE = {
    "signedBy": ("keyType", "signedIdentity"),
    "sigstoreSigned": (
        "signedIdentity",
        "rekorPublicKeyPath",
        "rekorPublicKeyPaths",
        "rekorPublicKeyData",
        "rekorPublicKeyDatas",
    ),
    "insecureAcceptAnything": (),
    "reject": (),
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that a scope asks for.

    `type`: signedBy, sigstoreSigned, insecureAcceptAnything or reject; `key_paths`: key files; `key_data`: keys in the
    file itself, in base64; `authority`: keys come from certificates (fulcio, pki); `named_identity`: whether
    `signedIdentity` was written; `identity`: what the signature must say of the image, the default when not written.
    """

    type: str
    key_paths: tuple[str, ...] = ()
    key_data: tuple[str, ...] = ()
    authority: bool = False
    log: bool = False
    named_identity: bool = False
    identity: SignedIdentity = DEFAULT_IDENTITY


@dataclass(frozen=True, slots=True)
class Rule:
    """What one scope asks for; all `requirements` must be met. `transport` None is the default of all; `scope` "" is
    the default of its transport."""

    transport: str | None
    scope: str
    requirements: tuple[Requirement, ...]

    @property
    def types(self) -> tuple[str, ...]:
        """The requirement types."""
        return tuple(one.type for one in self.requirements)

    @property
    def key_paths(self) -> tuple[str, ...]:
        """Every key file."""
        return tuple(path for one in self.requirements for path in one.key_paths)

    @property
    def inline_keys(self) -> bool:
        """Whether a key stands in the file itself, or a certificate authority is named."""
        return any(one.key_data or one.authority for one in self.requirements)

    @property
    def identities(self) -> tuple[str, ...]:
        """The `signedIdentity` types that are written."""
        return tuple(one.identity.type for one in self.requirements if one.named_identity)

    @property
    def demands(self) -> str:
        """`reject`, `signature` or `nothing`. Requirements are joined by "and": the strictest decides."""
        if "reject" in self.types:
            return "reject"
        return "signature" if any(kind in _KEYS for kind in self.types) else "nothing"


Policy = tuple[Rule, ...]


def parse_policy(text: str) -> Policy:
    """All rules, the default first. Raises ParseError where the library refuses the file: then no image is accepted."""
    try:
        document = json.loads(text, object_pairs_hook=unique_keys, parse_constant=no_constant)
    except RecursionError:
        raise ParseError("nested too deeply") from None
    except ValueError as error:
        raise ParseError(f"not JSON: {str(error)[:120]}") from None
    if not isinstance(document, dict) or "default" not in document:
        raise ParseError("no default requirement")
    _only(document, ("default", "transports"), "the policy")
    rules = [_rule(None, "", document["default"])]
    transports = document.get("transports", {})
    if not isinstance(transports, dict):
        raise ParseError("transports is not an object")
    for transport, scopes in sorted(transports.items()):
        if not isinstance(scopes, dict):
            raise ParseError(f"transport {transport[:80]!r} is not an object")
        rules.extend(_rule(transport, scope, scopes[scope]) for scope in sorted(scopes))
        if len(rules) > _MAX_ENTRIES:
            raise ParseError(f"more than {_MAX_ENTRIES} scopes")
    return tuple(rules)


def _rule(transport: str | None, scope: str, requirements: object) -> Rule:
    if not isinstance(requirements, list) or not requirements:
        raise ParseError(f"scope {scope[:80]!r} has no list of requirements")
    return Rule(transport, scope, tuple(_requirement(one, scope) for one in requirements))


def _requirement(found: object, scope: str) -> Requirement:
    where = f"a requirement of scope {scope[:80]!r}"
    if not isinstance(found, dict) or not isinstance(found.get("type"), str):
        raise ParseError(f"{where} has no type")
    kind = found["type"]
    if kind not in _MORE:
        raise ParseError(f"{where} is of the unknown type {kind[:40]!r}")
    sources = _KEYS.get(kind, ())
    _only(found, ("type", *sources, *_MORE[kind]), where)
    if not sources:
        return Requirement(kind)
    given = [name for name in sources if found.get(name)]
    if len(given) != 1:
        raise ParseError(f"{where} must have exactly one of {', '.join(sources)}")
    if kind == "signedBy" and found.get("keyType") not in _KEY_TYPES:
        raise ParseError(f"{where} has no known keyType")
    texts = _texts(found[given[0]], where) if given[0].startswith("key") else ()
    return Requirement(
        kind,
        texts if given[0].startswith("keyPath") else (),
        texts if given[0].startswith("keyData") else (),
        authority=not texts,
        log=any(name.startswith("rekor") for name in found),
        named_identity="signedIdentity" in found,
        identity=signed_identity(found["signedIdentity"], where) if "signedIdentity" in found else DEFAULT_IDENTITY,
    )


def _only(found: dict[str, object], known: tuple[str, ...], where: str) -> None:
    """The library refuses a file with any key that it does not know."""
    for name in found:
        if name not in known:
            raise ParseError(f"{where} has the unknown key {name[:40]!r}")


def _texts(value: object, where: str) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(item, str) and item for item in found):
        raise ParseError(f"{where} names its keys in another form than text")
    return tuple(found)


def rule_for(policy: Policy, transport: str, reference: str) -> Rule:
    """The rule that holds for an image: the most specific scope of its transport, else that transport's default,
    else the default of all."""
    known = {(rule.transport, rule.scope): rule for rule in policy}
    for scope in (*_scopes(reference), ""):
        if (transport, scope) in known:
            return known[transport, scope]
    return policy[0]


def _scopes(reference: str) -> Iterator[str]:
    """Names under which a docker reference may be listed, most specific first."""
    yield reference
    name, at, _ = reference.partition("@")
    head, slash, tail = name.rpartition("/")
    if ":" in tail:
        tail = tail.partition(":")[0]
        name = f"{head}{slash}{tail}"
    if at or name != reference:
        yield name
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name
    host = name.partition(":")[0]
    labels = host.split(".")
    for count in range(1, len(labels)):
        yield "*." + ".".join(labels[count:])


@dataclass(frozen=True, slots=True)
class Attachment:
    """Where signatures of a namespace are looked for. `scope` "" is `default-docker`. None: not said."""

    scope: str
    sigstore: bool | None
    lookaside: str | None
    line: int


def parse_registries(text: str) -> list[Attachment]:
    """Entries of one registries.d file.

    Read is the plain block form that these files have: two levels of `key: value`. Raises ParseError for any other
    YAML, so that nobody takes an unread setting for an unset one.
    """
    found: list[Attachment] = []
    top = ""
    current: dict[str, tuple[str, int]] | None = None
    scope, began, depth = "", 0, 0
    for number, raw in enumerate(text.splitlines(), start=1):
        line = _without_comment(raw)
        if not line.strip() or line.strip() == "---":
            continue
        indent = len(line) - len(line.lstrip(" "))
        key, value = _pair(line.strip(), number)
        if indent and current is not None and indent > depth:
            current[key] = (value, number)
            continue
        if current is not None:
            found.append(_attachment(scope, current, began))
            current = None
        if indent == 0:
            top = key
            if top not in ("docker", "default-docker") or value not in ("", "{}"):
                raise ParseError(f"unexpected key {key[:40]!r}", line=number)
            if top == "default-docker" and not value:
                current, scope, began, depth = {}, "", number, 0
        elif top == "docker" and value in ("", "{}"):
            current, scope, began, depth = {}, key, number, indent
        else:
            raise ParseError("not the form of a registries.d file", line=number)
    if current is not None:
        found.append(_attachment(scope, current, began))
    return found


def _attachment(scope: str, settings: dict[str, tuple[str, int]], line: int) -> Attachment:
    sigstore, _ = settings.get("use-sigstore-attachments", ("", 0))
    lookaside, _ = settings.get("lookaside", settings.get("sigstore", ("", 0)))
    answer = {"true": True, "false": False}.get(sigstore.lower())
    if sigstore and answer is None:
        raise ParseError("use-sigstore-attachments is neither true nor false", line=line)
    return Attachment(scope, answer, lookaside or None, line)


def _without_comment(raw: str) -> str:
    if raw.lstrip().startswith("#"):
        return ""
    return raw.partition(" #")[0].rstrip()


def _pair(line: str, number: int) -> tuple[str, str]:
    key, colon, value = line.partition(": ")
    if not colon:
        if not line.endswith(":"):
            raise ParseError("not a key with a value", line=number)
        key = line[:-1]
    value = value.strip()
    if line.startswith(("- ", "[", "{", "&", "*", "!", "?", "|", ">", "%")) or value[:1] in (
        "[",
        "|",
        ">",
        "&",
        "*",
        "!",
    ):
        raise ParseError("YAML that is not read here", line=number)
    return _unquoted(key.strip()), _unquoted(value)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def attachment_for(found: list[Attachment], reference: str) -> bool:
    """Whether sigstore attachments are used for an image: the most specific scope that says so, else the default."""
    known = {item.scope: item for item in found if item.sigstore is not None}
    for scope in (*_scopes(reference), ""):
        if scope in known:
            return known[scope].sigstore is True
    return False
