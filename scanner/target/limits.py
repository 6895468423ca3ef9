"""Every budget of a scan, in one place. Reaching one makes the facts behind it `error: limit`, never ends the scan."""

from __future__ import annotations

MAX_LINKS = 40
"""Symbolic links followed in one look-up (as the kernel)."""

MAX_DEPTH = 128
"""Directory depth of one path."""

MAX_FILE = 32 * 1024 * 1024
"""Bytes read of one file, unless the reader asks for less."""

MAX_TEXT = 8 * 1024 * 1024
"""Bytes of one text file that is parsed line by line."""

MAX_TEXTS = 64 * 1024 * 1024
"""Bytes of all text files that one collector parses."""

MAX_SCRIPTS = 2 * 1024 * 1024
"""The same for a collector that reads shell scripts word by word (some 2 s)."""

MAX_TOTAL = 2 * 1024 * 1024 * 1024
"""Bytes read of one target."""

MAX_NAMES = 200_000
"""Entries of one directory."""

MAX_WALK = 2_000_000
"""Entries of one walk over the whole tree."""

MAX_MEMBERS = 300_000
"""Members of all archives of one target: each costs a header of 512 bytes, which compression makes a byte or two."""

MIN_ENTRIES = 200_000
"""Entries that a walk of an image goes through, however small the image is (some 10 s of all that is done for each)."""

BYTES_PER_ENTRY = 2_048
"""Bytes that an image takes on disk for each entry beyond those: directories are cheap to multiply in a crafted one,
where millions of names lead to one inode or one compressed block. Real systems have 5,000 to 50,000 bytes an entry."""

PATH_PER_ENTRY = 256
"""Bytes of path for each entry a walk may go through, over all of them. Real systems have some 60."""

MAX_PATH = 4_096
"""Bytes of one path (PATH_MAX of the kernel)."""

MAX_REMEMBERED = 100_000
"""Directories and links whose entries are kept for the next look-up."""

MAX_UNPACKED = 256 * 1024 * 1024
"""Bytes that one compressed file may grow to."""

MAX_DEVICES = 256
"""Block devices looked at."""

MAX_DEVICE_READ = 32 * 1024 * 1024
"""Bytes of one read from a block device."""

COMMAND_SECONDS = 10
"""Deadline of one read-only command on a live target."""

COMMAND_OUTPUT = 16 * 1024 * 1024
"""Bytes kept of one command's output."""

MAX_IMAGE = 64 * 1024 * 1024 * 1024
"""Bytes that a compressed image may unpack to (holes count, but take no space)."""

FREE_UNPACKED = 1024 * 1024 * 1024
"""Bytes that any compressed image may unpack to."""

MAX_RATIO = 200
"""Unpacked bytes for each packed byte beyond that. A disk of 16 GB with a small system takes 80 MB or more; what a bomb
of 16 MB makes is unpacked within 10 s."""

MAX_RECORDS = 50_000
"""Records of one table fact."""

MAX_GAPS = 1_000
"""Gaps of one fact that are told one by one."""


def entries_in(stored: int) -> int:
    """Entries that a walk of an image goes through which takes `stored` bytes on disk."""
    return min(MAX_WALK, MIN_ENTRIES + stored // BYTES_PER_ENTRY)


BUDGETS: dict[str, int] = {
    name.lower(): value for name, value in list(globals().items()) if name.isupper() and isinstance(value, int)
}
"""Name to value of every budget above, as the snapshot states them."""
