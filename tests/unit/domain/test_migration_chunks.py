"""A chunked step keeps a window in flight and derives the rest from a cursor."""

from libs.contracts.avro import encode_value, schema_of
from libs.contracts.migration import commands as c
from libs.contracts.migration import events as e
from libs.contracts.migration.state import MigrationState
from libs.contracts.work import APPLY
from libs.testing.given_when_then import NOW, SECOND
from libs.testing.migrations import act, after_steps, dispatched, failed, planned, requested, started, succeeded, work, work_id

NEXT = NOW + 2 * SECOND


def chunk_done(chunk: int) -> e.ChunkSucceeded:
    return e.ChunkSucceeded(work_id=work_id(0, chunk=chunk), step=0, name="copy", chunk=str(chunk), evidence={"rows": 41})


def test_as_many_chunks_begin_as_the_window_holds_P5_I9() -> None:
    copy = act("copy", chunks=5, window=3)

    requested().when(planned(copy)).then(
        e.MigrationPlanned(plan=planned(copy).plan),
        *(dispatched(work(0, APPLY, now=NOW + SECOND, fence=2 + n, chunk=n), "copy") for n in range(3)),
    )


def test_fewer_chunks_than_the_window_begin_at_once_P5() -> None:
    requested().when(planned(act("copy", chunks=2, window=3))).then_types(e.MigrationPlanned, e.WorkDispatched, e.WorkDispatched)


def test_a_chunk_that_is_done_lets_the_next_one_begin_P5() -> None:
    started(act("copy", chunks=3, window=2)).when(succeeded(0, chunk=1)).then(
        chunk_done(1), dispatched(work(0, APPLY, now=NEXT, fence=4, chunk=2), "copy")
    )


def test_the_step_is_done_when_its_last_chunk_is_P5() -> None:
    history = after_steps(started(act("copy", chunks=3, window=2)), 2)

    history.when(succeeded(0, chunk=2)).then(
        chunk_done(2),
        e.StepSucceeded(work_id="", step=0, name="copy", evidence={"chunks": 3}),
        e.MigrationCompleted(steps=1),
    )


def test_the_last_chunks_begin_nothing_further_P5() -> None:
    history = started(act("copy", chunks=2, window=2))

    history.when(succeeded(0, chunk=0)).then(chunk_done(0))


def test_two_chunked_steps_count_their_chunks_apart_P5() -> None:
    history = after_steps(started(act("copy", chunks=2, window=2), act("index", chunks=2, window=1)), 2)

    history = history.when(succeeded(1, chunk=0)).then_types(e.ChunkSucceeded, e.WorkDispatched)
    history.when(succeeded(1, chunk=1)).then_types(e.ChunkSucceeded, e.StepSucceeded, e.MigrationCompleted)


def test_a_chunk_that_fails_for_good_stops_the_others_before_anything_is_undone_D5() -> None:
    history = started(act("copy", chunks=4, window=2)).when(failed(0, chunk=0)).then_types(e.StepFailed, e.StopRequested)

    history.when(succeeded(0, chunk=1)).then_types(e.WorkSettled, e.RollbackStarted, e.WorkDispatched)


def test_held_chunks_are_tried_again_and_the_window_fills_up_again_O10() -> None:
    history = started(act("copy", chunks=4, window=2), on_failure="hold")
    history = history.when(failed(0, chunk=0)).then_types(e.StepFailed)
    history = history.when(succeeded(0, chunk=1)).then(chunk_done(1))

    history = history.when(c.RetryMigration()).then_types(e.RetryRequested, e.WorkDispatched)
    history.when(succeeded(0, chunk=0, attempt=2)).then_types(e.ChunkSucceeded, e.WorkDispatched, e.WorkDispatched)


def test_two_chunks_that_failed_are_both_tried_again_O10() -> None:
    history = started(act("copy", chunks=4, window=2), on_failure="hold")
    history = history.when(failed(0, chunk=0)).then_types(e.StepFailed)
    history = history.when(failed(0, chunk=1)).then_types(e.StepFailed)

    answer = history.when(c.RetryMigration())
    assert [event.work.fence for event in answer.events[1:]] == [4, 5]
    answer.then_types(e.RetryRequested, e.WorkDispatched, e.WorkDispatched)


def test_ten_million_chunks_have_a_state_of_a_few_kilobytes_D6_I11() -> None:
    history = started(act("copy", chunks=10_000_000, window=8))
    for _ in range(100):
        history = after_steps(history, 1)

    assert len(schema_of(MigrationState).encode(history.state)) < 4_096
    assert len(encode_value(planned(act("copy", chunks=10_000_000)).plan)) < 1_024
