"""A subscription is created, changed, disabled, enabled, given new secrets, and deleted."""

import pytest
from msgspec.structs import replace

from libs.contracts import subscription as s
from libs.domain.subscription import DECIDER
from libs.testing.given_when_then import HOUR, NOW, SECOND, History, given

INTEREST = s.Interest(url="https://example.org/hook", event_types=("migration.*",))
OTHER = s.Interest(url="https://example.org/other", event_types=("migration.completed", "migration.rolled_back"))
CREATE = s.CreateSubscription(interest=INTEREST)
DISABLE, ENABLE, DELETE = s.DisableSubscription(reason="noise"), s.EnableSubscription(reason="fixed"), s.DeleteSubscription(reason="gone")
WISHES = [s.ChangeSubscription(interest=OTHER), DISABLE, ENABLE, s.RotateSecret(), DELETE]


def created() -> History:
    return given(DECIDER).when(CREATE, now=NOW).then(s.SubscriptionCreated(interest=INTEREST, since=NOW))


def disabled() -> History:
    return created().when(DISABLE).then(s.SubscriptionDisabled(reason="noise"))


def test_it_is_changed_T6() -> None:
    created().when(s.ChangeSubscription(interest=OTHER)).then(s.SubscriptionChanged(interest=OTHER))


def test_it_is_disabled_changed_and_enabled_again_and_tells_nothing_of_the_time_between_T6() -> None:
    history = disabled().when(s.ChangeSubscription(interest=OTHER)).then(s.SubscriptionChanged(interest=OTHER))

    history.when(ENABLE, now=NOW + HOUR).then(s.SubscriptionEnabled(reason="fixed", since=NOW + HOUR))


def test_both_secrets_sign_for_a_day_after_a_rotation_SEC4() -> None:
    first = s.SecretRotated(generation=2, overlap_until=NOW + 5 * SECOND + 24 * HOUR)
    history = created().when(s.RotateSecret(), now=NOW + 5 * SECOND).then(first)

    history.when(s.RotateSecret(), now=NOW + HOUR).then(s.SecretRotated(generation=3, overlap_until=NOW + 25 * HOUR))


def test_it_is_deleted_for_good_T6() -> None:
    for history in (created(), disabled()):
        deleted = history.when(DELETE).then(s.SubscriptionDeleted(reason="gone"))
        for wish in WISHES:
            deleted.when(wish).then_refused("ended")
        deleted.when(CREATE).then_refused("already_exists")


def test_a_second_creation_is_refused_T6() -> None:
    created().when(CREATE).then_refused("already_exists")


def test_what_it_already_is_it_cannot_become_T6() -> None:
    created().when(ENABLE).then_refused("not_possible_now")
    disabled().when(DISABLE).then_refused("not_possible_now")


@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: type(wish).__name__)
def test_an_unknown_subscription_refuses_everything_D1(wish: object) -> None:
    given(DECIDER).when(wish).then_refused("not_found")


@pytest.mark.parametrize(
    "interest",
    [
        replace(INTEREST, url="example.org"),
        replace(INTEREST, url=""),
        replace(INTEREST, event_types=()),
        replace(INTEREST, event_types=("",)),
        replace(INTEREST, channel="pigeon"),
    ],
)
def test_an_interest_that_cannot_be_served_is_refused_whoever_sends_it_T6(interest: s.Interest) -> None:
    given(DECIDER).when(s.CreateSubscription(interest=interest)).then_refused("invalid_interest")
    created().when(s.ChangeSubscription(interest=interest)).then_refused("invalid_interest")
