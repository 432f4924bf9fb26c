"""Schema ids: registered for what we write, looked up for what others wrote. Our own records are read without it.

Subjects are `<topic>-<record name>` (TopicRecordNameStrategy), set statically.
"""

import time
from functools import cached_property
from typing import TYPE_CHECKING

from libs.contracts.avro import Foreign, Schema, foreign
from libs.runtime.errors import Poison

if TYPE_CHECKING:
    from libs.runtime.registry_client import RegistryClient

_FORGET_UNKNOWN_AFTER_S = 60.0
_UNKNOWN_KEPT = 65_536


class Registry:
    """Ids and writer schemas, each asked for once in the life of the process."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ids: dict[tuple[str, str], int] = {}
        self._writers: dict[int, Foreign] = {}
        self._unknown: dict[int, float] = {}

    @cached_property
    def _client(self) -> "RegistryClient":
        from libs.runtime.registry_client import RegistryClient

        return RegistryClient(self._url)

    def id_for(self, topic: str, schema: Schema) -> int:
        """Id under which records of this schema are written to this topic; registers it if it is new.

        Raises RegistryUnavailable when the registry does not answer, and SchemaRegistryError when it refuses the schema
        as incompatible: a defect of the release.
        """
        known = self._ids.get((topic, schema.full_name))
        if known is None:
            known = self._ids[topic, schema.full_name] = self._client.register(f"{topic}-{schema.full_name}", schema.text)
        return known

    def writer(self, id_: int) -> Foreign:
        """The schema that a record not written by this release was written with.

        Raises Poison when the registry does not know the id (remembered for a minute) and RegistryUnavailable.
        """
        if id_ in self._writers:
            return self._writers[id_]
        if self._unknown.get(id_, 0.0) > time.monotonic():
            raise Poison("unknown_schema", f"schema id {id_} is not registered")
        text = self._client.text_of(id_)
        if text is None:
            if len(self._unknown) >= _UNKNOWN_KEPT:
                self._unknown.clear()
            self._unknown[id_] = time.monotonic() + _FORGET_UNKNOWN_AFTER_S
            raise Poison("unknown_schema", f"schema id {id_} is not registered")
        try:
            self._writers[id_] = foreign(text)
        except ValueError as error:
            raise Poison("unknown_schema", f"schema id {id_} is {error}") from error
        return self._writers[id_]
