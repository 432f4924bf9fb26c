"""The checker's view of the rehearsal world: what stands, what was doubled, what came in the wrong order."""

from libs.testing.chaos.effects import Effect, World


def effect(direction: str, step: int, fence: int, chunk: str = "-", *, changed: bool = True) -> Effect:
    return Effect(b"acme/m1", f"acme/m1/{step}/{chunk}/{direction}/1", fence, direction, f"step_{step}", chunk, changed)


def test_a_step_done_and_undone_stands_no_more() -> None:
    world = World([effect("apply", 0, 1), effect("apply", 1, 2), effect("undo", 1, 3), effect("undo", 0, 4)])

    assert not any(world.stands.values())
    assert world.doubled == []
    assert world.left_behind == []


def test_a_chunked_step_is_undone_as_a_whole() -> None:
    world = World([effect("apply", 0, 2, "1"), effect("apply", 0, 1, "0"), effect("undo", 0, 3)])

    assert not any(world.stands.values())
    assert world.doubled == []


def test_doing_twice_and_an_older_fence_are_doubled() -> None:
    assert World([effect("apply", 0, 1), effect("apply", 0, 2)]).doubled
    assert World([effect("apply", 0, 2), effect("apply", 1, 1)]).doubled
    assert World([effect("undo", 0, 2, changed=False), effect("apply", 0, 1)]).doubled


def test_undoing_the_first_before_the_last_is_out_of_order() -> None:
    assert World([effect("apply", 0, 1), effect("apply", 1, 2), effect("undo", 0, 3)]).left_behind == [("acme/m1/0/-/undo/1", {"step_1"})]
