"""Settings of every service that tells other systems something."""

from pydantic import Field

from libs.edge.signing import SigningSettings


class TellingSettings(SigningSettings):
    """How webhooks are sent, and which addresses they may reach."""

    webhook_timeout_s: float = Field(20.0, ge=15, le=30, description="Seconds that one attempt to send a webhook may take")
    webhook_allow: str = Field(
        "",
        description="Networks, separated by commas, that webhooks may reach although they are not public, e.g. 10.1.0.0/16. "
        "Loopback is allowed in the environment dev when this is empty; write none to forbid it there too",
    )
    external_topics: str = Field(
        "*.external-work", min_length=1, description="Patterns, separated by commas, of topics that work may be told on"
    )


class NotifierSettings(TellingSettings):
    """How many webhooks the notifier sends at once."""

    webhook_concurrency: int = Field(256, ge=1, le=10_000, description="Webhooks that are sent at once in all")
    webhook_per_host: int = Field(8, ge=1, le=1_000, description="Webhooks that are sent at once to one host on behalf of one tenant")
