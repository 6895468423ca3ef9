"""RFC 3161 timestamps: who proves that a signature existed at an instant.

Source: RFC 3161; the token is verified by rfc3161-client at the instant it names, against certificates that were given.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from scanner.model.errors import InputError
from scanner.supply_chain.signing.result import Finding, RefusedError
from scanner.supply_chain.signing.trust_root import Authority

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

__all__ = ["MAX_TOKENS", "authority_in", "instant_text", "stamped", "verified_time"]

MAX_TOKENS = 32
_MAX_TOKEN = 64 * 1024
_MAX_CERTIFICATES = 16


def authority_in(data: bytes, name: str) -> Authority:
    """The authority whose PEM certificates are given, in any order. Raises InputError."""
    try:
        found = x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise InputError(f"no certificates in PEM form: {str(error)[:120]}", where=name) from None
    stamping = [one for one in found if _stamps(one)]
    if len(stamping) != 1 or len(found) > _MAX_CERTIFICATES:
        raise InputError(
            f"{len(stamping)} of the certificates may stamp time, not exactly one",
            where=name,
            hint="give the authority's own certificate (extended key usage timeStamping, critical) and its issuers",
        )
    return Authority((stamping[0], *(one for one in found if one != stamping[0])))


def verified_time(tokens: Iterable[bytes], message: bytes, authorities: tuple[Authority, ...]) -> datetime:
    """The earliest instant at which one of the authorities proves that `message` existed.

    Raises RefusedError when none of them does.
    """
    found: list[datetime] = []
    problem = "there is no timestamp"
    for count, token in enumerate(tokens):
        if count >= MAX_TOKENS:
            raise RefusedError(f"more than {MAX_TOKENS} timestamps")
        try:
            found.append(_time(token, message, authorities))
        except RefusedError as error:
            problem = error.message
    if not found:
        raise RefusedError(problem)
    return min(found)


def stamped(found: Finding, tokens: Iterable[bytes], signature: bytes, authority: Authority) -> Finding:
    """A finding with the time that the wanted authority proves for its signature; without one it fails."""
    if not found.ok:
        return found
    try:
        instant = verified_time(tokens, signature, (authority,))
    except RefusedError as error:
        return replace(found, state="failed", reason=error.message)
    return replace(found, time=instant_text(instant), time_source="timestamp authority")


def instant_text(instant: datetime) -> str:
    """RFC 3339, in UTC."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(token: bytes, message: bytes, authorities: tuple[Authority, ...]) -> datetime:
    response = _decoded(token)
    problem = "no timestamp authority is trusted"
    for authority in authorities:
        problem = _problem(response, message, authority)
        if problem:
            continue
        instant = response.tst_info.gen_time
        if authority.trusted_at(instant):
            return instant
        problem = "the timestamp lies outside the time for which its authority is trusted"
    raise RefusedError(problem)


def _decoded(token: bytes) -> TimeStampResponse:
    from rfc3161_client import decode_timestamp_response

    if len(token) > _MAX_TOKEN:
        raise RefusedError("the timestamp is too large")
    try:
        return decode_timestamp_response(token)
    except Exception as error:  # noqa: BLE001 - as below
        raise RefusedError(f"the timestamp is no RFC 3161 response: {str(error)[:120]}") from None


def _problem(response: TimeStampResponse, message: bytes, authority: Authority) -> str:
    """Why the authority did not stamp the message, or empty."""
    from rfc3161_client import VerifierBuilder

    builder = VerifierBuilder(
        tsa_certificate=authority.certificates[0],
        intermediates=list(authority.certificates[1:-1]),
        roots=[authority.certificates[-1]],
    )
    try:
        builder.build().verify_message(response, message)
    except Exception as error:  # noqa: BLE001 - whatever a token does to the library: it did not verify
        return f"the timestamp does not hold: {str(error)[:160]}"
    return ""


def _stamps(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return usage.critical and ExtendedKeyUsageOID.TIME_STAMPING in usage.value
