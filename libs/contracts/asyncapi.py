"""The AsyncAPI 3.0 document of every topic, derived from the tables of topics and messages and from the schema files.

`python -m libs.contracts.asyncapi` writes `schemas/asyncapi.json`; a test fails when that file is not what this derives.
"""

import json
from typing import Any

from libs.contracts.avro import ROOT, schema_of
from libs.contracts.catalogue import COMMAND, EVENT, MESSAGES, STATE, Message
from libs.contracts.topics import TOPICS, Topic

PATH = ROOT / "schemas" / "asyncapi.json"
_AVRO = "application/vnd.apache.avro+json;version=1.9.0"
_HEADERS = {
    "ce_specversion": "Version of CloudEvents: 1.0.",
    "ce_type": "Full name of the record.",
    "ce_source": "Service that wrote it.",
    "ce_dataschema": "urn:avro:sha-256: and the fingerprint of the schema it was written with.",
    "content-type": "application/avro.",
    "ce_id": "Command id or event id.",
    "ce_time": "When it happened, by the sender's clock.",
    "ce_subject": "Key of the record.",
    "ce_partitionkey": "Key of the record.",
    "ce_correlationid": "Id of the first request in the chain that led here.",
    "traceparent": "W3C trace context.",
}
_EVENT_HEADERS = {
    "ce_sequence": "Version of the aggregate, in twenty decimal digits.",
    "ce_causationid": "Id of the command that it answers.",
    "ce_recordedtime": "When the log learned it.",
}
_PLAIN_HEADERS = ("ce_dataschema", "content-type")


def document() -> dict[str, Any]:
    """The whole document as JSON values."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Whimbrel",
            "version": "1.0.0",
            "description": "Commands, events and states of migrations, deliveries, subscriptions, capacities and waves on Kafka. "
            "Values are in the Confluent wire format; headers are copies for consumers and are never trusted.",
        },
        "defaultContentType": "application/avro",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": _operations(),
        "components": {
            "messages": {_key(message): _message(message) for message in MESSAGES if message.topic},
            "schemas": _headers(),
        },
    }


def text() -> str:
    """The document as the file holds it."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _key(message: Message) -> str:
    return f"{message.folder}.{message.name}"


def _messages_on(topic: Topic) -> list[Message]:
    return [message for message in MESSAGES if message.topic == topic.name]


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": f"{{prefix}}.{topic.name}",
        "description": f"{topic.purpose} Key: {topic.key}.",
        "parameters": {"prefix": {"description": "Names the environment, e.g. prod."}},
        "messages": {message.name: {"$ref": f"#/components/messages/{_key(message)}"} for message in _messages_on(topic)},
        "bindings": {"kafka": {"topicConfiguration": _configuration(topic), "bindingVersion": "0.5.0"}},
    }


def _configuration(topic: Topic) -> dict[str, Any]:
    settings = topic.config
    numbers = ("retention.ms", "retention.bytes", "delete.retention.ms", "max.message.bytes")
    return {"cleanup.policy": [settings["cleanup.policy"]]} | {name: int(settings[name]) for name in numbers if name in settings}


def _operations() -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for topic in TOPICS:
        for action, services in (("send", topic.writers), ("receive", topic.readers)):
            for service in services:
                operations[f"{service}.{action}.{topic.name}"] = {
                    "action": action,
                    "channel": {"$ref": f"#/channels/{topic.name}"},
                    "summary": f"{service} {'writes' if action == 'send' else 'reads'} {topic.name}",
                }
    return operations


def _message(message: Message) -> dict[str, Any]:
    schema = json.loads(schema_of(message.model).text)
    return {
        "name": f"{schema['namespace']}.{schema['name']}",
        "title": message.name,
        "summary": schema["doc"],
        "contentType": "application/avro",
        "headers": {"$ref": f"#/components/schemas/{message.role}Headers"},
        "payload": {"schemaFormat": _AVRO, "schema": {"$ref": message.schema_path.replace("schemas/", "./", 1)}},
        "bindings": {"kafka": {"key": {"type": "string"}, "schemaIdLocation": "payload", "bindingVersion": "0.5.0"}},
    }


def _headers() -> dict[str, Any]:
    sets = {EVENT: _HEADERS | _EVENT_HEADERS, COMMAND: _HEADERS, STATE: {name: _HEADERS[name] for name in _PLAIN_HEADERS}}
    return {
        f"{role}Headers": {
            "type": "object",
            "properties": {name: {"type": "string", "description": about} for name, about in headers.items()},
        }
        for role, headers in sets.items()
    }


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
