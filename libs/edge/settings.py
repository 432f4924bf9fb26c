"""Settings of ingress, beside those that every service has."""

from pydantic import Field

from libs.contracts.topics import TOPICS
from libs.edge.auth import SecondFactors
from libs.edge.signing import SigningSettings

_RETENTION_MS = next(topic.retention_ms for topic in TOPICS if topic.name == "migration.commands")


class IngressSettings(SigningSettings):
    """Where ingress listens, whom it trusts, and how much it takes."""

    http_host: str = Field("127.0.0.1", description="Address that ingress listens on")
    http_port: int = Field(8080, ge=0, le=65_535, description="Port that ingress listens on; 0 lets the system choose one")
    issuer: str = Field("whimbrel-local", min_length=1, description="`iss` that tokens must carry")
    audience: str = Field("whimbrel", min_length=1, description="`aud` that tokens must carry")
    jwks: str = Field("", description="JWKS that tokens are checked with: a file or an https URL; the local issuer's when empty")
    default_tenant: str = Field("default", pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="Tenant of intake messages that name none")
    cursor_secret: str = Field(
        "",
        description="Secret that signs page cursors; every instance needs the same. Derived from the master key of webhook secrets when empty",
    )
    rate_per_second: float = Field(2_000, gt=0, description="Requests per second that one tenant may make of one route")
    rate_burst: int = Field(4_000, ge=1, description="Requests that one tenant may make of one route at once")
    lag_limit_s: float = Field(
        _RETENTION_MS / 2_000, gt=0, description="Age of the oldest undecided command beyond which no more are taken"
    )
    produce_timeout_s: float = Field(5.0, gt=0, le=60, description="How long a command may take to be confirmed by Kafka")
    mfa_environments: str = Field("prod", description="Environments, separated by commas, in which approvals need a second factor")
    mfa_methods: str = Field("mfa,otp,hwk,swk,sc", description="Values of the claim `amr` (RFC 8176), separated by commas, that prove one")
    mfa_contexts: str = Field("", description="Values of the claim `acr`, separated by commas, that prove one")
    drain_s: float = Field(10.0, ge=0, le=60, description="How long requests in flight get at shutdown")

    @property
    def mfa_everywhere(self) -> bool:
        """Whether every approval in this environment takes a second factor."""
        return self.environment in _listed(self.mfa_environments)

    @property
    def second_factors(self) -> SecondFactors:
        """What of a token proves a second factor."""
        return SecondFactors(_listed(self.mfa_methods), _listed(self.mfa_contexts))


def _listed(names: str) -> frozenset[str]:
    """Names separated by commas, without the blanks around them."""
    return frozenset(filter(None, map(str.strip, names.split(","))))
