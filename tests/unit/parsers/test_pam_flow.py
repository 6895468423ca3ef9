"""Ways through a stack: guards before and after a module, jumps, substacks, endings."""

from __future__ import annotations

from scanner.parsers.pam import CONTROLS, control_of
from scanner.parsers.pam_flow import Step, always_after, always_before, always_confirmed, denies


def step(control: str, module: str, *arguments: str, level: int = 0) -> Step:
    actions = {} if control == "substack" else control_of(control)[1]
    return Step(module, arguments, actions, level, head=control == "substack")


def unix(one: Step) -> bool:
    return one.module == "unix"


def guard(one: Step) -> bool:
    return one.module == "guard"


def before(*steps: Step) -> bool:
    return always_before(steps, guard, unix)


def test_a_refusal_that_counts() -> None:
    assert denies(step("required", "guard"))
    assert denies(step("requisite", "guard"))
    assert not denies(step("optional", "guard"))
    assert not denies(step("sufficient", "guard"))
    assert not denies(step("[success=ok default=bad auth_err=ignore]", "guard"))
    assert set(CONTROLS) == {"required", "requisite", "sufficient", "optional"}


def test_plain_order() -> None:
    assert before(step("required", "guard"), step("sufficient", "unix"))
    assert not before(step("sufficient", "unix"), step("required", "guard"))
    assert not before(step("optional", "guard"), step("sufficient", "unix"))
    assert not before(step("required", "guard"))
    assert always_before((step("optional", "guard"), step("required", "unix")), guard, unix, denying=False)


def test_a_jump_over_the_guard() -> None:
    assert not before(step("[success=1 default=ignore]", "a"), step("required", "guard"), step("required", "unix"))
    assert before(
        step("[success=1 default=ignore]", "a"),
        step("required", "b"),
        step("required", "guard"),
        step("required", "unix"),
    )


def test_an_early_end_never_reaches_the_target() -> None:
    assert before(step("sufficient", "rootok"), step("required", "guard"), step("required", "unix"))


def test_reset_forgets_the_refusal() -> None:
    assert not before(step("required", "guard"), step("[default=reset]", "a"), step("required", "unix"))


def test_a_substack_ends_only_itself() -> None:
    steps = (
        step("substack", "other"),
        step("sufficient", "a", level=1),
        step("required", "guard", level=1),
        step("required", "unix"),
    )
    # `sufficient` ends the substack before the guard, and the stack goes on with unix.
    assert not always_before(steps, guard, unix)
    inside = (step("substack", "other"), step("required", "guard", level=1), step("required", "unix"))
    assert always_before(inside, guard, unix)


def test_a_jump_counts_a_substack_as_one() -> None:
    steps = (
        step("[success=1 default=bad]", "a"),
        step("substack", "other"),
        step("required", "b", level=1),
        step("required", "c", level=1),
        step("required", "guard"),
        step("required", "unix"),
    )
    assert always_before(steps, guard, unix)
    over = (*steps[:3], step("required", "guard", level=1), step("required", "unix"))
    assert not always_before(over, guard, unix)


def test_a_jump_does_not_leave_its_substack() -> None:
    steps = (
        step("substack", "other"),
        step("[success=5 default=bad]", "a", level=1),
        step("required", "b", level=1),
        step("required", "guard"),
        step("required", "unix"),
    )
    assert always_before(steps, guard, unix)


def test_after_a_refusal() -> None:
    def after(*steps: Step) -> bool:
        return always_after(steps, unix, guard)

    assert after(step("sufficient", "unix"), step("required", "guard"), step("required", "deny"))
    assert after(step("[success=1 default=ignore]", "unix"), step("[default=die]", "guard"), step("required", "permit"))
    assert not after(step("requisite", "unix"), step("required", "guard"))
    assert not after(step("required", "guard"), step("sufficient", "unix"))
    assert not after(step("[default=1 success=ok]", "unix"), step("required", "guard"), step("required", "deny"))
    # Another module may grant what unix refused; only a refusal must be counted.
    assert after(step("sufficient", "unix"), step("sufficient", "sss"), step("required", "guard"))
    assert not after(step("sufficient", "unix"), step("requisite", "sss"), step("required", "guard"))
    assert not after(step("required", "guard"))


def test_a_guard_after_the_module_that_grants() -> None:
    """Consent inside a substack ends that alone; `sufficient` at the top passes no guard; a weak guard is none."""
    inside = (step("substack", "system"), step("sufficient", "unix", level=1), step("required", "deny", level=1))
    assert always_confirmed((*inside, step("required", "guard")), unix, guard)
    assert not always_confirmed((*inside, step("optional", "guard")), unix, guard)
    assert not always_confirmed((step("sufficient", "unix"), step("required", "guard")), unix, guard)
    assert always_confirmed((step("required", "unix"), step("required", "guard")), unix, guard)
    assert not always_confirmed((step("required", "guard"),), unix, guard)
