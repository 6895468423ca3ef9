"""What the kernel (and systemd, in its own parameters) makes of a command line: one value for each known parameter.

Every parameter has its own law: most are "the last valid one wins", some can only be switched on or raised, some only
exist as bare flags, and a few overrule others. A value that the kernel rejects changes nothing.

Sources (Linux): lib/kstrtox.c, kernel/params.c, kernel/module/signing.c, kernel/cpu.c, kernel/audit.c, mm/mm_init.c,
mm/page_poison.c, mm/shuffle.c, mm/slab_common.c, init/main.c, security/lockdown/lockdown.c, security/security.c,
security/selinux/hooks.c, security/integrity/{ima,evm}/, arch/x86/mm/pti.c, arch/x86/entry/vsyscall/vsyscall_64.c,
Documentation/admin-guide/kernel-parameters.txt. systemd: src/basic/parse-util.c, man/kernel-command-line.xml.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from scanner.model.fact import Json
from scanner.parsers.kernel_cmdline import Parameter

__all__ = ["EFFECTIVE_KEYS", "effective"]

Parameters = Sequence[Parameter]


def effective(parameters: Parameters) -> dict[str, Json]:
    """Every key of `EFFECTIVE_KEYS` with its value; None = nothing on the line sets it, the kernel's default holds."""
    return {key: law(parameters) for key, law in _LAWS.items()}


def kernel_bool(value: str | None) -> bool | None:
    """A truth value as kstrtobool() reads it: by the first one or two characters. None = the kernel refuses it.

    The words that the newest kernels add (`enable`, `disable`) are refused here as by all kernels before them.
    """
    if not value:
        return None
    first, second = value[0].lower(), value[1:2].lower()
    if first in "yt1":
        return True
    if first in "nf0":
        return False
    if first == "o" and second in ("n", "f"):
        return second == "n"
    return None


def _values(parameters: Parameters, *names: str) -> list[str | None]:
    return [parameter.value for parameter in parameters if parameter.name in names]


def _last(parameters: Parameters, read: Callable[[str | None], Json], *names: str) -> Json:
    """The last occurrence that `read` accepts (does not turn into None)."""
    for value in reversed(_values(parameters, *names)):
        result = read(value)
        if result is not None:
            return result
    return None


def _boolean(name: str) -> Callable[[Parameters], Json]:
    """`early_param` with kstrtobool: a bare flag is refused."""
    return lambda parameters: _last(parameters, kernel_bool, name)


def _word(name: str, *words: str) -> Callable[[Parameters], Json]:
    """One of a few words, the last valid one."""
    return lambda parameters: _last(parameters, lambda value: value if value in words else None, name)


def _text(*names: str) -> Callable[[Parameters], Json]:
    """Whatever the last occurrence says, "" for a bare flag."""
    return lambda parameters: _last(parameters, lambda value: value or "", *names)


def _number(value: str | None) -> int | None:
    """kstrtouint() with base 0: decimal, 0x hexadecimal, 0 octal, nothing around it."""
    if value is None or len(value) > 12:
        return None
    if re.fullmatch(r"\+?0[0-7]+", value):
        return int(value, 8)
    try:
        return int(value, 0) if re.fullmatch(r"\+?(?:0[xX][0-9A-Fa-f]+|[0-9]+)", value) else None
    except ValueError:
        return None


def _flag_number(name: str) -> Callable[[Parameters], Json]:
    """A number of which only "not zero" counts."""

    def read(value: str | None) -> Json:
        number = _number(value)
        return None if number is None else number != 0

    return lambda parameters: _last(parameters, read, name)


def _lockdown(parameters: Parameters) -> Json:
    """The level can only rise; other words are refused."""
    given = _values(parameters, "lockdown")
    return next((level for level in ("confidentiality", "integrity") if level in given), None)


def _sig_enforce(parameters: Parameters) -> Json:
    """`bool_enable_only`: a bare flag or a true value sets it, nothing clears it again."""
    given = _values(parameters, "module.sig_enforce")
    return True if any(value is None or kernel_bool(value) for value in given) else None


def _shuffle(parameters: Parameters) -> Json:
    """True needs a true value and no false one: some kernels let one explicit 0 disable for good, others ignore it."""
    given = [kernel_bool(value) for value in _values(parameters, "page_alloc.shuffle")]
    if False in given:
        return False
    return True if True in given else None


def _slab_nomerge(parameters: Parameters) -> Json:
    """Old-style `__setup` flags are matched by prefix and take no value; the last of the four decides."""
    result: Json = None
    for parameter in parameters:
        if parameter.name.startswith(("slab_nomerge", "slub_nomerge")):
            result = True
        elif parameter.name.startswith(("slab_merge", "slub_merge")):
            result = False
    return result


def _audit(parameters: Parameters) -> Json:
    """Anything but `0` and `off` switches it on; a bare `audit` is not the parameter."""
    return _last(
        parameters, lambda value: None if value is None else not (value == "0" or value.lower() == "off"), "audit"
    )


def _pti(parameters: Parameters) -> Json:
    """`pti=` and `nopti`, the last one; switching all mitigations off overrules both."""
    if _mitigations(parameters) == "off":
        return "off"
    result: Json = None
    for parameter in parameters:
        if parameter.name == "nopti":
            result = "off"
        elif parameter.name == "pti" and parameter.value in ("on", "off", "auto"):
            result = parameter.value
    return result


_mitigations = _word("mitigations", "off", "auto", "auto,nosmt")

_OPT_OUT_FLAGS = re.compile(
    r"nopti|nospectre_v1|nospectre_v2|nospectre_bhb|nospec_store_bypass_disable|no_entry_flush|no_uaccess_flush"
    r"|no_stf_barrier|nobp"
)
_OPT_OUT_SWITCHES = re.compile(
    r"pti|spectre_v2|spectre_v2_user|spec_store_bypass_disable|l1tf|mds|tsx_async_abort|mmio_stale_data|retbleed"
    r"|gather_data_sampling|reg_file_data_sampling|srbds|spec_rstack_overflow|spectre_bhi|indirect_target_selection"
    r"|tsa|vmscape|kpti|ssbd"
)
_OFF = ("off", "force-off", "0", "n", "no")
_OPT_OUT_VALUES = {
    "tsx": ("on",),
    "kvm.nx_huge_pages": ("off", "N", "n", "0", "never"),
    "kvm_intel.vmentry_l1d_flush": ("never",),
}


def _opt_outs(parameters: Parameters) -> Json:
    """Parameters that switch the defence against one processor bug off, whatever `mitigations=` says; sorted."""
    found = set()
    for parameter in parameters:
        value = parameter.value
        if _OPT_OUT_FLAGS.fullmatch(parameter.name):
            found.add(parameter.name)
            continue
        refused = _OFF if _OPT_OUT_SWITCHES.fullmatch(parameter.name) else _OPT_OUT_VALUES.get(parameter.name, ())
        if value is not None and value.split(",")[0] in refused:
            found.add(f"{parameter.name}={value}")
    return sorted(found)


def _ima_policy(parameters: Parameters) -> Json:
    """Names of built-in policies; they add up over all occurrences. The old flag `ima_tcb` counts as `tcb`."""
    names = {word for value in _values(parameters, "ima_policy") for word in re.split(r"[ |\n]", value or "") if word}
    if _values(parameters, "ima_tcb"):
        names.add("tcb")
    if _values(parameters, "ima_appraise_tcb"):
        names.add("appraise_tcb")
    return sorted(names)


def _lsm(parameters: Parameters) -> Json:
    """The list of security modules that replaces the kernel's own, or None."""
    text = _last(parameters, lambda value: value, "lsm")
    return text.split(",") if isinstance(text, str) else None


def _systemd_bool(value: str | None) -> bool | None:
    if value is None:
        return True
    word = value.lower()
    if word in ("1", "yes", "y", "true", "t", "on"):
        return True
    return False if word in ("0", "no", "n", "false", "f", "off") else None


_RESCUE_WORDS = frozenset(("single", "s", "S", "1", "rescue", "emergency", "_b", "rd.rescue", "rd.emergency"))
_RESCUE_UNIT = re.compile(r"(?:rescue|emergency|debug-shell|runlevel1)(?:\.|\Z)")
_INIT = re.compile(
    r"(?:/usr)?/(?:s?bin/(?:init|systemd)|lib/systemd/systemd)|/init|/nix/store/[^/]+/init|/usr/lib/ostree/ostree-prepare-root"
)


def _shells(parameters: Parameters) -> Json:
    """Parameters that open a shell at boot, or replace init, without a login; sorted."""
    found = set()
    for parameter in parameters:
        if _opens_shell(parameter.name, parameter.value):
            found.add(parameter.name if parameter.value is None else f"{parameter.name}={parameter.value}")
    return sorted(found)


def _opens_shell(name: str, value: str | None) -> bool:
    if name in ("systemd.debug_shell", "rd.systemd.debug_shell"):
        return _systemd_bool(value) is not False
    if name in ("rd.break", "break", "systemd.run"):
        # dracut, initramfs-tools and Alpine stop in a shell; systemd runs whatever command it is given.
        return True
    if value is None:
        return name in _RESCUE_WORDS
    if name in ("init", "rdinit"):
        return _INIT.fullmatch(value) is None
    if name in ("systemd.unit", "systemd.wants", "rd.systemd.unit", "rd.systemd.wants"):
        return _RESCUE_UNIT.match(value) is not None
    return name == "systemd.setenv" and value.startswith("SYSTEMD_SULOGIN_FORCE=")


def _confirm_spawn(parameters: Parameters) -> Json:
    """systemd asks on the console before it starts each unit, unless the value is a false word."""
    return _last(
        parameters, lambda value: _systemd_bool(value) is not False, "systemd.confirm_spawn", "rd.systemd.confirm_spawn"
    )


def _heap_init_overridden(parameters: Parameters) -> Json:
    """Whether page poisoning is asked for: kernels that have it then switch init_on_alloc and init_on_free off."""
    return _last(parameters, kernel_bool, "page_poison") is True


_LAWS: dict[str, Callable[[Parameters], Json]] = {
    "audit": _audit,
    "audit_backlog_limit": lambda parameters: _last(parameters, _number, "audit_backlog_limit"),
    "confirm_spawn": _confirm_spawn,
    "enforcing": _flag_number("enforcing"),
    "evm": _text("evm"),
    "fips": _flag_number("fips"),
    "heap_init_overridden": _heap_init_overridden,
    "ima_appraise": _word("ima_appraise", "off", "log", "fix", "enforce"),
    "ima_policy": _ima_policy,
    "init_on_alloc": _boolean("init_on_alloc"),
    "init_on_free": _boolean("init_on_free"),
    "ipv6_disable": _flag_number("ipv6.disable"),
    "lockdown": _lockdown,
    "lsm": _lsm,
    "mitigation_opt_outs": _opt_outs,
    "mitigations": _mitigations,
    "module_sig_enforce": _sig_enforce,
    "noexec": lambda parameters: _last(parameters, lambda value: value, "noexec", "noexec32"),
    "page_alloc_shuffle": _shuffle,
    "page_poison": _boolean("page_poison"),
    "pti": _pti,
    "randomize_kstack_offset": _boolean("randomize_kstack_offset"),
    "security": _text("security"),
    "selinux": _flag_number("selinux"),
    "shells": _shells,
    "slab_nomerge": _slab_nomerge,
    "slub_debug": _text("slub_debug", "slab_debug"),
    "vsyscall": _word("vsyscall", "emulate", "xonly", "none"),
}

EFFECTIVE_KEYS = tuple(_LAWS)
"""Every key that `effective` gives, sorted."""
