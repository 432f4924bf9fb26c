"""The projector reads the events of every aggregate that has a read model, and of no other: those it could not fold."""

from libs.contracts.topics import AGGREGATES
from libs.readmodel.facts import KINDS
from libs.readmodel.projecting import VIEWS
from libs.readmodel.wiring import topics_of


def test_the_projector_reads_what_it_can_fold_and_nothing_else_D4() -> None:
    read = {name.split(".")[1] for name in topics_of("prod") if name.endswith(".events")}

    assert read == set(AGGREGATES)
    assert set(VIEWS) == {KINDS[name] for name in AGGREGATES}
