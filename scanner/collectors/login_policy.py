"""Password and login policy: login.defs, useradd, pwquality, faillock, pwhistory, shells, limits and login banners.

Sources: login.defs(5), useradd(8), pwquality.conf(5), faillock.conf(5), pwhistory.conf(5), shells(5), limits.conf(5),
securetty(5), agetty(8) for /etc/issue and its folder. What a module is told on its PAM line wins over these files: the
tables `pwquality.effective`, `faillock.effective` and `pwhistory.effective` of the pam collector hold the outcome.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from scanner.collectors.base import Collector, Look, each_argument
from scanner.collectors.pam_settings import FAILLOCK, PWHISTORY, PWQUALITY, ModuleFiles, settings_of
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import login_defs
from scanner.parsers.shell_profile import permits

# What shadow-utils takes when a name is not set. ENCRYPT_METHOD and FAIL_DELAY depend on the build: null.
_LOGIN_DEFAULTS: dict[str, str | None] = {
    "CREATE_HOME": "no",
    "ENCRYPT_METHOD": None,
    "FAIL_DELAY": None,
    "GID_MAX": "60000",
    "GID_MIN": "1000",
    "HOME_MODE": None,
    "PASS_MAX_DAYS": "-1",
    "PASS_MIN_DAYS": "-1",
    "PASS_WARN_AGE": "-1",
    "UID_MAX": "60000",
    "UID_MIN": "1000",
    "UMASK": "022",
}
_USERADD_DEFAULTS: dict[str, str | None] = {
    "GROUP": "1000",
    "HOME": "/home",
    "INACTIVE": "-1",
    "EXPIRE": None,
    "SHELL": None,
    "SKEL": "/etc/skel",
}
_ESCAPE = re.compile(r"\\([A-Za-z])")


def _definitions(
    path: str, found: list[login_defs.Definition], defaults: dict[str, str | None]
) -> list[dict[str, Json]]:
    """One record for each name, the last line of it winning, and one for each default that is not overridden."""
    chosen = {item.key: item for item in found}
    table: list[dict[str, Json]] = []
    for key in sorted({*chosen, *defaults}):
        item = chosen.get(key)
        value = item.value if item is not None else defaults[key]
        table.append(
            {
                "key": key,
                "value": value,
                "number": None if value is None else login_defs.number(value),
                "default": item is None,
                "source": path if item is not None else None,
                "line": item.line if item is not None else None,
            }
        )
    return table


def _login_defs(look: Look) -> Json:
    text = look.text("/etc/login.defs")
    if text is None:
        look.because("/etc/login.defs does not exist")
        return None
    table = _definitions("/etc/login.defs", login_defs.parse_login_defs(text), _LOGIN_DEFAULTS)
    for record in table:
        record["permits"] = _umask_permits(str(record["value"])) if record["key"] == "UMASK" else None
    return table


def _umask_permits(value: str) -> str | None:
    """What a new directory may get by either reader; None where shadow-utils refuses the value.

    Without a leading zero 77 is decimal (0115) to shadow-utils (lib/getdef.c, getdef_num) and octal to pam_umask
    (set_umask): each makes files of its own.
    """
    decimal = login_defs.number(value)
    octal = re.match(r"[0-7]*", value.lstrip())
    return None if decimal is None or octal is None else permits(decimal & int(octal[0] or "0", 8))


def _useradd(look: Look) -> Json:
    text = look.text("/etc/default/useradd")
    found = login_defs.parse_useradd(text) if text is not None else []
    return _definitions("/etc/default/useradd", found, _USERADD_DEFAULTS)


def _settings(look: Look, module: ModuleFiles) -> Json:
    found = settings_of(look, module)
    if found is None:
        look.because(f"{module.path} does not exist")
        return None
    chosen = {item.key: item for item in found}
    return [
        {"key": item.key, "value": item.value, "number": item.number, "source": item.source, "line": item.line}
        for _, item in sorted(chosen.items())
    ]


def _shells(look: Look) -> Json:
    text = look.text("/etc/shells")
    if text is None:
        look.because("/etc/shells does not exist")
        return None
    return [
        {"path": line.strip(), "source": "/etc/shells", "line": number}
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]


def _securetty(look: Look) -> Json:
    text = look.text("/etc/securetty")
    if text is None:
        look.because("/etc/securetty does not exist")
        return None
    return [
        {"terminal": line.strip(), "source": "/etc/securetty", "line": number}
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip() and not line.startswith("#")
    ]


def _limits(look: Look) -> Json:
    """limits.conf first, then limits.d/*.conf in byte order; all lines, since a later one of a domain wins."""
    folder = "/etc/security/limits.d"
    paths = ["/etc/security/limits.conf"]
    paths += [f"{folder}/{name}" for name in look.try_names(folder) if name.endswith(".conf")]
    table: list[dict[str, Json]] = []
    for path in paths:
        text = look.try_text(path)
        for number, line in enumerate((text or "").split("\n"), 1):
            words = line.partition("#")[0].split()
            if len(words) != 4 or words[1] not in ("soft", "hard", "-"):
                continue
            value = words[3]
            table.append(
                {
                    "domain": words[0],
                    "kind": words[1],
                    "item": words[2],
                    "value": value,
                    "number": int(value) if re.fullmatch(r"-?\d{1,15}", value, re.ASCII) else None,
                    "source": path,
                    "line": number,
                }
            )
    return _with_holds(table)


def _with_holds(table: list[dict[str, Json]]) -> Json:
    """Each line with the kinds for which no later line of the same domain and item takes its place (pam_limits(8))."""
    taken: set[tuple[Json, Json, str]] = set()
    found: list[Json] = []
    for record in reversed(table):
        kinds = ("hard", "soft") if record["kind"] == "-" else (str(record["kind"]),)
        mine = [(record["domain"], record["item"], kind) for kind in kinds]
        found.append({**record, "holds": [one[2] for one in mine if one not in taken]})
        taken.update(mine)
    return found[::-1]


def _banner(look: Look, path: str) -> Json:
    """The file and, as agetty and pam_motd read them too, the files of the folder of the same name."""
    texts: list[str] = []
    sources: list[str] = []
    suffix = ".issue" if path == "/etc/issue" else ""
    folder = f"{path}.d"
    paths = [path, *(f"{folder}/{name}" for name in look.try_names(folder) if name.endswith(suffix))]
    for one in paths:
        text = look.text(one) if one == path else look.try_text(one)
        if text is not None:
            texts.append(text)
            sources.append(one)
    if not sources:
        look.because(f"{path} does not exist")
        return None
    whole = "\n".join(texts)
    return {
        "text": whole,
        "blank": not whole.strip(),
        "escapes": sorted(set(_ESCAPE.findall(whole))),
        "sources": sources,
    }


def collect(look: Look) -> Iterator[Fact]:
    """See COLLECTOR."""
    yield from look.facts(
        {
            "login.defs": _login_defs,
            "useradd.defaults": _useradd,
            "pwquality.settings": partial(_settings, module=PWQUALITY),
            "faillock.settings": partial(_settings, module=FAILLOCK),
            "pwhistory.settings": partial(_settings, module=PWHISTORY),
            "login.shells": _shells,
            "login.securetty": _securetty,
            "login.limits": _limits,
        }
    )
    yield from each_argument(look, "banner.file", _banner)


_PLACE = {"source": "text: file (null: a default)", "line": "number: line"}
_DEFINITION = {
    "key": "text: name, as written",
    "value": "text: effective value (null: the default depends on the build)",
    "number": "number: the value as shadow-utils reads a number (0… octal, 0x… hexadecimal); null when it is none",
    "default": "flag: not set in the file",
    **_PLACE,
}
_SETTING = {
    "key": "text: name, lower case",
    "value": "text: value; empty for a flag, which is set by its name alone, whatever follows",
    "number": "number: the value as a decimal number; null when it is none",
    "source": "text: file",
    "line": "number: line",
}

COLLECTOR = Collector(
    id="login_policy",
    facts=(
        FactSpec(
            "login.defs",
            "table",
            "Settings of /etc/login.defs, last line winning, and shadow-utils' defaults for the names that matter.",
            fields={
                **_DEFINITION,
                "permits": "text: for UMASK, what a new directory gets at most, by either reader: 027 leaves 0750",
            },
        ),
        FactSpec(
            "useradd.defaults", "table", "Settings of /etc/default/useradd with useradd's defaults.", fields=_DEFINITION
        ),
        FactSpec(
            "pwquality.settings",
            "table",
            "Settings of pwquality.conf.d/*.conf in byte order, then pwquality.conf, the last one winning.",
            fields=_SETTING,
        ),
        FactSpec("faillock.settings", "table", "Settings of faillock.conf, the last one winning.", fields=_SETTING),
        FactSpec("pwhistory.settings", "table", "Settings of pwhistory.conf, the first one winning.", fields=_SETTING),
        FactSpec(
            "login.shells",
            "table",
            "Lines of /etc/shells.",
            fields={"path": "text: shell", "source": "text: file", "line": "number: line"},
        ),
        FactSpec(
            "login.securetty",
            "table",
            "Lines of /etc/securetty: terminals on which root may log in (pam_securetty). Absent means: on all.",
            fields={"terminal": "text: name below /dev", "source": "text: file", "line": "number: line"},
        ),
        FactSpec(
            "login.limits",
            "table",
            "Lines of /etc/security/limits.conf and limits.d/*.conf, in the order they are read.",
            fields={
                "domain": "text: user, @group, * or a range",
                "kind": "text: soft, hard or - (both)",
                "item": "text: core, maxlogins, …",
                "value": "text: value as written",
                "number": "number: the value (null: unlimited and the like)",
                "holds": "list: of hard and soft, those for which no later line of the same domain and item stands",
                "source": "text: file",
                "line": "number: line",
            },
            sensitive={"domain": "user"},
        ),
        FactSpec(
            "banner.file",
            "object",
            "What is shown before or after a login: the file and the files of its folder (/etc/issue.d/*.issue).",
            fields={
                "text": "text: all of it",
                "blank": "flag: nothing but white space",
                "escapes": "list: letters that stand behind a backslash (getty puts machine details there)",
                "sources": "list: files that are there",
            },
            argument="path of the file, /etc/issue",
        ),
    ),
    collect=collect,
)
