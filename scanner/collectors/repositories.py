"""Where packages may be installed from, and whether signatures are checked on the way.

Source: dnf.conf(5) (main options, repository options that inherit them, reposdir), libdnf ConfigMain.cpp for the
defaults; sources.list(5) and apt-secure(8); apk-repositories(5), apk-keys(5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from scanner.collectors.base import Collector, Look, reason_of
from scanner.model.errors import ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.model.records import dataclass
from scanner.parsers import apk_repositories, apt_sources, dnf_conf
from scanner.parsers.dnf_conf import Section

_DNF_MAIN = "/etc/dnf/dnf.conf"
_DNF5_DROP_INS = ("/etc/dnf/libdnf5.conf.d", "/usr/share/dnf5/libdnf.conf.d")
_DNF_FOLDERS = ("/etc/yum.repos.d", "/etc/yum/repos.d", "/etc/distro.repos.d", "/usr/share/dnf5/repos.d")
_DNF_OVERRIDES = ("/etc/dnf/repos.override.d", "/usr/share/dnf5/repos.override.d")
_DNF_PROGRAMS = ("/usr/bin/dnf", "/usr/bin/dnf5", "/usr/bin/microdnf", "/usr/bin/yum", "/usr/bin/rpm-ostree")
# Main options and what libdnf takes when they are not set.
_DNF_DEFAULTS = {
    "gpgcheck": False,
    "repo_gpgcheck": False,
    "localpkg_gpgcheck": False,
    "sslverify": True,
    "clean_requirements_on_remove": True,
}
_APT = "/etc/apt"
_APT_NAME = re.compile(r"[A-Za-z0-9_.-]+\Z")
_WAIVED = re.compile(
    r"\b(?:AllowUnauthenticated|AllowInsecureRepositories|AllowDowngradeToInsecureRepositories)\s+"
    r"\"?(?:yes|true|with|on|enable|[1-9][0-9]*)\"?\s*;",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"/\*.*?\*/|(?://|#)[^\n]*", re.DOTALL)
_TRUSTING = re.compile(r"^[ \t]*(?:--)?allow-untrusted\b", re.MULTILINE)
_APK = "/etc/apk"
_APK_CONFIG = ("/etc/apk/config", "/usr/lib/apk/config", "/lib/apk/config")
_ZYPP = "/etc/zypp/repos.d"
_KEY_FOLDERS = {
    "rpm": ("/etc/pki/rpm-gpg",),
    "apt": ("/etc/apt/trusted.gpg.d", "/etc/apt/keyrings", "/usr/share/keyrings"),
    "apk": ("/etc/apk/keys",),
}
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


# ---- dnf -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Value:
    text: str
    source: str


def _dnf_files(look: Look) -> list[str]:
    """Files with main options, the most important last: the drop-ins of dnf5 count only over the defaults."""
    return [*look.drop_ins(_DNF5_DROP_INS, ".conf"), _DNF_MAIN]


def _sections(look: Look, path: str) -> list[Section]:
    """The sections of one file of many; one that cannot be used is a gap."""
    text = look.try_text(path)
    try:
        return dnf_conf.parse(text or "")
    except ParseError as error:
        look.gap(path, reason_of(error))
        return []


def _dnf_main(look: Look) -> dict[str, _Value] | None:
    """Main options as they are set, or None when there is no dnf here at all. Raises ParseError."""
    if not any(look.entry(path) is not None for path in (*_DNF_PROGRAMS, "/etc/dnf", *_DNF_FOLDERS)):
        return None
    found: dict[str, _Value] = {}
    for path in _dnf_files(look):
        # dnf does not start when its own configuration is broken, so there is nothing to fall back on here either.
        for section in dnf_conf.parse(look.text(path) or ""):
            if section.name == "main":
                found.update((key, _Value(value, path)) for key, value in section.settings.items())
    return found


def _effective(key: str, main: dict[str, _Value]) -> bool:
    value = dnf_conf.flag(main[key].text) if key in main else None
    return _DNF_DEFAULTS[key] if value is None else value


def _settings(look: Look) -> Json:
    main = look.shared(_dnf_main)
    if main is None:
        look.because("neither dnf nor its configuration is there")
        return None
    flags: dict[str, Json] = {key: _effective(key, main) for key in _DNF_DEFAULTS}
    chosen = sorted(key for key in _DNF_DEFAULTS if key in main and dnf_conf.flag(main[key].text) is not None)
    sources = sorted({main[key].source for key in chosen})
    return {**flags, "set": chosen, "source": sources[-1] if sources else None}


def _dnf(look: Look) -> Iterator[dict[str, Json]]:
    main = look.shared(_dnf_main)
    if main is None:
        return
    folders = tuple(dnf_conf.words(main["reposdir"].text)) if "reposdir" in main else _DNF_FOLDERS
    for folder in _DNF_OVERRIDES:
        for name in look.try_names(folder):
            look.gap(f"{folder}/{name}", "unsupported: settings of repositories that are overridden")
    seen: set[str] = set()
    for path in [*_dnf_files(look), *_repo_files(look, folders)]:
        for section in _sections(look, path):
            # dnf takes the first repository of a name and leaves out the later ones.
            if section.name != "main" and section.name not in seen:
                seen.add(section.name)
                yield _dnf_record(section, path, main)


def _repo_files(look: Look, folders: Iterable[str]) -> list[str]:
    """The .repo files in the order of dnf: of all folders together, by the parts of their paths without the suffix."""
    found = [
        f"{folder.rstrip('/')}/{name}"
        for folder in folders
        for name in look.try_names(folder)
        if name.endswith(".repo") and not name.startswith(".")
    ]
    return sorted(found, key=lambda path: path.removesuffix(".repo").split("/"))


def _dnf_record(section: Section, path: str, main: dict[str, _Value]) -> dict[str, Json]:
    own = section.settings

    def inherited(key: str) -> bool:
        value = dnf_conf.flag(own.get(key))
        return _effective(key, main) if value is None else value

    enabled = dnf_conf.flag(own.get("enabled"))
    addresses = [word for key in ("baseurl", "metalink", "mirrorlist") for word in dnf_conf.words(own.get(key))]
    return {
        "manager": "dnf",
        "id": section.name,
        "enabled": enabled is not False,
        "urls": [_public(address) for address in addresses],
        "gpgcheck": inherited("gpgcheck"),
        "gpgcheck_set": dnf_conf.flag(own.get("gpgcheck")),
        "repo_gpgcheck": inherited("repo_gpgcheck"),
        "sslverify": inherited("sslverify"),
        "signed_by": dnf_conf.words(own.get("gpgkey")),
        "source": path,
        "line": section.line,
    }


def _public(address: str) -> str:
    """The address without user name and password."""
    return _USERINFO.sub("", address)


# ---- apt and apk ---------------------------------------------------------------------------------------------------


def _apt(look: Look) -> Iterator[dict[str, Json]]:
    paths = [f"{_APT}/sources.list"]
    folder = f"{_APT}/sources.list.d"
    paths.extend(f"{folder}/{name}" for name in look.try_names(folder) if _APT_NAME.match(name))
    for path in paths:
        read = apt_sources.parse_sources if path.endswith(".sources") else apt_sources.parse_list
        if not path.endswith((".list", ".sources")):
            continue
        try:
            found = read(look.try_text(path) or "")
        except ParseError as error:
            look.gap(path, reason_of(error))
            continue
        waived = look.shared(_apt_waived)
        yield from (_apt_record(source, path, waived) for source in found)


def _apt_waived(look: Look) -> bool:
    """Whether apt's own configuration makes do without signatures for every source."""
    folder = f"{_APT}/apt.conf.d"
    paths = [f"{_APT}/apt.conf", *(f"{folder}/{name}" for name in look.try_names(folder))]
    return any(_WAIVED.search(_COMMENT.sub("", look.try_text(path) or "")) for path in paths if _is_file(look, path))


def _is_file(look: Look, path: str) -> bool:
    entry = look.entry(path)
    return entry is not None and entry.type == "file"


def _apt_record(source: apt_sources.AptSource, path: str, waived: bool) -> dict[str, Json]:
    checked = source.authenticated and not waived
    return {
        "manager": "apt",
        "id": f"{source.kind} {_public(source.uri)} {source.suite}",
        "enabled": source.enabled,
        "urls": [_public(source.uri)],
        "gpgcheck": checked,
        "gpgcheck_set": None if checked else False,
        "repo_gpgcheck": checked,
        "sslverify": None,
        "signed_by": list(source.signed_by),
        "source": path,
        "line": source.line,
    }


def _apk(look: Look) -> Iterator[dict[str, Json]]:
    paths = [f"{_APK}/repositories"]
    folder = f"{_APK}/repositories.d"
    paths.extend(f"{folder}/{name}" for name in look.try_names(folder) if name.endswith(".list"))
    trusting = any(_TRUSTING.search(look.try_text(path) or "") for path in _APK_CONFIG if _is_file(look, path))
    for path in paths:
        try:
            found = apk_repositories.parse(look.try_text(path) or "")
        except ParseError as error:
            look.gap(path, reason_of(error))
            continue
        for repository in found:
            yield {
                "manager": "apk",
                "id": _public(repository.address),
                "enabled": repository.tag is None,
                "urls": [_public(repository.address)],
                # Only --allow-untrusted waives signatures; apk 3 takes options of its command line from a file too.
                "gpgcheck": not trusting,
                "gpgcheck_set": False if trusting else None,
                "repo_gpgcheck": not trusting,
                "sslverify": None,
                "signed_by": [],
                "source": path,
                "line": repository.line,
            }


# ---- facts ---------------------------------------------------------------------------------------------------------


def _configured(look: Look) -> Json:
    present = look.shared(_dnf_main) is not None or any(look.entry(path) is not None for path in (_APT, _APK))
    if any(name.endswith(".repo") for name in look.try_names(_ZYPP)):
        look.gap(_ZYPP, "unsupported: repositories of zypper")
    if not present:
        look.because("neither dnf, apt nor apk is configured")
        return None
    records = [*_dnf(look), *_apt(look), *_apk(look)]
    return sorted(records, key=lambda record: (record["manager"], record["source"], record["line"], record["id"]))


def _keys(look: Look) -> Json:
    found = [
        {"manager": manager, "source": f"{folder}/{name}"}
        for manager, folders in _KEY_FOLDERS.items()
        for folder in folders
        for name in look.try_names(folder)
    ]
    if look.entry(f"{_APT}/trusted.gpg") is not None:
        found.append({"manager": "apt", "source": f"{_APT}/trusted.gpg"})
    return sorted(found, key=lambda record: (record["manager"], record["source"]))


_COMPUTE: dict[str, Callable[[Look], Json]] = {
    "repositories.configured": _configured,
    "repositories.keys": _keys,
    "dnf.settings": _settings,
}


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted facts."""
    yield from look.facts(_COMPUTE)


COLLECTOR = Collector(
    id="repositories",
    facts=(
        FactSpec(
            "repositories.configured",
            "table",
            "Every package repository that is configured, enabled or not, by manager and place.",
            sensitive={"urls": "host"},
            fields={
                "manager": "text: dnf, apt or apk",
                "id": "text: name of the repository",
                "enabled": "flag: used without being asked for",
                "urls": "list: addresses without user names and passwords",
                "gpgcheck": "flag: signatures of packages are checked (apt: of the index that names them)",
                "gpgcheck_set": "flag: what the repository itself says, or null when it inherits",
                "repo_gpgcheck": "flag: signatures of the index are checked",
                "sslverify": "flag: certificates of servers are checked, or null where there is no such setting",
                "signed_by": "list: keys that the repository names",
                "source": "text: file",
                "line": "number: line",
            },
        ),
        FactSpec(
            "repositories.keys",
            "table",
            "Files with keys that packages or repositories may be signed with.",
            fields={"manager": "text: rpm, apt or apk", "source": "text: file"},
        ),
        FactSpec(
            "dnf.settings",
            "object",
            "Main settings of dnf, with its defaults where nothing is set.",
            fields={
                "gpgcheck": "flag: signatures of packages are checked",
                "repo_gpgcheck": "flag: signatures of repository indexes are checked",
                "localpkg_gpgcheck": "flag: signatures of package files from the disk are checked",
                "sslverify": "flag: certificates of servers are checked",
                "clean_requirements_on_remove": "flag: packages nobody needs any more are removed with the last user",
                "set": "list: those of these settings that the configuration itself sets",
                "source": "text: file that sets them, or null",
            },
        ),
    ),
    collect=collect,
)
