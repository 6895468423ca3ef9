"""/etc/audit/auditd.conf with the daemon's own defaults filled in.

Names and words are case-insensitive. A name or word the daemon does not know keeps it from starting: such a file has
`refused` lines, and its other values are still told.
Sources: auditd.conf(5); audit-userspace src/auditd-config.c (clear_config and the parser of each keyword).
"""

from __future__ import annotations

from scanner.model.records import dataclass
from scanner.parsers import spaced_settings
from scanner.parsers.spaced_settings import Value

__all__ = ["Daemon", "parse"]

_SPACE_ACTIONS = ("ignore", "syslog", "rotate", "email", "exec", "suspend", "single", "halt")
_WORDS: dict[str, tuple[str, ...]] = {
    "local_events": ("yes", "no"),
    "write_logs": ("yes", "no"),
    "log_format": ("raw", "nolog", "enriched"),
    "flush": ("none", "incremental", "incremental_async", "data", "sync"),
    "name_format": ("none", "hostname", "fqd", "numeric", "user"),
    "max_log_file_action": ("ignore", "syslog", "exec", "suspend", "rotate", "keep_logs"),
    "space_left_action": _SPACE_ACTIONS,
    "admin_space_left_action": _SPACE_ACTIONS,
    "disk_full_action": _SPACE_ACTIONS,
    "disk_error_action": ("ignore", "syslog", "exec", "suspend", "single", "halt"),
    "overflow_action": ("ignore", "syslog", "suspend", "single", "halt"),
}
_NUMBERS = ("freq", "num_logs", "max_log_file")
_SIZES = ("space_left", "admin_space_left")
_TEXTS = ("log_file", "log_group", "action_mail_acct", "plugin_dir")
_OTHER = frozenset(
    {
        *("priority_boost", "dispatcher", "disp_qos", "name", "verify_email", "tcp_listen_port", "tcp_listen_queue"),
        *("tcp_max_per_addr", "use_libwrap", "tcp_client_ports", "tcp_client_max_idle", "transport", "enable_krb5"),
        *("krb5_principal", "krb5_key_file", "tls_psk_file", "tls_psk_identity", "tls_cipher_suites"),
        *("tls_key_exchange", "tls_require_pqc", "tls_auth", "tls_crypto_profile", "tls_allowed_clients"),
        *("distribute_network", "q_depth", "max_restarts", "end_of_event_timeout", "report_interval"),
    }
)
_WITH_OPTION = frozenset(name for name in _WORDS if name.endswith("_action")) - {"overflow_action"}
_DEFAULTS: dict[str, str | int | None] = {
    "local_events": "yes",
    "write_logs": "yes",
    "log_file": "/var/log/audit/audit.log",
    "log_group": "root",
    "log_format": None,  # raw before audit 4, enriched since
    "flush": "none",
    "freq": 0,
    "num_logs": 0,
    "name_format": "none",
    "max_log_file": 0,
    "max_log_file_action": "ignore",
    "space_left": 0,
    "space_left_action": "ignore",
    "action_mail_acct": "root",
    "admin_space_left": 0,
    "admin_space_left_action": "ignore",
    "disk_full_action": "ignore",
    "disk_error_action": "syslog",
    "overflow_action": "syslog",
    "plugin_dir": "/etc/audit/plugins.d",
}
_MAX_LINE = 512


@dataclass(frozen=True, slots=True)
class Daemon:
    """`values`: every keyword of interest, lower-case words, numbers as numbers; for `space_left` and
    `admin_space_left` megabytes, and the same name with `_percent` when given as a percentage (the other one is then
    None); a refused word as it is found, a refused number None. `lines`: keyword to the line that set it.
    `refused`: what keeps auditd from starting, as `line 3: reason`, in the order of the lines.
    """

    values: dict[str, str | int | None]
    lines: dict[str, int]
    refused: tuple[str, ...]


def parse(text: str) -> Daemon:
    """The settings, whether or not auditd takes them. Raises ParseError for binary input."""
    values = dict(_DEFAULTS) | {f"{name}_percent": None for name in _SIZES}
    lines: dict[str, int] = {}
    settings, malformed = spaced_settings.parse_leniently(text, max_line=_MAX_LINE)
    refused = [(line, "not `name = value` with spaces around the equal sign") for line in malformed]
    for written, value in settings:
        name = written.lower()
        if name not in _DEFAULTS and name not in _OTHER:
            refused.append((value.line, f"unknown keyword {written[:60]}"))
            continue
        reason = _reason(name, value)
        if reason is not None:
            refused.append((value.line, reason))
        lines[name] = value.line
        if name in _SIZES:
            percent = value.text.endswith("%")
            values[name] = None if percent else _number(value.text)
            values[f"{name}_percent"] = _number(value.text[:-1]) if percent else None
        elif name in _DEFAULTS:
            values[name] = _value(name, value)
    return Daemon(values, lines, tuple(f"line {line}: {reason}" for line, reason in sorted(refused)))


def _reason(name: str, value: Value) -> str | None:
    """Why auditd does not take the value; None: it does."""
    if value.option is not None and name not in _WITH_OPTION:
        return f"{name} takes one value"
    if name in _WORDS and value.text.lower() not in _WORDS[name]:
        return f"{name} cannot be {value.text[:40]}"
    number = value.text.removesuffix("%") if name in _SIZES else value.text
    if name in (*_NUMBERS, *_SIZES) and _number(number) is None:
        return f"{name} needs a number"
    return None


def _value(name: str, value: Value) -> str | int | None:
    if name in _WORDS:
        return value.text.lower()
    return _number(value.text) if name in _NUMBERS else value.text


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None
