"""Identities in keyless certificates: whom the certificate names, who vouched for that, and whether that is wanted.

Source: sigstore/fulcio `docs/oid-info.md` and `docs/certificate-specification.md`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cryptography import x509

from scanner.model.errors import UsageError
from scanner.supply_chain.signing.result import RefusedError, Signer

__all__ = ["Identity", "signer_of"]

_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_ISSUER_DER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_USER_NAME = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7")
_UTF8 = 0x0C


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is wanted: an identity and its issuer, both. `patterns`: they are regular expressions for the whole text."""

    identity: str
    issuer: str
    identity_is_pattern: bool = False
    issuer_is_pattern: bool = False

    def __post_init__(self) -> None:
        if not self.identity or not self.issuer:
            raise UsageError("an identity is trusted only with its issuer: give both")
        for text, pattern in ((self.identity, self.identity_is_pattern), (self.issuer, self.issuer_is_pattern)):
            if not pattern:
                continue
            if not (text.startswith("^") and text.endswith("$") and not text.endswith("\\$")):
                raise UsageError(f"the pattern {text!r} must begin with ^ and end with $", hint="else it fits too much")
            try:
                re.compile(text)
            except re.error as error:
                raise UsageError(f"the pattern {text!r} is no regular expression: {error}") from None

    def mismatch(self, signer: Signer) -> str:
        """Why a signer is not the wanted one, or empty."""
        if not _fits(self.identity, self.identity_is_pattern, signer.identity):
            return f"signed by {signer.identity}, not by {self.identity}"
        if not _fits(self.issuer, self.issuer_is_pattern, signer.issuer):
            return f"the identity comes from {signer.issuer}, not from {self.issuer}"
        return ""


def signer_of(certificate: x509.Certificate) -> Signer:
    """Whom a certificate names. Raises RefusedError unless there is one name and one issuer."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        raise RefusedError("the certificate names no identity") from None
    identities = [text for text in map(_name, names) if text]
    if len(identities) != 1 or len(list(names)) != 1:
        raise RefusedError(f"the certificate names {len(list(names))} identities, not one that is understood")
    return Signer(identity=identities[0], issuer=_issuer(certificate))


def _fits(wanted: str, is_pattern: bool, text: str) -> bool:
    return re.fullmatch(wanted, text) is not None if is_pattern else wanted == text


def _name(name: x509.GeneralName) -> str:
    if isinstance(name, x509.RFC822Name | x509.UniformResourceIdentifier):
        return name.value
    if isinstance(name, x509.OtherName) and name.type_id == _USER_NAME:
        return _utf8_string(name.value)
    return ""


def _issuer(certificate: x509.Certificate) -> str:
    found = {}
    for oid in (_ISSUER, _ISSUER_DER):
        try:
            value = certificate.extensions.get_extension_for_oid(oid).value
        except x509.ExtensionNotFound:
            continue
        raw = value.value if isinstance(value, x509.UnrecognizedExtension) else b""
        found[oid] = _utf8_string(raw) if oid == _ISSUER_DER else raw.decode("utf-8", "replace")
    if not found or len(set(found.values())) != 1 or not all(found.values()):
        raise RefusedError("the certificate does not say, or says twice, who vouched for its identity")
    return next(iter(found.values()))


def _utf8_string(der: bytes) -> str:
    """The text of a DER UTF8String of less than 64 KiB; empty for anything else."""
    if len(der) < 2 or der[0] != _UTF8:
        return ""
    more = der[1] - 0x80 if der[1] >= 0x80 else 0
    if more > 2:
        return ""
    length = int.from_bytes(der[2 : 2 + more], "big") if more else der[1]
    body = der[2 + more :]
    return body.decode("utf-8", "replace") if len(body) == length else ""
