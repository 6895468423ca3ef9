"""The root of trust of a sigstore instance, as far as it is judged here: who stamps time, which logs, and when.

Source: sigstore/protobuf-specs `protos/sigstore_trustroot.proto` (a time range is closed at both ends).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.x509 import Certificate, load_der_x509_certificate

from scanner.supply_chain.signing.documents import decode_base64, read_object
from scanner.supply_chain.signing.result import RefusedError

__all__ = ["Authority", "Log", "TrustRoot", "read_trust_root"]

_WHAT = "the trusted root"


@dataclass(frozen=True, slots=True)
class Authority:
    """Who stamps time: certificates from the stamping one to the root; from when to when it is trusted."""

    certificates: tuple[Certificate, ...]
    start: datetime | None = None
    end: datetime | None = None

    def trusted_at(self, instant: datetime) -> bool:
        """Whether the authority is trusted at an instant."""
        return (self.start is None or self.start <= instant) and (self.end is None or instant <= self.end)


@dataclass(frozen=True, slots=True)
class Log:
    """A transparency log: its id (base64), and from when to when its key is trusted."""

    id: str
    start: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """`document`: the JSON object itself; `authorities` and `logs` as in it."""

    document: Mapping[str, Any]
    authorities: tuple[Authority, ...]
    logs: tuple[Log, ...]

    def log_trusted(self, log_id: str, instant: datetime | None) -> bool:
        """Whether a log with this id is trusted at the instant, or, with None, at any."""
        known = (log for log in self.logs if log.id == log_id)
        return any(
            instant is None or (log.start <= instant and (log.end is None or instant <= log.end)) for log in known
        )

    def for_library(self) -> bytes:
        """The document for the sigstore library, which takes the end of an authority's time for outside of it: it is
        moved by the smallest step there is."""
        document = json.loads(json.dumps(self.document))
        for one in document.get("timestampAuthorities") or ():
            end = _instant(one["validFor"].get("end"))
            if end is not None:
                one["validFor"]["end"] = (end + timedelta(microseconds=1)).isoformat()
        return json.dumps(document).encode()


def read_trust_root(data: bytes) -> TrustRoot:
    """The trusted root in a JSON document. Raises RefusedError."""
    document = read_object(data, _WHAT)
    try:
        authorities = tuple(_authority(one) for one in document.get("timestampAuthorities") or ())
        logs = tuple(_log(one) for one in document.get("tlogs") or ())
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RefusedError(f"{_WHAT} is not in its form: {type(error).__name__}: {str(error)[:120]}") from None
    return TrustRoot(document, authorities, logs)


def _authority(one: Any) -> Authority:
    chain = tuple(
        load_der_x509_certificate(decode_base64(each["rawBytes"], f"a certificate of {_WHAT}"))
        for each in one["certChain"]["certificates"]
    )
    return Authority(chain, _start(one["validFor"]), _instant(one["validFor"].get("end")))


def _log(one: Any) -> Log:
    valid = one["publicKey"]["validFor"]
    return Log(str(one["logId"]["keyId"]), _start(valid), _instant(valid.get("end")))


def _start(valid: Any) -> datetime:
    start = _instant(valid.get("start"))
    if start is None:
        raise ValueError("a time range has no start")
    return start


def _instant(text: Any) -> datetime | None:
    if text is None:
        return None
    found = datetime.fromisoformat(str(text))
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
