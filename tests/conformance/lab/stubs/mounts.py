"""mount, umount, mountpoint, findmnt and df over a record; nothing is ever mounted.

The record has the form of /proc/self/mounts: device, place, type, options.
"""

import os
import sys

RECORD = "/run/lab/state/mounts"


def table() -> list[list[str]]:
    """What is mounted."""
    try:
        with open(RECORD) as lines:
            return [line.split() for line in lines]
    except OSError:
        return []


def save(rows: list[list[str]]) -> None:
    """Write the record."""
    with open(RECORD, "w") as stream:
        stream.writelines(" ".join(row) + "\n" for row in rows)


def fstab(place: str) -> list[str] | None:
    """The line of /etc/fstab for a place or a device."""
    with open("/etc/fstab") as lines:
        for line in lines:
            words = line.split()
            if len(words) >= 4 and not words[0].startswith("#") and place in words[:2]:
                return words[:4]
    return None


def mount(words: list[str]) -> int:
    """`mount`, `mount PLACE`, `mount -o remount PLACE`, `mount --bind A B`."""
    options, places, take = "", [], ""
    for word in words:
        if take:
            options = word if take == "-o" else options
            places += [word] if take == "--target" else []
            take = ""
        elif word in ("-o", "-t", "--target"):
            take = word
        elif not word.startswith("-"):
            places.append(word.rstrip("/") or "/")
    rows = table()
    if not places:
        for row in rows:
            print(f"{row[0]} on {row[1]} type {row[2]} ({row[3]})")
        return 0
    place = places[-1]
    line = fstab(place)
    if "remount" in options.split(","):
        for row in rows:
            if row[1] == place:
                more = [one for one in options.split(",") if one != "remount"] or (line[3].split(",") if line else [])
                row[3] = ",".join(dict.fromkeys([*row[3].split(","), *more]))
        save(rows)
        return 0
    if len(places) == 1 and line is None:
        print(f"mount: {place}: can't find in /etc/fstab.", file=sys.stderr)
        return 1
    row = line or [places[0], place, "none", options or "rw"]
    if not os.path.isdir(row[1]):
        print(f"mount: {row[1]}: mount point does not exist.", file=sys.stderr)
        return 32
    save([*rows, row])
    return 0


def umount(words: list[str]) -> int:
    """Take the place out of the record."""
    places = {word.rstrip("/") for word in words if not word.startswith("-")}
    rows = table()
    kept = [row for row in rows if row[1] not in places and row[0] not in places]
    save(kept)
    return 0 if len(kept) != len(rows) else 32


def mountpoint(words: list[str]) -> int:
    """Whether the place is mounted."""
    place = words[-1].rstrip("/") or "/"
    return 0 if place == "/" or any(row[1] == place for row in table()) else 32


def findmnt(words: list[str]) -> int:
    """The nearest mount above the last word."""
    place = words[-1].rstrip("/") or "/"
    return 0 if any(row[1] == place for row in table()) else 1


VERBS = {"mount": mount, "umount": umount, "mountpoint": mountpoint, "findmnt": findmnt}
sys.exit(VERBS[os.environ["LAB_NAME"]](sys.argv[1:]))
