"""A validator that takes over waits for transactions that are still open, and says where it waited for one in vain (R5, D10)."""

import threading

import pytest
from confluent_kafka import Producer

from libs.contracts.topics import state_of
from libs.domain.catalogue import DECIDERS
from libs.runtime import kafka
from libs.runtime.codec import Codec
from libs.runtime.errors import BrokenHistory
from libs.runtime.registry import Registry
from libs.testing.servers import SharedServers
from services.validator import restoring
from services.validator.policing import Policing
from services.validator.restoring import Restorer
from services.validator.store import Store


@pytest.fixture
def restorer(stack: SharedServers, prefix: str, partitions: int) -> Restorer:
    codec = Codec(Registry(stack.registry), prefix, "validator")
    return Restorer(stack.kafka, prefix, codec, Policing(codec, {}, prefix, partitions))


@pytest.fixture
def opened(stack: SharedServers, prefix: str) -> Producer:
    """A transaction that has written to a state topic and does not end."""
    other = kafka.transactional(stack.kafka, f"{prefix}-other", **{"transaction.timeout.ms": 60_000})
    other.init_transactions(30)
    other.begin_transaction()
    other.produce(state_of(prefix, "migration"), b"not yet", b"acme/m-1", partition=0)
    other.flush(30)
    return other


def test_it_says_where_reading_stands_D10(restorer: Restorer, opened: Producer, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "LIMIT_S", 1.0)

    with pytest.raises(BrokenHistory, match="is a transaction left open") as raised:
        restorer.restore([(Store(DECIDERS["migration"]), 0)])

    assert str(raised.value).endswith(f"{prefix}.migration.state/0 ends at 1 and is stable to 0")


def test_it_goes_on_once_the_transaction_has_ended_R5(restorer: Restorer, opened: Producer) -> None:
    store = Store(DECIDERS["migration"])
    ending = threading.Timer(0.5, opened.abort_transaction, (30,))

    ending.start()
    restorer.restore([(store, 0)])

    ending.join()
    assert (0, b"acme/m-1") not in store
