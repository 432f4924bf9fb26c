"""One pure table that sorts what the cloud and the network answer into code, category and retryable."""

from typing import Any, NamedTuple

from libs.providers.base import ProviderError


class Verdict(NamedTuple):
    """What a failure means to a migration."""

    code: str
    retryable: bool
    remedy: str = ""
    category: str = "migration_execution"


DENIED = Verdict(
    "access_denied", False, "grant the mover's role the permission that the message names (see the provider's page)", "prerequisite"
)
CREDENTIALS = Verdict("credentials_refused", False, "give the workers credentials that AWS accepts, by the SDK's own chain", "prerequisite")
EXPIRED = Verdict("credentials_expired", True, "renew the credentials of the workers", "prerequisite")
THROTTLED = Verdict("throttled", True)
FAULT = Verdict("cloud_fault", True)
REFUSED = Verdict("request_refused", False)
GONE = Verdict("source_server_missing", False, "look whether somebody deleted the source server in MGN")
BUSY = Verdict("resource_busy", True)
UNREACHABLE = Verdict("connection_failed", True, "check the workers' way to the region's endpoints, or AWS_ENDPOINT_URL")
UNKNOWN = Verdict("cloud_error", False)

VERDICTS: dict[str, Verdict] = {
    "UninitializedAccountException": Verdict(
        "mgn_not_initialised", False, "initialise Application Migration Service in this region", "prerequisite"
    ),
    "AccessDenied": DENIED,
    "AccessDeniedException": DENIED,
    "UnauthorizedOperation": DENIED,
    "AuthFailure": CREDENTIALS,
    "InvalidClientTokenId": CREDENTIALS,
    "UnrecognizedClientException": CREDENTIALS,
    "SignatureDoesNotMatch": CREDENTIALS,
    "MissingAuthenticationToken": CREDENTIALS,
    "ExpiredToken": EXPIRED,
    "ExpiredTokenException": EXPIRED,
    "RequestExpired": EXPIRED,
    "Throttling": THROTTLED,
    "ThrottlingException": THROTTLED,
    "TooManyRequestsException": THROTTLED,
    "RequestLimitExceeded": THROTTLED,
    "PriorRequestNotComplete": THROTTLED,
    "ServiceQuotaExceededException": Verdict("quota_exceeded", True, "raise the quota, or finish or disconnect other servers"),
    "ConflictException": Verdict("conflict", True),
    "ResourceNotFoundException": GONE,
    "ValidationException": REFUSED,
    "VolumeInUse": BUSY,
    "IncorrectState": BUSY,
    "IncorrectInstanceState": BUSY,
    "InvalidSubnetID.NotFound": Verdict("subnet_missing", False, "create it or name another", "prerequisite"),
    "InvalidGroup.NotFound": Verdict("security_group_missing", False, "create it or name another", "prerequisite"),
    "InvalidInstanceID.NotFound": Verdict("instance_missing", False, "name an instance of this region", "prerequisite"),
    "InvalidVolume.NotFound": Verdict("volume_missing", False),
    "InvalidSnapshot.NotFound": Verdict("snapshot_missing", False),
    "NoSuchHostedZone": Verdict("hosted_zone_missing", False, "create it or name another", "prerequisite"),
    "InvalidChangeBatch": Verdict("record_changed", False, "look who else changes the record, then retry or roll back", "cutover"),
    "InternalServerException": FAULT,
    "InternalFailure": FAULT,
    "InternalError": FAULT,
    "ServiceUnavailable": FAULT,
    "Unavailable": FAULT,
}
"""By the error code of the service."""

SDK: dict[str, Verdict] = {
    "NoCredentialsError": Verdict("no_credentials", False, "give the workers credentials by the SDK's own chain", "prerequisite"),
    "PartialCredentialsError": Verdict("no_credentials", False, "complete the credentials of the workers", "prerequisite"),
    "CredentialRetrievalError": EXPIRED,
    "TokenRetrievalError": EXPIRED,
    "ProfileNotFound": Verdict("no_credentials", False, "correct AWS_PROFILE of the workers", "prerequisite"),
    "ParamValidationError": REFUSED,
    "InvalidRegionError": Verdict("region_unknown", False, "correct the region of the target", "prerequisite"),
}
"""By the class of what the SDK raises before or without an answer; everything else is a broken connection."""


def verdict(response: dict[str, Any]) -> Verdict:
    """Sort the error answer of a service."""
    code = str(response.get("Error", {}).get("Code", ""))
    if code in VERDICTS:
        return VERDICTS[code]
    return FAULT if int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)) >= 500 else UNKNOWN


def refused(operation: str, response: dict[str, Any]) -> ProviderError:
    """The provider error for the error answer of a service."""
    sorted_as, error = verdict(response), response.get("Error", {})
    message = f"{operation}: {error.get('Code', 'error')}: {error.get('Message', 'no message')}"
    return as_error(sorted_as, message[:500])


def broken(operation: str, error: Exception) -> ProviderError:
    """The provider error for what the SDK raises without an answer."""
    name = type(error).__name__
    return as_error(SDK.get(name, UNREACHABLE), f"{operation}: {name}: {error}"[:500])


def as_error(sorted_as: Verdict, message: str) -> ProviderError:
    """The provider error of a verdict."""
    return ProviderError(sorted_as.code, message, category=sorted_as.category, retryable=sorted_as.retryable, remedy=sorted_as.remedy)
