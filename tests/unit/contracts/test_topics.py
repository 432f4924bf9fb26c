"""The table of topics keeps the rules of DESIGN section 4."""

from libs.contracts.topics import AGGREGATES, DAY_MS, TOPICS, commands_of, events_of, state_of

BY_NAME = {topic.name: topic for topic in TOPICS}


def test_an_aggregate_has_three_topics_and_the_validator_alone_writes_two_of_them_D1() -> None:
    for name in AGGREGATES:
        commands, events, state = (BY_NAME[f"{name}.{kind}"] for kind in ("commands", "events", "state"))
        assert commands.readers == ("validator",)
        assert events.writers == state.writers == ("validator",)


def test_events_are_kept_for_ever_commands_a_month_and_of_state_the_latest_D4() -> None:
    for name in AGGREGATES:
        assert BY_NAME[f"{name}.events"].config["retention.ms"] == "-1"
        assert int(BY_NAME[f"{name}.commands"].config["retention.ms"]) >= 30 * DAY_MS
        assert BY_NAME[f"{name}.state"].config["cleanup.policy"] == "compact"
        assert all(BY_NAME[f"{name}.{kind}"].config["retention.bytes"] == "-1" for kind in ("commands", "events"))


def test_a_dead_letter_holds_the_largest_message_of_any_topic_R11() -> None:
    largest = max(topic.max_message_bytes for topic in TOPICS if topic.name != "dead-letters")

    assert BY_NAME["dead-letters"].max_message_bytes >= largest + 64 * 1024


def test_names_carry_the_prefix_and_are_unique_D9() -> None:
    assert len(BY_NAME) == len(TOPICS)
    assert (commands_of("prod", "migration"), events_of("prod", "migration"), state_of("prod", "migration")) == (
        "prod.migration.commands",
        "prod.migration.events",
        "prod.migration.state",
    )
