"""The two calls to a schema registry, and what their failures mean. Imported when first needed: it takes as long as all else in a service."""

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from libs.runtime.errors import RegistryUnavailable


class RegistryClient:
    """Talks to the registry at `url`; every call waits five seconds at most and raises RegistryUnavailable when nothing usable comes."""

    def __init__(self, url: str) -> None:
        self._client = SchemaRegistryClient({"url": url, "timeout": 5, "max.retries": 0})

    def register(self, subject: str, text: str) -> int:
        """Id of the schema under a subject. Raises SchemaRegistryError when it is refused as incompatible: a defect of the release."""
        with _available():
            return self._client.register_schema(subject, Schema(text, "AVRO"))

    def text_of(self, id_: int) -> str | None:
        """The schema with that id; None when there is none."""
        try:
            with _available():
                return self._client.get_schema(id_).schema_str or ""
        except SchemaRegistryError:
            return None


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # transport errors are those of whatever HTTP library the client uses
        if isinstance(error, SchemaRegistryError) and error.http_status_code in (404, 409, 422):
            raise
        raise RegistryUnavailable(f"schema registry: {error}") from error
