"""Kernel command lines without the secrets that some parameters carry."""

from __future__ import annotations

import re

__all__ = ["public_text", "public_value"]

# Credentials handed to systemd on the command line (systemd.system-credentials(7)) and keys for other programs.
_SECRETS = frozenset(
    (
        "systemd.set_credential",
        "systemd.set_credential_binary",
        "rd.iscsi.password",
        "rd.iscsi.in.password",
        "rd.zfcp.key",
    )
)
_HIDDEN = "[redacted]"
# A value ends at a space outside of quotes; of quotes that do not end, all the rest is one.
_VALUES = re.compile(
    '(?P<name>{})=(?:"[^"]*(?:"|\\Z)|[^\\s"])+'.format(
        "|".join(re.escape(name).replace("_", "[_-]") for name in sorted(_SECRETS, key=len, reverse=True))
    )
)


def public_value(name: str, value: str | None) -> str | None:
    """The value of a parameter, unless it is a secret by its name."""
    return _HIDDEN if value is not None and name in _SECRETS else value


def public_text(text: str) -> str:
    """The whole line with the values of such parameters left out."""
    return _VALUES.sub(lambda found: f"{found['name']}={_HIDDEN}", text)
