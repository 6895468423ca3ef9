"""systemctl on files alone: what the real one does in a tree that is not running (`--root`)."""

import os
import sys

FOLDERS = ("/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system")
ETC = FOLDERS[0]


def find(unit: str) -> str | None:
    """Where the unit's file is; a template serves its instances."""
    names = [unit]
    if "@" in unit:
        start, _, end = unit.partition("@")
        names.append(f"{start}@.{end.rpartition('.')[2]}")
    for name in names:
        for folder in FOLDERS:
            path = f"{folder}/{name}"
            if os.path.islink(path) and os.readlink(path) == "/dev/null":
                return path
            if os.path.exists(path):
                return path
    return None


def installs(path: str) -> list[tuple[str, str]]:
    """(key, value) of the [Install] section."""
    found, inside = [], False
    with open(path, errors="replace") as lines:
        for line in lines:
            line = line.strip()
            if line.startswith("["):
                inside = line == "[Install]"
            elif inside and "=" in line and not line.startswith(("#", ";")):
                key, _, value = line.partition("=")
                found += [(key.strip(), one) for one in value.split()]
    return found


def masked(path: str) -> bool:
    """Whether the unit's file is a link to nothing."""
    return os.path.islink(path) and os.readlink(path) == "/dev/null"


def link(target: str, path: str) -> None:
    """Make the link, replacing another."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        os.unlink(path)
    os.symlink(target, path)


def enable(unit: str) -> int:
    """Links as [Install] says."""
    path = find(unit)
    if path is None:
        print(f"Failed to enable unit: Unit file {unit} does not exist.", file=sys.stderr)
        return 1
    if masked(path):
        print(f"Failed to enable unit: Unit file {path} is masked.", file=sys.stderr)
        return 1
    for key, value in installs(path):
        if key in ("WantedBy", "RequiredBy", "UpheldBy"):
            kind = {"WantedBy": "wants", "RequiredBy": "requires", "UpheldBy": "upholds"}[key]
            link(path, f"{ETC}/{value}.{kind}/{unit}")
        elif key == "Alias":
            link(path, f"{ETC}/{value}")
        elif key == "Also" and value != unit and not os.path.lexists(f"{ETC}/.enabling-{unit}"):
            _also(value)
    return 0


def _also(unit: str) -> None:
    path = find(unit)
    if path is not None and not masked(path):
        for key, value in installs(path):
            if key == "WantedBy":
                link(path, f"{ETC}/{value}.wants/{unit}")


def disable(unit: str) -> int:
    """Remove every link to the unit below /etc."""
    path = find(unit)
    names = {unit}
    if path is not None and not masked(path):
        names |= {value for key, value in installs(path) if key == "Also"}
    for folder, folders, files in os.walk(ETC):
        for name in [*folders, *files]:
            place = os.path.join(folder, name)
            if not os.path.islink(place) or os.readlink(place) == "/dev/null":
                continue
            if name in names or os.path.basename(os.readlink(place)) in names:
                os.unlink(place)
    return 0 if path is not None else 1


def mask(unit: str) -> int:
    """A link to /dev/null, refused where the administrator wrote a unit of his own."""
    path = f"{ETC}/{unit}"
    if os.path.isfile(path) and not os.path.islink(path):
        print(f"Failed to mask unit: File '{path}' already exists.", file=sys.stderr)
        return 1
    link("/dev/null", path)
    return 0


def unmask(unit: str) -> int:
    """Remove the link to /dev/null."""
    path = f"{ETC}/{unit}"
    if os.path.lexists(path) and masked(path):
        os.unlink(path)
    return 0


def enabled(unit: str) -> bool:
    """Whether something wants the unit."""
    for folder in FOLDERS:
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            if name.endswith((".wants", ".requires")) and os.path.lexists(f"{folder}/{name}/{unit}"):
                return True
    return False


def is_enabled(unit: str) -> int:
    """As `systemctl is-enabled`."""
    path = find(unit)
    if path is None:
        return 1
    word = "masked" if masked(path) else "enabled" if enabled(unit) else "disabled" if installs(path) else "static"
    print(word)
    return 0 if word in ("enabled", "static") else 1


def main(words: list[str]) -> int:
    """One verb over its units."""
    options = [word for word in words if word.startswith("-")]
    words = [word for word in words if not word.startswith("-")]
    verb, units = (words[0], words[1:]) if words else ("list-units", [])
    units = [unit if "." in unit else f"{unit}.service" for unit in units]
    verbs = {"enable": enable, "disable": disable, "mask": mask, "unmask": unmask, "is-enabled": is_enabled}
    if verb == "list-unit-files":
        present = [unit for unit in units if find(unit) is not None]
        if "-q" not in options:
            print(*present, sep="\n")
        return 0 if present else 1
    if verb == "set-default":
        link(f"/usr/lib/systemd/system/{units[0].removesuffix('.service')}", f"{ETC}/default.target")
        return 0
    if verb == "get-default":
        print(os.path.basename(os.path.realpath(f"{ETC}/default.target")))
        return 0
    if verb in verbs:
        return max([verbs[verb](unit) for unit in units] or [0])
    if verb in ("start", "restart", "reload", "status", "try-restart"):
        return 0 if all((path := find(unit)) is not None and not masked(path) for unit in units) else 5
    if verb == "is-active":
        return 3
    return 0


sys.exit(main(sys.argv[1:]))
