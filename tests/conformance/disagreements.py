"""Reading DISAGREEMENTS.md: each section names the scenarios it is about, and who is right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).with_name("DISAGREEMENTS.md")
RIGHT = ("Assay", "the scenario", "a plain tree cannot tell")


@dataclass(frozen=True, slots=True)
class Section:
    """One cause: its heading, who is right (one of RIGHT), patterns over `rule/name`."""

    title: str
    right: str
    patterns: tuple[re.Pattern[str], ...]

    def covers(self, scenario: str) -> bool:
        """Whether the section is about this scenario."""
        return any(pattern.search(scenario) for pattern in self.patterns)


def sections(page: Path = PAGE) -> list[Section]:
    """The sections that have a `Right:` line. Raises ValueError for one without scenarios or with another word."""
    found = []
    for part in re.split(r"^### ", page.read_text(), flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        right = re.search(r"^Right: (.+)$", body, re.MULTILINE)
        scenarios = re.search(r"^Scenarios: (.+?)\n\n", body, re.MULTILINE | re.DOTALL)
        if right is None or right[1] not in RIGHT or scenarios is None:
            raise ValueError(
                f"{page.name}: {title}: `Right:` is one of {', '.join(RIGHT)}, `Scenarios:` names patterns"
            )
        patterns = tuple(re.compile(one) for one in re.findall(r"`([^`]+)`", scenarios[1]))
        found.append(Section(title.strip(), right[1], patterns))
    return found
