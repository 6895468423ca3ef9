"""PAM: the stacks of every service, what they make sure of, and the effective settings of three modules.

Sources: pam.d(5), pam_unix(8), pam_faillock(8), pam_pwquality(8), pam_pwhistory(8), pam_wheel(8). How a stack is
walked: scanner/parsers/pam_flow.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from scanner.collectors.base import Collector, Look
from scanner.collectors.pam_settings import MODULES, Effective, ModuleFiles, effective, settings_of
from scanner.collectors.pam_stacks import Entry, Service, services
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import key_value, pam
from scanner.parsers.pam_flow import Step, always_after, always_before, always_confirmed, denies

_HASHES = ("bigcrypt", "blowfish", "gost_yescrypt", "md5", "sha256", "sha512", "yescrypt")
_TABLES = {
    "pwquality.effective": ("pam_pwquality", "password"),
    "faillock.effective": ("pam_faillock", "auth"),
    "pwhistory.effective": ("pam_pwhistory", "password"),
}
_MODES = ("preauth", "authfail", "authsucc")


def _stacks(look: Look) -> Json:
    found = look.shared(services)
    if found is None:
        look.because("there is no /etc/pam.d")
        return None
    return [
        {
            "service": service.name,
            "type": kind,
            "order": number,
            "kind": entry.kind,
            "control": entry.control,
            "module": entry.module,
            "arguments": list(entry.arguments),
            "level": entry.step.level,
            "optional_module": entry.optional_module,
            "source": entry.source,
            "line": entry.line,
        }
        for service in found
        for kind in pam.TYPES
        for number, entry in enumerate(service.stacks[kind], 1)
    ]


def _services(look: Look) -> Json:
    found = look.shared(services)
    if found is None:
        look.because("there is no /etc/pam.d")
        return None
    return [_service(service) for service in found]


def _is(module: str, *arguments: str) -> _Named:
    return _Named(module, frozenset(arguments))


class _Named:
    """A test for a step: the module, and arguments that must all stand there."""

    def __init__(self, module: str, arguments: frozenset[str]) -> None:
        self._module = module
        self._arguments = arguments

    def __call__(self, step: Step) -> bool:
        return step.module == self._module and self._arguments <= set(step.arguments)


def _service(service: Service) -> Json:
    unix = _is("pam_unix")
    auth, account, session = (service.steps(kind) for kind in ("auth", "account", "session"))
    password = [_of_local_users(step) for step in service.steps("password")]
    return {
        "service": service.name,
        "path": service.path,
        "link": service.link,
        "auth_unix": any(map(unix, auth)),
        "account_unix": any(map(unix, account)),
        "password_unix": any(map(unix, password)),
        "session_unix": any(map(unix, session)),
        "faillock_preauth": always_before(auth, _is("pam_faillock", "preauth"), unix),
        "faillock_authfail": always_after(auth, unix, _is("pam_faillock", "authfail")),
        "faillock_account": always_before(account, _is("pam_faillock"), unix, denying=False),
        "pwquality": always_before(password, _is("pam_pwquality"), unix),
        "pwhistory": always_before(password, _is("pam_pwhistory"), unix),
        "wheel": always_before(auth, _wheel, unix) or always_confirmed(auth, unix, _wheel),
        "wheel_groups": sorted({_wheel_group(step) for step in auth if step.module == "pam_wheel"}),
        "broken": any(entry.kind == "broken" for stack in service.stacks.values() for entry in stack),
    }


def _wheel(step: Step) -> bool:
    """With `deny` the members are those who may not."""
    return step.module == "pam_wheel" and "use_uid" in step.arguments and "deny" not in step.arguments


def _wheel_group(step: Step) -> str:
    """The group that pam_wheel asks for; of several arguments the last one counts."""
    named = [word.removeprefix("group=") for word in step.arguments if word.startswith("group=")]
    return named[-1] if named else "wheel"


def _of_local_users(step: Step) -> Step:
    """The step as it goes for users of /etc/passwd (pam_localuser says yes): pam_unix sets no password of others."""
    if step.module != "pam_localuser":
        return step
    return replace(step, actions={"default": step.actions.get("success", step.actions.get("default", "bad"))})


def _unix(look: Look) -> Json:
    found = look.shared(services)
    if found is None:
        look.because("there is no /etc/pam.d")
        return None
    table: list[Json] = []
    for service in found:
        for kind in pam.TYPES:
            modules = [entry for entry in service.stacks[kind] if entry.kind == "module"]
            for place, entry in enumerate(modules):
                if entry.module == "pam_unix":
                    table.append(_unix_use(service, kind, entry, first=place == 0))
    return table


def _unix_use(service: Service, kind: str, entry: Entry, *, first: bool) -> Json:
    words = set(entry.arguments)
    hashes = [name for name in _HASHES if name in words]
    options = dict(argument.partition("=")[::2] for argument in entry.arguments if "=" in argument)
    return {
        "service": service.name,
        "type": kind,
        "control": entry.control,
        "nullok": bool(words & {"nullok", "nullok_secure"}),
        "use_authtok": "use_authtok" in words,
        "hashes": hashes,
        "hash": hashes[0] if len(hashes) == 1 else None,
        "rounds": key_value.whole_number(options["rounds"]) if "rounds" in options else None,
        "remember": key_value.whole_number(options["remember"]) if "remember" in options else None,
        "first": first,
        "source": entry.source,
        "line": entry.line,
    }


def _effective(look: Look, module: ModuleFiles, kind: str) -> Json:
    found = look.shared(services)
    if found is None:
        look.because("there is no /etc/pam.d")
        return None
    files: dict[str | None, list[Effective]] = {}
    table: list[Json] = []
    for service in found:
        for entry in service.stacks[kind]:
            if entry.kind != "module" or entry.module != module.module or _powerless(entry):
                continue
            path = next((word[5:] for word in entry.arguments if word.startswith("conf=")), None)
            if path not in files:
                got = settings_of(look, module, path)
                if got is None and path is not None:
                    look.gap(path, f"missing: {path}, named in {entry.source} line {entry.line}")
                files[path] = got or []
            for item in effective(module, files[path], entry.arguments, entry.source, entry.line):
                table.append(_effective_record(service, entry, item))
    return table


def _powerless(entry: Entry) -> bool:
    """A call of pam_faillock whose refusal does not make the stack fail: its settings lock nobody out."""
    asks = entry.module == "pam_faillock" and bool({"preauth", "authfail"} & set(entry.arguments))
    return asks and not denies(entry.step)


def _effective_record(service: Service, entry: Entry, item: Effective) -> Json:
    return {
        "service": service.name,
        "mode": next((mode for mode in _MODES if mode in entry.arguments), None),
        "key": item.key,
        "value": item.value,
        "number": item.number,
        "is_set": item.is_set,
        "origin": item.origin,
        "places": item.places,
        "contradictions": item.contradictions,
        "source": item.source,
        "line": item.line,
    }


def collect(look: Look) -> Iterator[Fact]:
    """See COLLECTOR."""
    yield from look.facts(
        {
            "pam.stacks": _stacks,
            "pam.services": _services,
            "pam.unix": _unix,
        }
    )
    yield from look.facts(
        {name: partial(_effective, module=MODULES[module], kind=kind) for name, (module, kind) in _TABLES.items()}
    )


_PLACE = {"source": "text: file", "line": "number: line"}
_SETTING = {
    "service": "text: PAM service",
    "mode": "text: preauth, authfail or authsucc of pam_faillock (null: none)",
    "key": "text: name of the setting",
    "value": "text: value as written, or the default (null: a flag that is not set)",
    "number": "number: the value, 0 for never (null: no number)",
    "is_set": "flag: written in a file or on the PAM line",
    "origin": "text: argument, file or default",
    "places": "number: files that set it, the PAM line's among them (0: a default; up to 100)",
    "contradictions": "number: lines that set it to another value and do not count (up to 100)",
    "source": "text: file that sets it (null: a default)",
    "line": "number: line",
}

COLLECTOR = Collector(
    id="pam",
    facts=(
        FactSpec(
            "pam.stacks",
            "table",
            "Every entry of every PAM service, includes expanded, by service, type and order.",
            fields={
                "service": "text: file name in /etc/pam.d or /usr/lib/pam.d",
                "type": "text: auth, account, password or session",
                "order": "number: place in the expanded stack, from 1",
                "kind": "text: module, substack (its head) or broken (refused by libpam: always fails)",
                "control": "text: required, requisite, sufficient, optional, substack, or sorted pairs in brackets",
                "module": "text: module without path and .so, when it comes from the system's module folder",
                "arguments": "list: arguments",
                "level": "number: depth of substacks",
                "optional_module": "flag: a leading - : a missing module is not logged",
                **_PLACE,
            },
        ),
        FactSpec(
            "pam.services",
            "table",
            "What the stacks of each service make sure of, whatever the modules on the way return.",
            fields={
                "service": "text: file name",
                "path": "text: file that is used",
                "link": "text: what the file links to (null: no link)",
                "auth_unix": "flag: pam_unix is in the auth stack",
                "account_unix": "flag: in the account stack",
                "password_unix": "flag: in the password stack",
                "session_unix": "flag: in the session stack",
                "faillock_preauth": "flag: every way to pam_unix passes pam_faillock preauth, whose refusal counts",
                "faillock_authfail": "flag: whenever pam_unix refuses, pam_faillock authfail runs",
                "faillock_account": "flag: every way to pam_unix in the account stack passes pam_faillock",
                "pwquality": "flag: every way of a local user to pam_unix in the password stack passes pam_pwquality, "
                "whose refusal counts",
                "pwhistory": "flag: the same for pam_pwhistory",
                "wheel": "flag: every way to pam_unix in the auth stack, or from its consent, passes pam_wheel use_uid",
                "wheel_groups": "list: groups that pam_wheel asks for in the auth stack",
                "broken": "flag: it holds a line that libpam refuses, or an include that is not there",
            },
        ),
        FactSpec(
            "pam.unix",
            "table",
            "Every use of pam_unix.",
            fields={
                "service": "text: PAM service",
                "type": "text: auth, account, password or session",
                "control": "text: control, normalised",
                "nullok": "flag: empty passwords are accepted",
                "use_authtok": "flag: takes the new password of the module before it",
                "hashes": "list: hash methods named on the line",
                "hash": "text: the one hash method named (null: none, or several)",
                "rounds": "number: rounds= (null: not set or no number)",
                "remember": "number: remember= (null: not set or no number)",
                "first": "flag: no other module stands before it in the stack",
                **_PLACE,
            },
        ),
        *(
            FactSpec(
                name,
                "table",
                f"Every setting of {module} for each of its {kind} lines: the line over the file over the default.",
                fields=_SETTING,
            )
            for name, (module, kind) in _TABLES.items()
        ),
    ),
    collect=collect,
)
