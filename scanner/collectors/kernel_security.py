"""Protections that the running kernel reports about itself.

Sources (Linux): security/lockdown/lockdown.c, kernel/module/signing.c, Documentation/admin-guide/tainted-kernels.rst,
Documentation/ABI/testing/{ima_policy,evm,sysfs-devices-system-cpu}, security/integrity/ima/ima_fs.c,
arch/x86/entry/vsyscall/vsyscall_64.c, mm/shuffle.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from scanner.collectors.base import Collector, Look
from scanner.model.errors import MissingError, NotCollectedError, TargetError
from scanner.model.fact import Evidence, Fact, FactSpec, Json
from scanner.parsers import kernel_state

_SECURITY = "/sys/kernel/security"
_CPU = "/sys/devices/system/cpu"
_IMA_FILES = ("/etc/ima/ima-policy",)


def _security_file(look: Look, name: str) -> str | None:
    """A file of securityfs, None when the kernel does not make it. Raises NotCollectedError when it is not mounted."""
    text = look.running_text(f"{_SECURITY}/{name}")
    if text is not None:
        return text
    try:
        mounted = bool(look.runtime.names(_SECURITY))
    except MissingError:
        mounted = False
    if not mounted:
        raise NotCollectedError(f"securityfs is not mounted on {_SECURITY}")
    return None


def _lockdown(look: Look) -> Json:
    text = _security_file(look, "lockdown")
    if text is None:
        look.because("the lockdown security module is not active")
        return None
    return kernel_state.chosen(text)


def _module_flag(path: str, why: str) -> Callable[[Look], Json]:
    def read(look: Look) -> Json:
        text = look.running_text(path)
        if text is None:
            look.because(why)
            return None
        return kernel_state.flag(text)

    return read


def _taints(look: Look) -> Json:
    text = look.running_text("/proc/sys/kernel/tainted")
    if text is None:
        look.because("/proc/sys/kernel/tainted does not exist")
        return None
    value = kernel_state.number(text)
    return {"value": value, "reasons": kernel_state.taints(value)}


def _volatile_number(look: Look, path: str) -> int | None:
    """A counter; recorded as evidence without a digest, because it moves."""
    try:
        data = look.runtime.read(path)
    except MissingError:
        return None
    look.saw(Evidence(path))
    return kernel_state.number(data.decode("ascii", "replace"))


def _ima(look: Look) -> Json:
    if _security_file(look, "ima/violations") is None:
        look.because("IMA is not active in this kernel")
        return None
    # Only whether there is more than the boot aggregate: the count itself grows with every file that is opened.
    count = _volatile_number(look, f"{_SECURITY}/ima/runtime_measurements_count")
    return {"measuring": count is not None and count > 1, "policy_readable": _readable(look, "ima/policy")}


def _readable(look: Look, name: str) -> bool:
    """Whether the file can be read at all; kernels without CONFIG_IMA_READ_POLICY refuse it to root as well."""
    try:
        return bool(look.runtime.read(f"{_SECURITY}/{name}"))
    except TargetError:
        return False


def _ima_records(text: str, source: str) -> list[Json]:
    return [
        {
            "action": rule.action,
            "func": rule.conditions.get("func"),
            "mask": rule.conditions.get("mask"),
            "uid": rule.conditions.get("uid") or rule.conditions.get("euid"),
            "appraise_type": rule.conditions.get("appraise_type"),
            "rule": rule.text,
            "source": source,
            "line": rule.line,
        }
        for rule in kernel_state.ima_rules(text)
    ]


def _ima_policy(look: Look) -> Json:
    text = _security_file(look, "ima/policy")
    if text is None:
        look.because("the kernel shows no IMA policy")
        return None
    return _ima_records(text, f"{_SECURITY}/ima/policy")


def _ima_configured(look: Look) -> Json:
    for path in _IMA_FILES:
        text = look.text(path)
        if text is not None:
            return _ima_records(text, path)
    look.because("no /etc/ima/ima-policy: the policy is the one that the command line names")
    return None


def _evm(look: Look) -> Json:
    text = _security_file(look, "integrity/evm/evm")
    if text is None:
        text = _security_file(look, "evm")
    if text is None:
        look.because("EVM is not part of this kernel")
        return None
    value = kernel_state.number(text)
    return {"state": value, "hmac": bool(value & 1), "signatures": bool(value & 2), "metadata_writes": bool(value & 4)}


def _vulnerabilities(look: Look) -> Json:
    folder = f"{_CPU}/vulnerabilities"
    try:
        names = look.runtime.names(folder)
    except MissingError:
        look.because(f"{folder} does not exist")
        return None
    found: list[Json] = []
    for name in names:
        text = look.running_text(f"{folder}/{name}")
        if text is not None:
            said = text.strip()
            found.append({"name": name, "status": kernel_state.vulnerability(said), "detail": said})
    return found


def _smt(look: Look) -> Json:
    active = look.running_text(f"{_CPU}/smt/active")
    control = look.running_text(f"{_CPU}/smt/control")
    if active is None or control is None:
        look.because(f"{_CPU}/smt does not exist")
        return None
    return {"active": kernel_state.number(active) == 1, "control": control.strip()}


def _vsyscall(look: Look) -> Json:
    # Read without a digest: the addresses differ in every process.
    try:
        data = look.runtime.read("/proc/self/maps")
    except MissingError:
        look.because("/proc/self/maps does not exist")
        return None
    look.saw(Evidence("/proc/self/maps"))
    if not data.strip():
        raise NotCollectedError("/proc/self/maps is empty")
    return kernel_state.vsyscall(data.decode("utf-8", "surrogateescape"))


def _cpu_flags(look: Look) -> Json:
    # Read without a digest: clock rates change.
    try:
        data = look.runtime.read("/proc/cpuinfo")
    except MissingError:
        look.because("/proc/cpuinfo does not exist")
        return None
    look.saw(Evidence("/proc/cpuinfo"))
    return list(kernel_state.cpu_flags(data.decode("utf-8", "surrogateescape")))


_COMPUTE: dict[str, Callable[[Look], Json]] = {
    "kernel.lockdown": _lockdown,
    "kernel.module_signatures_enforced": _module_flag(
        "/sys/module/module/parameters/sig_enforce", "this kernel was built without module signatures"
    ),
    "kernel.page_alloc_shuffle": _module_flag(
        "/sys/module/page_alloc/parameters/shuffle", "this kernel was built without the page allocator's shuffling"
    ),
    "kernel.taints": _taints,
    "kernel.ima": _ima,
    "kernel.ima.policy": _ima_policy,
    "kernel.ima.configured": _ima_configured,
    "kernel.evm": _evm,
    "kernel.vulnerabilities": _vulnerabilities,
    "kernel.smt": _smt,
    "kernel.vsyscall": _vsyscall,
    "kernel.cpu_flags": _cpu_flags,
}


def collect(look: Look) -> Iterator[Fact]:
    """See COLLECTOR."""
    yield from look.facts(_COMPUTE)


_IMA_FIELDS = {
    "action": "text: measure, appraise, audit, hash, or dont_…",
    "func": "text: hook the rule is for, null",
    "mask": "text: kind of access, null",
    "uid": "text: user the rule is for, null",
    "appraise_type": "text: imasig, null",
    "rule": "text: the whole rule",
    "source": "text: file",
    "line": "number: line",
}

COLLECTOR = Collector(
    id="kernel_security",
    facts=(
        FactSpec("kernel.lockdown", "value", "Lockdown mode: none, integrity or confidentiality.", facet="runtime"),
        FactSpec(
            "kernel.module_signatures_enforced",
            "value",
            "Whether the kernel refuses modules without a valid signature by its own switch.",
            facet="runtime",
        ),
        FactSpec("kernel.page_alloc_shuffle", "value", "Whether free lists of pages are shuffled.", facet="runtime"),
        FactSpec(
            "kernel.taints",
            "object",
            "What happened to the running kernel that its makers do not vouch for.",
            facet="runtime",
            fields={"value": "number: bit mask", "reasons": "list: each set bit in words, lowest first"},
        ),
        FactSpec(
            "kernel.ima",
            "object",
            "Integrity measurement (IMA) of the running kernel.",
            facet="runtime",
            fields={
                "measuring": "flag: more than the boot aggregate was measured",
                "policy_readable": "flag: the kernel shows its policy",
            },
        ),
        FactSpec(
            "kernel.ima.policy", "table", "Rules of the IMA policy in force.", facet="runtime", fields=_IMA_FIELDS
        ),
        FactSpec(
            "kernel.ima.configured",
            "table",
            "Rules of /etc/ima/ima-policy, which replace the built-in policy at boot; absent without that file.",
            fields=_IMA_FIELDS,
        ),
        FactSpec(
            "kernel.evm",
            "object",
            "Protection of file metadata (EVM) in the running kernel.",
            facet="runtime",
            fields={
                "state": "number: as the kernel shows it",
                "hmac": "flag: an HMAC key is loaded",
                "signatures": "flag: signatures are verified",
                "metadata_writes": "flag: protected metadata may still be written",
            },
        ),
        FactSpec(
            "kernel.vulnerabilities",
            "table",
            "Processor bugs, as the running kernel judges itself.",
            facet="runtime",
            fields={
                "name": "text: name of the bug",
                "status": "text: not affected, mitigated, vulnerable, unknown",
                "detail": "text: in the kernel's words",
            },
        ),
        FactSpec(
            "kernel.smt",
            "object",
            "Simultaneous multithreading.",
            facet="runtime",
            fields={"active": "flag: in use", "control": "text: on, off, forceoff, notsupported, notimplemented"},
        ),
        FactSpec("kernel.vsyscall", "value", "The vsyscall page: none, xonly or emulate.", facet="runtime"),
        FactSpec("kernel.cpu_flags", "value", "Features that every processor has, sorted.", facet="runtime"),
    ),
    collect=collect,
)
