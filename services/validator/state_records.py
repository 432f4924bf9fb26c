"""A state as a Kafka record. Its headers let every reader skip what does not concern it without decoding."""

from typing import Any

from libs.runtime.codec import Codec, Headers, Record


def state_record(codec: Codec, topic: str, key: bytes, state: Any, traceparent: bytes) -> Record:
    """Headers: version, the workers that have something to do, and when the aggregate wants to be woken."""
    workers = ",".join(sorted({work.worker for work in getattr(state, "pending", ())}))
    headers: Headers = [
        ("version", b"%d" % state.stream.version),
        ("work", workers.encode()),
        ("wake", b"%d" % getattr(state, "wake_at", 0)),
        ("traceparent", traceparent),
    ]
    return codec.plain(topic, state, key, headers)
