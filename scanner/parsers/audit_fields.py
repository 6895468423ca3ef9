"""Field conditions (`-F`, `-C`) of audit rules, brought to one spelling.

Sources: auditctl(8); audit-userspace lib/libaudit.c, audit_rule_fieldpair_data.
"""

from __future__ import annotations

import errno
import posixpath

__all__ = ["CertainError", "FieldError", "Fields", "key", "path", "perms"]

_OPERATORS = ("!=", ">=", "<=", "&=", "=", ">", "<", "&")
_UIDS = frozenset({"uid", "euid", "suid", "fsuid", "auid", "loginuid", "obj_uid"})
_GIDS = frozenset({"gid", "egid", "sgid", "fsgid", "obj_gid"})
_ARGUMENTS = frozenset({"a0", "a1", "a2", "a3"})
_NUMBERS = frozenset({"pid", "ppid", "devmajor", "devminor", "inode", "success", "pers", "saddr_fam", "field_compare"})
_TEXTS = frozenset(
    {
        *("subj_user", "subj_role", "subj_type", "subj_sen", "subj_clr"),
        *("obj_user", "obj_role", "obj_type", "obj_lev_low", "obj_lev_high"),
        *("exe", "filetype", "fstype", "msgtype", "sessionid"),
    }
)
_ARCHES = {
    **dict.fromkeys(("b64", "x86_64", "aarch64", "ppc64", "ppc64le", "s390x", "riscv64", "loongarch64"), "b64"),
    **dict.fromkeys(("b32", "i386", "i486", "i586", "i686", "arm", "ppc", "s390", "riscv32"), "b32"),
}
_UNSET = 4294967295
_MAX_KEY = 256
_MAX_PATH = 4096
_MAX_FIELDS = 63


class FieldError(ValueError):
    """auditctl does not take this."""


class CertainError(FieldError):
    """No version of auditctl gets this into the kernel, whose list of such things is closed."""


def path(value: str) -> str:
    """A watched path: absolute, without doubled or trailing slashes."""
    if not value.startswith("/"):
        raise FieldError(f"not an absolute path: {value[:80]}")
    if len(value) > _MAX_PATH:
        raise FieldError("path too long")
    if ".." in value.split("/"):
        raise FieldError("a path with ..")
    return posixpath.normpath("/" + value.lstrip("/"))


def perms(value: str) -> str:
    """Letters of `rwxa`, in that order."""
    letters = value.lower()
    if not letters or len(letters) > 4 or set(letters) - set("rwxa"):
        raise FieldError(f"permissions are letters of rwxa: {value[:20]!r}")
    return "".join(letter for letter in "rwxa" if letter in letters)


def key(value: str) -> str:
    """A key."""
    if not value or len(value) > _MAX_KEY:
        raise FieldError("a key has 1 to 256 characters")
    return value


class Fields:
    """The conditions of one rule, added in their order."""

    def __init__(self) -> None:
        self.arch: tuple[str, ...] | None = None
        self.kind: str | None = None
        self.path: str | None = None
        self.perms: str | None = None
        self.auid_from = 0
        self.auid_unset = True
        self.filters: set[str] = set()
        self.keys: list[str] = []
        self.has_subject = False
        self._count = 0

    def add(self, text: str, *, after_syscall: bool, on_list: str) -> None:
        """One `-F` condition."""
        name, operator, value = _split(text)
        self._count += 1
        if self._count > _MAX_FIELDS:
            raise FieldError("too many fields")
        if name == "arch":
            self._arch(operator, value, after_syscall=after_syscall)
        elif name in {"path", "dir"}:
            self._place(name, operator, value, on_list)
        elif name == "perm":
            _only(operator, "=", name)
            self.perms = perms(value)
            self.has_subject = True
        elif name == "key":
            _only(operator, "=", name)
            if not (after_syscall or self.has_subject):
                raise FieldError("a key needs a system call, a path or a program before it")
            self.keys.append(key(value))
        elif name in {"auid", "loginuid"}:
            self._auid(operator, value)
        else:
            if name in {"exe", "fstype"}:
                self.has_subject = True
            self.filters.add(f"{name}{operator}{_value(name, value, on_list)}")

    def compare(self, text: str) -> None:
        """One `-C` comparison of two identities; both orders mean the same."""
        name, operator, other = _split(text)
        known = _UIDS | _GIDS
        if name not in known or other not in known or (name in _UIDS) != (other in _UIDS) or name == other:
            raise CertainError(f"cannot compare {text[:80]}")
        if operator not in {"=", "!="}:
            raise FieldError("-C takes = or !=")
        first, second = sorted("auid" if word == "loginuid" else word for word in (name, other))
        self.filters.add(f"{first}{operator}{second}")

    def _arch(self, operator: str, value: str, *, after_syscall: bool) -> None:
        if after_syscall:
            raise FieldError("arch must stand before -S")
        if operator not in {"=", "!="}:
            raise FieldError("arch takes = or !=")
        width = _ARCHES.get(value)
        if width is None:
            raise FieldError(f"unknown arch {value[:20]}")
        if operator == "!=":
            width = "b32" if width == "b64" else "b64"
        self.arch = (width,)

    def _place(self, name: str, operator: str, value: str, on_list: str) -> None:
        _only(operator, "=", name)
        if on_list != "exit":
            raise FieldError(f"{name} belongs on the exit list")
        if self.kind is not None:
            raise FieldError("two paths in one rule")
        self.kind, self.path, self.has_subject = name, path(value), True

    def _auid(self, operator: str, value: str) -> None:
        """Lower bounds and `unset` have fields of their own; everything else narrows and stays a filter."""
        number = _identity(value)
        if operator == "!=" and number == _UNSET:
            self.auid_unset = False
        elif operator in {">=", ">"} and number is not None and number < _UNSET:
            self.auid_from = max(self.auid_from, number + (operator == ">"))
        else:
            self.filters.add(f"auid{operator}{_spelled(number, value)}")


def _split(text: str) -> tuple[str, str, str]:
    """Field, operator, value: two-character operators are looked for first, as libaudit does."""
    for operator in _OPERATORS:
        name, found, value = text.partition(operator)
        if found:
            if not name or not value:
                raise FieldError(f"incomplete condition {text[:80]!r}")
            return name, operator, value
    raise FieldError(f"a condition without an operator: {text[:80]!r}")


def _only(operator: str, wanted: str, name: str) -> None:
    if operator != wanted:
        raise FieldError(f"{name} takes {wanted} only")


def _value(name: str, value: str, on_list: str) -> str:
    if name in _UIDS or name in _GIDS:
        return _spelled(_identity(value), value)
    if name == "exit":
        if on_list != "exit":
            raise FieldError("exit belongs on the exit list")
        return _exit(value)
    if name in _ARGUMENTS:
        return hex(_integer(value))
    if name in _NUMBERS:
        return str(_integer(value))
    if name in _TEXTS:
        return value
    raise FieldError(f"unknown field {name[:40]}")


def _identity(value: str) -> int | None:
    """A user or group id; `unset`, -1 and 4294967295 are one. None for a name other than root."""
    if value == "unset":
        return _UNSET
    if value == "root":
        return 0
    return _integer(value) & _UNSET if _is_number(value) else None


def _spelled(number: int | None, value: str) -> str:
    return value if number is None else "unset" if number == _UNSET else str(number)


def _exit(value: str) -> str:
    """An exit code: `-13`, `-EACCES` -> `-EACCES`."""
    sign, word = ("-", value[1:]) if value.startswith("-") else ("", value)
    if _is_number(word):
        number = _integer(word)
        return sign + (errno.errorcode.get(number, str(number)) if sign else str(number))
    if not hasattr(errno, word):
        raise FieldError(f"unknown error name {word[:40]}")
    return sign + word


def _is_number(value: str) -> bool:
    try:
        _integer(value)
    except FieldError:
        return False
    return True


def _integer(value: str) -> int:
    """A number as strtol(3) with base 0 reads it: 0x is hexadecimal, a leading 0 octal."""
    sign, digits = (-1, value[1:]) if value.startswith("-") else (1, value)
    if not digits.isascii() or not digits.isalnum() or len(digits) > 20:
        raise FieldError(f"not a number: {value[:40]}")
    base = 16 if digits[:2] in {"0x", "0X"} else 8 if digits.startswith("0") else 10
    try:
        return sign * int(digits, base)
    except ValueError:
        raise FieldError(f"not a number: {value[:40]}") from None
