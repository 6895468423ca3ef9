"""Settings and where each came from: command line over environment over file over default."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanner.model.errors import UsageError

__all__ = ["SETTINGS", "Setting", "load", "refuse_inside"]


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting's value and its source, in words people know."""

    name: str
    value: Any
    source: str


SETTINGS: Mapping[str, tuple[type, Any, str]] = {
    "profile": (list, [], "profiles that a scan judges by; empty: the target's identity chooses"),
    "content": (list, [], "extra content folders, same layout as the shipped content"),
    "waivers": (str, "", "waiver file"),
    "answers": (str, "", "file of people's answers to manual controls"),
    "texts": (str, "", "folder of official texts, which `assay controls import` writes and reports carry"),
    "min_coverage": (int, None, "percent of applicable rules that must get a verdict; empty: as the profile says"),
    "clock": (str, "", "fixed instant of the evaluation, RFC 3339 in UTC; empty: now (or SOURCE_DATE_EPOCH)"),
}
"""Name to (type, default, one sentence)."""


def _file() -> Path | None:
    own = os.environ.get("ASSAY_CONFIG")
    if own:
        if not Path(own).is_file():
            raise UsageError(f"ASSAY_CONFIG names {own}, which is no file")
        return Path(own)
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path(os.environ.get("HOME") or "/") / ".config")
    for path in (Path("assay.toml"), home / "assay" / "assay.toml"):
        if path.is_file():
            return path
    return None


def refuse_inside(target: Path) -> None:
    """Raise UsageError when the settings file in use lies inside the inspected tree: a target must not judge itself."""
    path = _file()
    if path is None or os.environ.get("ASSAY_CONFIG"):
        return
    inside = path.resolve()
    if target.resolve() != Path("/") and inside.is_relative_to(target.resolve()):
        raise UsageError(
            "these settings are part of the target",
            where=str(inside),
            hint="run Assay from another folder, or name a settings file of your own: ASSAY_CONFIG=…",
        )


def _from_file() -> tuple[Mapping[str, Any], str]:
    path = _file()
    if path is None:
        return {}, ""
    import tomllib

    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{error}", where=str(path), hint='settings are TOML: profile = ["linux-baseline"]') from None
    for name in data:
        if name not in SETTINGS:
            raise UsageError(f"there is no setting {name!r}", where=str(path), hint=f"known: {', '.join(SETTINGS)}")
    return data, str(path)


def _typed(name: str, raw: Any, source: str) -> Any:
    kind = SETTINGS[name][0]
    if kind is list:
        if not isinstance(raw, str | list | tuple):
            raise UsageError(f"{name} ({source}) wants a list, not {raw!r}")
        return [item for item in raw.split(",") if item] if isinstance(raw, str) else [str(item) for item in raw]
    if kind is int:
        try:
            number = int(str(raw))
        except ValueError:
            raise UsageError(f"{name} ({source}) wants a whole number, not {raw!r}") from None
        if not 0 <= number <= 100:
            raise UsageError(f"{name} ({source}) is a percentage, not {number}")
        return number
    if not isinstance(raw, str):
        raise UsageError(f"{name} ({source}) wants a text in quotes, not {raw!r}")
    return raw


def load(given: Mapping[str, Any] | None = None) -> dict[str, Setting]:
    """Every setting. `given` is the command line: None, an empty list or an empty text means not given."""
    from_file, path = _from_file()
    found = {}
    for name, (_, default, _about) in SETTINGS.items():
        variable = f"ASSAY_{name.upper()}"
        own = (given or {}).get(name)
        if own not in (None, "", [], ()):
            found[name] = Setting(name, _typed(name, own, "command line"), "command line")
        elif os.environ.get(variable):
            found[name] = Setting(name, _typed(name, os.environ[variable], variable), f"environment {variable}")
        elif name in from_file:
            found[name] = Setting(name, _typed(name, from_file[name], path), f"file {path}")
        else:
            found[name] = Setting(name, default, "default")
    return found
