"""What the values of sshd_config mean: units, case, defaults, algorithm lists, what may stand in a Match block.

Source: sshd_config(5) of OpenSSH 9.9; servconf.c (`keywords`, `multistate_*`, `fill_default_server_options`) and
myproposal.h.
Every default below holds for OpenSSH 8.2 to 9.9 unless `DEFAULTS` says otherwise.
"""

from __future__ import annotations

import re

from scanner.model.errors import ParseError
from scanner.parsers.sshd_config import Line

__all__ = ["ACCUMULATING", "DEFAULTS", "GLOBAL_ONLY", "normal", "parts", "refused"]

_ADDING = "acceptenv allowgroups allowusers denygroups denyusers hostcertificate hostkey listenaddress port"

ACCUMULATING = frozenset(_ADDING.split())
"""Keywords whose lines add up; of every other one the first line wins."""

_GLOBAL = """
    addressfamily ciphers compression fingerprinthash gssapicleanupcredentials gssapikeyexchange
    gssapistorecredentialsonrekey gssapistrictacceptorcheck hostcertificate hostkey hostkeyagent hostkeyalgorithms
    ignoreuserknownhosts kerberosgetafstoken kerberosorlocalpasswd kerberosticketcleanup kexalgorithms
    listenaddress logingracetime macs maxstartups modulifile permituserenvironment persourcemaxstartups
    persourcenetblocksize pidfile port printlastlog printmotd securitykeyprovider strictmodes
    syslogfacility tcpkeepalive usedns usepam versionaddendum xauthlocation
"""

GLOBAL_ONLY = frozenset(_GLOBAL.split())
"""Keywords that sshd refuses inside a Match block (servconf.c: SSHCFG_GLOBAL)."""

# Values that sshd compares without regard to case (servconf.c: parse_multistate, parse_flag).
_WORD_VALUED = """
    addressfamily allowagentforwarding allowstreamlocalforwarding allowtcpforwarding compression disableforwarding
    exposeauthinfo gatewayports gssapiauthentication gssapicleanupcredentials gssapikeyexchange
    gssapistrictacceptorcheck hostbasedauthentication hostbasedusesnamefrompacketonly ignorerhosts
    ignoreuserknownhosts kbdinteractiveauthentication kerberosauthentication kerberosgetafstoken kerberosorlocalpasswd
    kerberosticketcleanup passwordauthentication permitemptypasswords permitrootlogin permittty permittunnel
    permituserenvironment permituserrc printlastlog printmotd pubkeyauthentication rhostsrsaauthentication strictmodes
    streamlocalbindunlink tcpkeepalive usedns usepam useprivilegeseparation x11forwarding x11uselocalhost
"""
_WORDS = frozenset(_WORD_VALUED.split())
_TIMES = frozenset(["clientaliveinterval", "logingracetime"])
_NUMBERS = frozenset(["clientalivecountmax", "maxauthtries", "maxsessions", "requiredrsasize", "x11displayoffset"])
_LISTS = frozenset(["ciphers", "kexalgorithms", "macs"])
_SINGLE = _WORDS | _TIMES | _NUMBERS | _LISTS | {"banner", "loglevel", "maxstartups"}
_SYNONYMS = {
    "permitrootlogin": {"without-password": "prohibit-password"},
    "compression": {"delayed": "yes"},
}

_FORWARDING = frozenset(["yes", "all", "no", "remote", "local"])
_ACCEPTED = dict.fromkeys(_WORDS, frozenset(["yes", "no"])) | {
    "addressfamily": frozenset(["inet", "inet6", "any"]),
    "allowstreamlocalforwarding": _FORWARDING,
    "allowtcpforwarding": _FORWARDING,
    "gatewayports": frozenset(["clientspecified", "yes", "no"]),
    "ignorerhosts": frozenset(["yes", "no", "shosts-only"]),
    "loglevel": frozenset(["QUIET", "FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG", "DEBUG1", "DEBUG2", "DEBUG3"]),
    "permitrootlogin": frozenset(["yes", "no", "prohibit-password", "forced-commands-only"]),
    "permittunnel": frozenset(["yes", "no", "point-to-point", "ethernet"]),
}
"""Words that sshd knows for a keyword (servconf.c: multistate_*; log.c), in the form that `normal` gives."""
_ANYTHING = frozenset(["permituserenvironment", "rhostsrsaauthentication", "useprivilegeseparation"])
"""A pattern of names is accepted, or the keyword is deprecated and whatever follows is ignored (servconf.h)."""

_CIPHERS = (
    "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com"
)
_MACS = (
    "umac-64-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,"
    "hmac-sha1-etm@openssh.com,umac-64@openssh.com,umac-128@openssh.com,hmac-sha2-256,hmac-sha2-512,hmac-sha1"
)
_KEX = (
    "sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,mlkem768x25519-sha256,curve25519-sha256,"
    "curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
    "diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,"
    "diffie-hellman-group14-sha256"
)

DEFAULTS: dict[str, tuple[str, ...]] = {
    "allowagentforwarding": ("yes",),
    "allowstreamlocalforwarding": ("yes",),
    "allowtcpforwarding": ("yes",),
    "authenticationmethods": ("any",),
    "banner": ("none",),
    "ciphers": tuple(_CIPHERS.split(",")),
    "clientalivecountmax": ("3",),
    "clientaliveinterval": ("0",),
    "compression": ("yes",),
    "disableforwarding": ("no",),
    "gatewayports": ("no",),
    "gssapiauthentication": ("no",),
    "gssapikeyexchange": ("no",),
    "hostbasedauthentication": ("no",),
    "ignorerhosts": ("yes",),
    "ignoreuserknownhosts": ("no",),
    "kbdinteractiveauthentication": ("yes",),
    "kerberosauthentication": ("no",),
    "kexalgorithms": tuple(_KEX.split(",")),
    "logingracetime": ("120",),
    "loglevel": ("INFO",),
    "macs": tuple(_MACS.split(",")),
    "maxauthtries": ("6",),
    "maxsessions": ("10",),
    "maxstartups": ("10:30:100",),
    "passwordauthentication": ("yes",),
    "permitemptypasswords": ("no",),
    "permitrootlogin": ("prohibit-password",),  # 7.0; SLE and Leap patch it to yes: see the collector
    "permittunnel": ("no",),
    "permituserenvironment": ("no",),
    "port": ("22",),
    "printlastlog": ("yes",),
    "pubkeyauthentication": ("yes",),
    "rekeylimit": ("0", "0"),
    "rhostsrsaauthentication": ("no",),  # the mechanism itself was removed in 7.6
    "strictmodes": ("yes",),
    "syslogfacility": ("AUTH",),  # Fedora, RHEL and kin: AUTHPRIV is configured, not patched
    "usepam": ("no",),  # distributions with PAM switch it on in the shipped file, not in the code
    "useprivilegeseparation": ("sandbox",),  # cannot be switched off since 7.5
    "x11forwarding": ("no",),
    "x11uselocalhost": ("yes",),
}
"""Keyword -> what holds where no line sets it."""

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SIZES = {"": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50, "e": 60}


def normal(item: Line) -> tuple[str, ...]:
    """The arguments of one line in sshd's own terms: seconds, bytes, lower-case words, resolved algorithm lists.

    Raises ParseError where sshd would refuse the value.
    """
    keyword, first = item.keyword, item.arguments[0]
    if len(item.arguments) > 1 and keyword in _SINGLE:
        raise ParseError(f"more than one argument after {keyword}", line=item.line)
    if keyword in _WORDS:
        word = first.lower()
        return (_SYNONYMS.get(keyword, {}).get(word, word),)
    if keyword in _TIMES:
        return (str(_seconds(first, item.line)),)
    if keyword in _NUMBERS:
        if not re.fullmatch(r"\+?[0-9]{1,10}", first):
            raise ParseError(f"{keyword} is not a number", line=item.line)
        return (str(int(first)),)
    if keyword == "loglevel":
        return (first.upper(),)
    if keyword == "maxstartups":
        return (_startups(first, item.line),)
    if keyword == "rekeylimit":
        return _rekey(item)
    if keyword in _LISTS:
        if not first.lstrip("+-^").strip(","):
            raise ParseError(f"{keyword} names no algorithm", line=item.line)
        return _algorithms(first, DEFAULTS[keyword])
    if keyword == "banner" and first.lower() == "none":
        return ("none",)
    return item.arguments


def refused(keyword: str, values: tuple[str, ...]) -> bool:
    """Whether sshd does not start because it does not know the word, as it does not wherever the line stands."""
    return keyword in _ACCEPTED and keyword not in _ANYTHING and values[0] not in _ACCEPTED[keyword]


def parts(keyword: str, values: tuple[str, ...]) -> dict[str, str]:
    """Numbers inside a compound value under names of their own: `maxstartups.full`, `rekeylimit.bytes`."""
    if keyword == "maxstartups":
        start, rate, full = values[0].split(":")
        return {"maxstartups.start": start, "maxstartups.rate": rate, "maxstartups.full": full}
    if keyword == "rekeylimit":
        return {"rekeylimit.bytes": values[0], "rekeylimit.seconds": values[1]}
    return {}


def _seconds(text: str, line: int) -> int:
    """`1h30m` in seconds (sshd_config(5), TIME FORMATS)."""
    if not re.fullmatch(r"(?:[0-9]{1,10}[smhdwSMHDW]?){1,8}", text):
        raise ParseError("not a time", line=line)
    found = re.findall(r"([0-9]{1,10})([smhdw]?)", text.lower())
    return sum(int(number) * _UNITS[unit] for number, unit in found)


def _startups(text: str, line: int) -> str:
    """`start:rate:full`; a single number N means that every connection beyond N is refused (sshd says `N:30:N`)."""
    found = re.fullmatch(r"([0-9]{1,9})(?::([0-9]{1,3}):([0-9]{1,9}))?", text)
    if found:
        start, rate, full = int(found[1]), int(found[2] or 30), int(found[3] or found[1])
        if 1 <= rate <= 100 and start <= full:
            return f"{start}:{rate}:{full}"
    raise ParseError("not a MaxStartups value", line=line)


def _rekey(item: Line) -> tuple[str, ...]:
    """Bytes and seconds; 0 means the cipher's own limit, or no limit by time."""
    size, time = item.arguments[0], item.arguments[1] if len(item.arguments) > 1 else "none"
    if size.lower() == "default":
        amount = 0
    elif found := re.fullmatch(r"([0-9]{1,15})(?:\.([0-9]{1,6}))?([bkmgtpeBKMGTPE]?)", size):
        shift = _SIZES[found.group(3).lower()]
        fraction = found.group(2) or ""
        amount = (int(found.group(1)) << shift) + (int(fraction or "0") << shift) // 10 ** len(fraction)
    else:
        raise ParseError("not a size", line=item.line)
    return (str(amount), str(0 if time.lower() == "none" else _seconds(time, item.line)))


def _algorithms(text: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """The list that `text` stands for: itself, or the default with names added (+), put first (^) or removed (-)."""
    sign, names = (text[0], text[1:]) if text[:1] in ("+", "-", "^") else ("", text)
    named = [name for name in names.split(",") if name]
    if sign == "+":
        return tuple(dict.fromkeys([*default, *named]))
    if sign == "^":
        return tuple(dict.fromkeys([*named, *default]))
    if sign == "-":
        patterns = [re.compile(_glob(name), re.DOTALL) for name in named]
        return tuple(name for name in default if not any(pattern.fullmatch(name) for pattern in patterns))
    return tuple(named)


def _glob(pattern: str) -> str:
    """A regular expression for a name with `*` and `?` (ssh_config(5), PATTERNS); few wildcards, so it stays fast."""
    squeezed = re.sub(r"\*+", "*", pattern[:256])
    if squeezed.count("*") > 4:
        raise ParseError("too many wildcards in a name")
    return "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in squeezed)
