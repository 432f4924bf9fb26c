"""Lists of what takes and what proves a second factor are read as people write them: nothing opens by a blank (SEC11)."""

from typing import Any

import pytest

from libs.edge.settings import IngressSettings


def settings(**given: Any) -> IngressSettings:
    return IngressSettings(environment="staging", **given)


@pytest.mark.parametrize(("given", "wanted"), [("prod, staging", True), ("staging", True), ("prod", False), ("", False)])
def test_an_environment_is_named_with_or_without_blanks_SEC11(given: str, wanted: bool) -> None:
    assert settings(mfa_environments=given).mfa_everywhere is wanted


@pytest.mark.parametrize(
    ("claims", "proof"),
    [
        ({"amr": ["pwd", "otp"]}, "amr=otp"),
        ({"acr": "gold"}, "acr=gold"),
        ({"amr": ["pwd"]}, ""),
        ({"amr": [""]}, ""),
        ({"acr": ""}, ""),
    ],
)
def test_what_proves_it_is_one_of_the_names_and_never_an_empty_one_SEC11(claims: dict[str, Any], proof: str) -> None:
    assert settings(mfa_methods="mfa, otp,", mfa_contexts=" gold").second_factors.proof(claims) == proof
    assert settings(mfa_methods="", mfa_contexts="").second_factors.proof(claims) == ""
