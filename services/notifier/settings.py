"""Settings of the notifier, beside those of every service that tells."""

from pydantic import Field

from libs.telling.settings import TellingSettings


class NotifierSettings(TellingSettings):
    """How many webhooks are sent at once."""

    webhook_concurrency: int = Field(256, ge=1, le=10_000, description="Webhooks that are sent at once in all")
    webhook_per_host: int = Field(8, ge=1, le=1_000, description="Webhooks that are sent at once to one host on behalf of one tenant")
