"""Asking a timestamp authority to vouch that a signature existed now. Source: RFC 3161, sections 2.4 and 3.4 (HTTP)."""

from __future__ import annotations

import urllib.error
import urllib.request

from scanner.model.errors import InputError, UsageError

__all__ = ["request_timestamp"]

_TIMEOUT = 30  # seconds
_MAX_ANSWER = 64 * 1024


def request_timestamp(url: str, signature: bytes) -> bytes:
    """The authority's answer (DER) for a signature: granted, and over these bytes. That it can be trusted is for
    whoever verifies it. Raises UsageError for a wrong address, InputError for an answer that is none."""
    from rfc3161_client import TimestampRequestBuilder, decode_timestamp_response

    if not url.startswith(("https://", "http://")):
        raise UsageError(f"the address of a timestamp authority is a web address, not {url!r}")
    asked = TimestampRequestBuilder().data(signature).nonce(nonce=False).build()
    request = urllib.request.Request(  # noqa: S310 - the scheme was looked at above
        url, data=asked.as_bytes(), headers={"Content-Type": "application/timestamp-query"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310 - as above
            data: bytes = answer.read(_MAX_ANSWER + 1)
    except (OSError, urllib.error.URLError, ValueError) as error:
        raise InputError(f"the timestamp authority did not answer: {error}", where=url) from None
    try:
        response = decode_timestamp_response(data)
        imprint = response.tst_info.message_imprint.message
    except ValueError as error:
        raise InputError(f"the timestamp authority gave no timestamp: {error}", where=url) from None
    if imprint != asked.message_imprint.message:
        raise InputError("the timestamp is over something else", where=url)
    return data
