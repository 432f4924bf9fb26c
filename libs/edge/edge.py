"""What handlers share: clients, limits and the state of the process."""

from typing import TYPE_CHECKING, Any

from libs.edge.auth import Authenticator
from libs.edge.issuer import jwks_path
from libs.edge.keys import KeyStore
from libs.edge.lag import LagGuard
from libs.edge.limits import RateLimiter, StreamLimiter
from libs.edge.problems import unavailable
from libs.edge.sending import Sender
from libs.edge.settings import IngressSettings
from libs.edge.signing import Secrets
from libs.edge.tail import Tail
from libs.runtime.codec import Codec
from libs.runtime.registry import Registry

if TYPE_CHECKING:
    from libs.edge.read_side import ReadSide


class Edge:
    """Everything that outlives a request."""

    def __init__(self, settings: IngressSettings, secrets: Secrets, read_side: "ReadSide") -> None:
        self.settings, self.secrets = settings, secrets
        self.registry = Registry(settings.registry)
        self.codec = Codec(self.registry, settings.prefix, "ingress")
        keys = KeyStore(settings.jwks or str(jwks_path(settings.data_dir)))
        self.authenticator = Authenticator(keys, settings.issuer, settings.audience, settings.second_factors)
        self.sender = Sender(settings.kafka, settings.produce_timeout_s)
        self.tail = Tail(settings.kafka, settings.prefix, self.codec)
        self.lag = LagGuard(settings.kafka, settings.prefix, settings.lag_limit_s)
        self.rates = RateLimiter(settings.rate_per_second, settings.rate_burst)
        self.streams = StreamLimiter()
        self.read_side = read_side
        self.started = False
        self.stopping = False

    def topic(self, name: str) -> str:
        """Full name of a topic of this environment."""
        return f"{self.settings.prefix}.{name}"

    @property
    def context(self) -> dict[str, Any]:
        """What the validation of bodies may depend on."""
        return {"environment": self.settings.environment}

    def require_started(self) -> None:
        """Raise HttpProblem 503 until schema ids and the end of the log are known: commands are taken only then."""
        if not self.started:
            raise unavailable("log_unavailable", 1)

    def not_ready(self) -> list[str]:
        """Names of what is missing before requests can be served; empty when ready."""
        checks = {
            "started": self.started,
            "not stopping": not self.stopping,
            "kafka": self.lag.kafka_answers,
            "events assigned": self.tail.assigned,
            "read model": self.read_side.answers,
        }
        return [name for name, holds in checks.items() if not holds]
