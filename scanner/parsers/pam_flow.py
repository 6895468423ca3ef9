"""What a PAM stack does on every way through it: which modules must have run before another one is reached.

Model: Linux-PAM libpam/pam_dispatch.c. A stack is a list of steps; each return value of a module has an action: go on
(`ok`, `bad`, `ignore`, `reset`), end the (sub)stack (`done`, `die`), or skip a number of modules. A module may return
any value its control names or the default covers, so every action of the control is taken as possible: a way that
exists here but never in practice can only turn a true answer into a false one, never the reverse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from scanner.model.records import dataclass

__all__ = ["Step", "always_after", "always_before", "always_confirmed", "denies"]

_ENDING = frozenset({"done", "die"})
_PASSING = frozenset({"success", "new_authtok_reqd", "ignore"})


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of an expanded stack. `level` is the depth of substacks; `head` marks the entry of a substack line
    itself, which runs nothing but counts as the module that a jump skips together with what follows below it."""

    module: str
    arguments: tuple[str, ...]
    actions: Mapping[str, str]
    level: int
    head: bool = False


def denies(step: Step) -> bool:
    """Whether a refusal by this module makes the stack fail: each value that is no success counts as failure.

    `ignore` may be ignored: the module has then said that it has no opinion.
    """
    return all(action in ("bad", "die") for value, action in step.actions.items() if value not in _PASSING)


def always_before(
    steps: Sequence[Step], guard: Callable[[Step], bool], target: Callable[[Step], bool], *, denying: bool = True
) -> bool:
    """Whether `target` is in the stack, and every way to it passes a `guard`.

    `denying`: only a guard whose refusal makes the stack fail counts; a later `reset` would make libpam forget that
    refusal, so a stack with one is not trusted.
    """
    if not any(target(step) for step in steps if not step.head):
        return False
    if denying and any("reset" in step.actions.values() for step in steps):
        return False
    reached = _spread(steps, {0}, lambda step: guard(step) and (denies(step) or not denying))
    return not any(place < len(steps) and not steps[place].head and target(steps[place]) for place in reached)


def always_after(steps: Sequence[Step], target: Callable[[Step], bool], guard: Callable[[Step], bool]) -> bool:
    """Whether `target` is in the stack, and whenever it refuses, a `guard` runs unless another module grants.

    From the target, only the actions of its failing values are followed; one that ends the stack at once (`die`) passes
    no guard. A later `done` grants, or, after a refusal that counts, goes on to the next step.
    """
    places = [place for place, step in enumerate(steps) if not step.head and target(step)]
    if not places:
        return False
    starts: set[int] = set()
    for place in places:
        failing = {action for value, action in steps[place].actions.items() if value not in _PASSING}
        starts |= {_next(steps, place, "ok" if action == "done" else action) for action in failing}
    return len(steps) not in _spread(steps, starts, guard, done_ends=False)


def always_confirmed(steps: Sequence[Step], target: Callable[[Step], bool], guard: Callable[[Step], bool]) -> bool:
    """Whether `target` is in the stack, and whenever it grants, a `guard` whose refusal counts still runs.

    A grant inside a substack ends that alone; one at the top (`done`) ends everything, and passes no guard.
    """
    places = [place for place, step in enumerate(steps) if not step.head and target(step)]
    if not places or any("reset" in step.actions.values() for step in steps):
        return False
    granting = {
        _next(steps, place, action)
        for place in places
        for value, action in steps[place].actions.items()
        if value in _PASSING
    }
    return len(steps) not in _spread(steps, granting, lambda step: guard(step) and denies(step))


def _spread(
    steps: Sequence[Step], starts: set[int], stop: Callable[[Step], bool], *, done_ends: bool = True
) -> set[int]:
    """Places reached from `starts` without passing a step for which `stop` holds; `len(steps)` is the end."""
    seen = set(starts)
    todo = list(starts)
    while todo:
        place = todo.pop()
        if place >= len(steps):
            continue
        step = steps[place]
        if step.head:
            following = {place + 1}
        elif stop(step):
            continue
        else:
            actions = {"ok" if action == "done" and not done_ends else action for action in step.actions.values()}
            following = {_next(steps, place, action) for action in actions}
        for other in following - seen:
            seen.add(other)
            todo.append(other)
    return seen


def _next(steps: Sequence[Step], place: int, action: str) -> int:
    """Where libpam goes on after `action` at `place`."""
    level = steps[place].level
    if action in _ENDING:
        here = place + 1
        while here < len(steps) and steps[here].level >= level:
            here += 1
        return here
    here = place + 1
    for _ in range(int(action) if action.isdigit() else 0):
        if here >= len(steps) or steps[here].level < level:
            break
        here += 1
        while here < len(steps) and steps[here].level > level:
            here += 1
    return here
