"""Every policy there is, by the type of event that it follows from. One row an event; nothing registers itself."""

from libs.domain.policy import Policies

POLICIES: Policies = {}
