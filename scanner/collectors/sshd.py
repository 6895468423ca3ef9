"""The OpenSSH server: its effective configuration, and what lies around its host keys.

Source: sshd_config(5), sshd(8); servconf.c for Include (`sInclude`: relative to /etc/ssh, at most 16 deep, a glob that
matches nothing is fine, a file that cannot be read stops sshd). Fedora and kin include their crypto policy from
/etc/ssh/sshd_config.d/50-redhat.conf; openSUSE keeps the shipped file in /usr/etc/ssh.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.collectors.path_globs import glob_paths
from scanner.collectors.refusals import refusals, spec
from scanner.collectors.sshd_command_line import given
from scanner.model.errors import DamagedError, LimitError, MissingError, ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import sshd_config
from scanner.parsers.sshd_effective import Effective, Setting, conjunction, effective
from scanner.parsers.sshd_values import DEFAULTS, parts

_FILES = ("/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config")
_PROGRAMS = ("/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd", "/usr/local/bin/sshd")
_POLICY = ("/etc/crypto-policies/", "/usr/share/crypto-policies/")
_PERMISSIVE_ROOT = re.compile(r'^ID="?(?:opensuse-leap|sles|sled|sle[-_]micro|sl-micro)"?\s*$', re.MULTILINE)
_HOST_KEYS = tuple(f"/etc/ssh/ssh_host_{kind}_key" for kind in ("ecdsa", "ed25519", "rsa"))
_DEPTH = 16
_INCLUDED = 1024


class _Reader:
    """Reads a configuration and everything it includes, in the order in which sshd does."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.files = 0

    def settings(self, path: str, match: str | None, depth: int) -> Iterator[Setting]:
        """Every setting of the file at `path`, included ones in place."""
        if depth > _DEPTH:
            raise ParseError(f"{path}: more than {_DEPTH} includes deep")
        self.files += 1
        if self.files > _INCLUDED:
            raise LimitError(f"{path}: more than {_INCLUDED} included files")
        text = self.look.text(path)
        if text is None:
            raise MissingError(f"{path} does not exist, and sshd does not start without it")
        try:
            items = sshd_config.parse(text)
        except ParseError as error:
            raise ParseError(f"{path}: {error}") from error
        here = match
        for item in items:
            if item.keyword == "match":
                here = conjunction(match, item.arguments)
            elif item.keyword == "include":
                yield Setting(item, path, here)
                for pattern in item.arguments:
                    whole = pattern if pattern.startswith("/") else f"/etc/ssh/{pattern}"
                    for included in glob_paths(self.look, whole):
                        yield from self.settings(included, here, depth + 1)
            else:
                yield Setting(item, path, here)


def _records(look: Look) -> list[Effective] | None:
    """What holds, or None where there is no OpenSSH server."""
    command_line = look.shared(given)
    main = command_line.config or next((path for path in _FILES if look.entry(path) is not None), None)
    if main is None:
        program = next((path for path in (*_PROGRAMS, *command_line.programs) if look.entry(path) is not None), None)
        if program is None:
            look.because("neither an sshd program nor /etc/ssh/sshd_config exists")
            return None
        raise MissingError(f"{_FILES[0]} does not exist, but {program} does")
    if look.entry(main) is None:
        raise MissingError(f"{main} does not exist")
    return effective([*command_line.settings, *_Reader(look).settings(main, None, 0)], _defaults(look))


def _defaults(look: Look) -> dict[str, tuple[str, ...]]:
    """Defaults of OpenSSH; SUSE Linux Enterprise and Leap patch PermitRootLogin to yes."""
    release = look.text("/etc/os-release") or look.text("/usr/lib/os-release") or ""
    if _PERMISSIVE_ROOT.search(release):
        return DEFAULTS | {"permitrootlogin": ("yes",)}
    return DEFAULTS


def _options(look: Look) -> Json:
    found = look.shared(_records)
    if found is None:
        look.because("neither an sshd program nor /etc/ssh/sshd_config exists")
        return None
    out: list[Json] = []
    for item in found:
        text = ("," if item.keyword in ("ciphers", "macs", "kexalgorithms") else " ").join(item.values)
        out.append(_row(look, item, item.keyword, text, list(item.values)))
        out += [_row(look, item, name, part, [part]) for name, part in parts(item.keyword, item.values).items()]
    return out


def _refused(look: Look) -> Json:
    found = refusals(look, _records)
    if found is None:
        look.because("neither an sshd program nor /etc/ssh/sshd_config exists")
    return found


def _row(look: Look, item: Effective, keyword: str, value: str, values: list[str]) -> Json:
    return {
        "keyword": keyword,
        "value": value,
        "values": values,
        "match": item.match,
        "origin": _origin(look, item.source),
        "contradictions": item.contradictions,
        "repeated": item.repeated,
        "source": item.source,
        "line": item.line,
    }


def _origin(look: Look, source: str | None) -> str:
    if source is None:
        return "default"
    if source.startswith(_POLICY) or (look.real(source) or "").startswith(_POLICY):
        return "crypto-policy"
    # Nothing but the command line takes settings from where it was read.
    return "command-line" if source in {item.source for item in look.shared(given).settings} else "config"


def _host_keys(look: Look) -> Json:
    found = look.shared(_records)
    if found is None:
        look.because("neither an sshd program nor /etc/ssh/sshd_config exists")
        return None
    named = [value for item in found if item.keyword == "hostkey" for value in item.values]
    lying = [f"/etc/ssh/{name}" for name in look.names("/etc/ssh") if re.fullmatch(r"ssh_host_.*_key", name)]
    used = set(named or _HOST_KEYS)
    return [_host_key(look, path, path in used) for path in sorted({*named, *lying})]


def _host_key(look: Look, path: str, used: bool) -> Json:
    entry = look.entry(path)
    # The type stands in the public half; the private file itself is never read.
    public = look.try_text(f"{path}.pub", 65_536) if entry is not None else None
    return {
        "path": path,
        "used": used,
        "exists": entry is not None,
        "type": (public or "").split(" ", 1)[0].strip() or None,
        "mode": entry.permissions if entry is not None else None,
        "owner": str(entry.uid) if entry is not None else None,
        "group": str(entry.gid) if entry is not None else None,
        "source": path,
    }


def _effective(look: Look) -> Json:
    rows = []
    for line in look.command("sshd", "-T").splitlines():
        keyword, _, value = line.partition(" ")
        if not re.fullmatch(r"[a-z0-9]+", keyword):
            raise DamagedError("sshd -T: a line that is no setting")
        rows.append({"keyword": keyword, "value": value, "source": "command: sshd -T"})
    return sorted(rows, key=lambda row: (row["keyword"], row["value"]))


def collect(look: Look) -> Iterator[Fact]:
    """See the declarations below."""
    yield from look.facts(
        {
            "sshd.options": _options,
            "sshd.refused": _refused,
            "sshd.host_keys": _host_keys,
            "sshd.effective": _effective,
        }
    )


# What the marks of `sensitive` are about: settings that name people or machines.
_PEOPLE = (
    "keyword=allowusers,denyusers,allowgroups,denygroups,authorizedkeyscommanduser,authorizedprincipalscommanduser"
)

COLLECTOR = Collector(
    id="sshd",
    facts=(
        FactSpec(
            "sshd.options",
            "table",
            "What the OpenSSH server's files make it do: one record for each keyword that is set or has a known "
            "default (match null), and one for each override in a Match block. Sorted by keyword.",
            fields={
                "keyword": "text: lower-case keyword; numbers inside MaxStartups and RekeyLimit also stand under "
                "maxstartups.start, .rate, .full and rekeylimit.bytes, .seconds",
                "value": "text: the value in sshd's terms: lower-case words, seconds, bytes, algorithms by comma",
                "values": "list: its words, or the resolved algorithms",
                "match": "text: criteria of the Match block, `all` for Match all; null for everybody",
                "origin": "text: config, crypto-policy, command-line or default",
                "contradictions": "number: later lines for the same with another value, which do not count (up to 100)",
                "repeated": "number: those of them in the same file",
                "source": "text: the file; null for a default",
                "line": "number: line of the (first) setting; null for a default",
            },
            sensitive={
                f"value[{_PEOPLE}]": "user",
                f"values[{_PEOPLE}]": "user",
                "match": "user",
                "value[keyword=listenaddress]": "address",
                "values[keyword=listenaddress]": "address",
            },
        ),
        spec("sshd.refused", "sshd"),
        FactSpec(
            "sshd.host_keys",
            "table",
            "Private host keys that are configured or lie in /etc/ssh, without their contents, by path.",
            fields={
                "path": "text: the private key",
                "used": "flag: sshd loads it",
                "exists": "flag: the file is there",
                "type": "text: key type as its public half says, null when there is none",
                "mode": "text: permission bits, null when there is no file",
                "owner": "text: user number, null when there is no file",
                "group": "text: group number, null when there is no file",
                "source": "text: the private key",
            },
        ),
        FactSpec(
            "sshd.effective",
            "table",
            "What sshd itself says of its configuration (sshd -T), sorted.",
            facet="runtime",
            fields={
                "keyword": "text: lower-case keyword",
                "value": "text: as sshd prints it",
                "source": "text: the command",
            },
            sensitive={
                f"value[{_PEOPLE}]": "user",
                "value[keyword=listenaddress]": "address",
            },
        ),
    ),
    collect=collect,
)
