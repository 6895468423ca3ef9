"""The system-wide crypto policy of Fedora, RHEL and kin: what is configured, what is in force, what overrides it.

Source: crypto-policies(7), update-crypto-policies(8). /etc/crypto-policies/config names the policy, `state/current` the
one that was applied; `back-ends/NAME.config` are links into /usr/share/crypto-policies for a pure policy, and generated
files where subpolicies or local.d took part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look, reason_of
from scanner.model.errors import ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import crypto_policies

_ETC = "/etc/crypto-policies"
_SHARE = "/usr/share/crypto-policies"
_MODULES = (f"{_ETC}/policies/modules", f"{_SHARE}/policies/modules")
_SSH = ("openssh", "opensshserver")
# Programs whose own configuration must point at a back-end, and the line that does it.
_APPLICATIONS = {
    "bind": (("/etc/named.conf",), r"^[^#/\n]*\binclude\s+\"/etc/crypto-policies/back-ends/bind\.config\""),
    "libreswan": (("/etc/ipsec.conf",), r"^[ \t]*include[ \t]+/etc/crypto-policies/back-ends/libreswan\.config[ \t]*$"),
}


def _is_installed(look: Look) -> bool:
    if look.entry(_ETC) is not None:
        return True
    look.because(f"{_ETC} does not exist: no system-wide crypto policy")
    return False


def _policy_file(look: Look, path: str) -> crypto_policies.Policy | None:
    text = look.text(path, 65_536)
    if text is None:
        return None
    try:
        return crypto_policies.policy(text)
    except ParseError as error:
        raise ParseError(f"{path}: {error}") from error


def _configured(look: Look) -> Json:
    if not _is_installed(look):
        return None
    config = _policy_file(look, f"{_ETC}/config")
    current = _policy_file(look, f"{_ETC}/state/current")
    backends = look.shared(_all_backends)
    return {
        "policy": config.name if config else None,
        "subpolicies": list(config.modules) if config else [],
        "configured": config.text if config else None,
        "current": current.text if current else None,
        "applied": config is not None and current is not None and config.text == current.text,
        "custom_policy": config is not None and _is_local(look, config.name),
        "overridden": [row["name"] for row in backends if row["overridden"]],
        "local": [f"{_ETC}/local.d/{name}" for name in look.names(f"{_ETC}/local.d") if name.endswith(".config")],
        "source": f"{_ETC}/config",
        "line": config.line if config else None,
    }


def _is_local(look: Look, name: str) -> bool:
    """Whether an administrator's own definition stands behind (and hides) a policy's name."""
    return look.entry(f"{_ETC}/policies/{name}.pol") is not None


def _all_backends(look: Look) -> list[Json]:
    config = _policy_file(look, f"{_ETC}/config")
    local = {name.split("-", 1)[0] for name in look.names(f"{_ETC}/local.d") if name.endswith(".config")}
    return [
        _backend(look, name.removesuffix(".config"), config, local)
        for name in look.names(f"{_ETC}/back-ends")
        if name.endswith(".config")
    ]


def _backend(look: Look, name: str, config: crypto_policies.Policy | None, local: set[str]) -> Json:
    """A back-end is overridden unless it is the shipped file of the configured policy, or a generated one where the
    policy has subpolicies, is the administrator's own, or local.d adds to it."""
    path = f"{_ETC}/back-ends/{name}.config"
    link = look.link(path)
    real = look.real(path)
    expected = f"{_SHARE}/{config.name}/{name}.txt" if config else None
    generated = config is not None and (bool(config.modules) or _is_local(look, config.name) or name in local)
    if link is not None:
        overridden = expected is None or real is None or real != look.real(expected) or generated
    else:
        overridden = not generated
    return {
        "name": name,
        "source": path,
        "kind": "link" if link is not None else "file",
        "target": real if link is not None else None,
        "expected": None if generated else expected,
        "generated": generated,
        "overridden": overridden,
        "local": name in local,
    }


def _backends(look: Look) -> Json:
    return look.shared(_all_backends) if _is_installed(look) else None


def _modules(look: Look) -> Json:
    """Settings of the modules (and of an administrator's own policy) that the configuration names, in their order."""
    if not _is_installed(look):
        return None
    config = _policy_file(look, f"{_ETC}/config")
    rows: list[Json] = []
    for name in config.modules if config else ():
        path = next((f"{place}/{name}.pmod" for place in _MODULES if look.entry(f"{place}/{name}.pmod")), None)
        if path is None:
            look.gap(f"{name}.pmod", "missing: a subpolicy that is configured")
            continue
        text = look.try_text(path, 1_000_000)
        try:
            settings = crypto_policies.module(text or "")
        except ParseError as error:
            look.gap(path, reason_of(error))
            continue
        rows += [
            {
                "module": name,
                "key": item.key,
                "scope": item.scope,
                "values": list(item.words),
                "source": path,
                "line": item.line,
            }
            for item in settings
        ]
    return rows


def _ssh(look: Look) -> Json:
    if not _is_installed(look):
        return None
    rows: list[Json] = []
    for name in _SSH:
        path = f"{_ETC}/back-ends/{name}.config"
        text = look.text(path, 1_000_000)
        if text is None and look.link(path) is not None:
            look.gap(path, "missing: a link that leads nowhere")
        try:
            directives = crypto_policies.ssh_directives(text or "")
        except ParseError as error:
            raise ParseError(f"{path}: {error}") from error
        rows += [
            {
                "backend": name,
                "keyword": item.keyword,
                "values": list(item.values),
                "source": path,
                "line": item.line,
            }
            for item in directives
        ]
    return rows


def _applications(look: Look) -> Json:
    rows: list[Json] = []
    for name, (paths, pattern) in _APPLICATIONS.items():
        for path in paths:
            text = look.text(path)
            if text is not None:
                plain = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL) if name == "bind" else text
                follows = re.search(pattern, plain, re.MULTILINE) is not None
                rows.append({"name": name, "follows": follows, "source": path})
    return rows


def _fips(look: Look) -> Json:
    text = look.running_text("/proc/sys/crypto/fips_enabled")
    return {"fips_enabled": text is not None and text.strip() == "1", "source": "/proc/sys/crypto/fips_enabled"}


def collect(look: Look) -> Iterator[Fact]:
    """See the declarations below."""
    yield from look.facts(
        {
            "crypto_policy.configured": _configured,
            "crypto_policy.backends": _backends,
            "crypto_policy.modules": _modules,
            "crypto_policy.ssh": _ssh,
            "crypto_policy.applications": _applications,
            "crypto_policy.running": _fips,
        }
    )


COLLECTOR = Collector(
    id="crypto_policy",
    facts=(
        FactSpec(
            "crypto_policy.configured",
            "object",
            "The configured policy, the applied one, and whether the back-ends follow it.",
            fields={
                "policy": "text: upper-case name, null when none is configured",
                "subpolicies": "list: upper-case names of subpolicies, in order",
                "configured": "text: NAME:SUBPOLICY… as configured",
                "current": "text: the same of the policy that was applied last",
                "applied": "flag: both are equal",
                "custom_policy": "flag: an own definition in /etc stands behind the name",
                "overridden": "list: back-ends that do not follow the policy",
                "local": "list: files in local.d that add to back-ends",
                "source": "text: the file",
                "line": "number: line of the policy",
            },
        ),
        FactSpec(
            "crypto_policy.backends",
            "table",
            "Configuration of each cryptographic library, by name.",
            fields={
                "name": "text: openssl, gnutls, opensshserver …",
                "source": "text: the back-end's file",
                "kind": "text: link or file",
                "target": "text: where the link leads, null for a file or a link that leads nowhere",
                "expected": "text: where it should lead; null when it is to be generated, or no policy is configured",
                "generated": "flag: it is to be a generated file",
                "overridden": "flag: it does not follow the policy",
                "local": "flag: local.d adds to it",
            },
        ),
        FactSpec(
            "crypto_policy.modules",
            "table",
            "Settings of the subpolicies that are configured, in order.",
            fields={
                "module": "text: upper-case name of the subpolicy",
                "key": "text: lower-case key",
                "scope": "text: upper-case scope after the @, null for everything",
                "values": "list: words of the value",
                "source": "text: the file",
                "line": "number: line",
            },
        ),
        FactSpec(
            "crypto_policy.ssh",
            "table",
            "Algorithm lists that the policy gives to OpenSSH, in the order of the files.",
            fields={
                "backend": "text: openssh (client) or opensshserver",
                "keyword": "text: lower-case keyword of sshd_config or ssh_config",
                "values": "list: algorithms",
                "source": "text: the back-end's file",
                "line": "number: line",
            },
        ),
        FactSpec(
            "crypto_policy.applications",
            "table",
            "Programs that must be told to follow the policy and are configured here.",
            fields={
                "name": "text: bind or libreswan",
                "follows": "flag: its configuration includes its back-end",
                "source": "text: its configuration",
            },
        ),
        FactSpec(
            "crypto_policy.running",
            "object",
            "FIPS mode of the running kernel.",
            facet="runtime",
            fields={"fips_enabled": "flag: the kernel is in FIPS mode", "source": "text: where it was read"},
        ),
    ),
    collect=collect,
)
