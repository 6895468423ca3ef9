"""dnf and yum: packages come from the folder of packages that the lab made."""

import glob
import os
import subprocess
import sys

RPMS = "/run/lab/rpms"


def main(words: list[str]) -> int:
    """Install and remove by rpm itself, so that the database and the files are real."""
    names = [word for word in words if not word.startswith("-")]
    if not names:
        return 0
    verb, names = names[0], names[1:]
    if verb in ("install", "reinstall"):
        return max([_install(name, verb) for name in names] or [0])
    if verb in ("remove", "erase", "autoremove"):
        installed = [name for name in names if _rpm("-q", "--quiet", name) == 0]
        return _rpm("-e", "--nodeps", *installed) if installed else 0
    return 0


def _install(name: str, verb: str) -> int:
    if name.startswith("/"):
        name = next(iter(_owners(name)), name)
    packages = glob.glob(f"{RPMS}/{glob.escape(name)}.rpm")
    if not packages:
        print(f"Error: Unable to find a match: {name}", file=sys.stderr)
        return 1
    if verb == "install" and _rpm("-q", "--quiet", name) == 0:
        return 0
    code = _rpm("-U", "--nodeps", "--replacepkgs", "--replacefiles", *packages)
    for unit in os.environ.get("LAB_PRESETS", "").split():
        subprocess.run(["systemctl", "enable", unit], check=False)
    return code


def _owners(path: str) -> list[str]:
    with open(f"{RPMS}/files") as lines:
        return [line.split()[0] for line in lines if line.split()[1] == path]


def _rpm(*words: str) -> int:
    return subprocess.run(["rpm", *words], check=False).returncode


sys.exit(main(sys.argv[1:]))
