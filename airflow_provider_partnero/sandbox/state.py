"""The state of one running sandbox. Only its event loop touches it, so it needs no locks."""

from __future__ import annotations

import hmac

from airflow_provider_partnero.sandbox.chaos import Chaos
from airflow_provider_partnero.sandbox.faults import Fault, FaultQueue
from airflow_provider_partnero.sandbox.late_changes import LateChanges
from airflow_provider_partnero.sandbox.postman import Postman
from airflow_provider_partnero.sandbox.profiles import Profile
from airflow_provider_partnero.sandbox.program import SandboxProgram
from airflow_provider_partnero.sandbox.rate_limit import RateLimit
from airflow_provider_partnero.sandbox.request_log import RequestLog
from airflow_provider_partnero.sandbox.webhook_store import WebhookStore


class SandboxState:
    """The webhooks, the faults to come, the logs and the delays.

    :param token: the API token to accept.
    :param profile: how the API behaves where Partnero's documentation leaves a choice.
    """

    def __init__(self, token: str, profile: Profile) -> None:
        self.token = token
        self.profile = profile
        self.store = WebhookStore()
        self.faults = FaultQueue()
        self.log = RequestLog()
        self.postman = Postman()
        self.late_changes = LateChanges()
        self.rate_limit: RateLimit | None = None
        self.chaos: Chaos | None = None
        self.program = SandboxProgram()
        self.latency = 0.0
        self.activation_delay = 0.0

    def reset(self, profile: Profile | None = None) -> None:
        """Delete all webhooks, clear faults, logs, limits and delays; change the profile, if one is given."""
        self.profile = profile or self.profile
        self.store.clear()
        self.clear_faults()
        self.log.clear()
        self.late_changes.reset()
        self.rate_limit = None
        self.program = SandboxProgram()
        self.postman.reset()
        self.latency = 0.0
        self.activation_delay = 0.0

    def clear_faults(self) -> None:
        """Remove the scripted faults and end those by chance."""
        self.faults.clear()
        self.chaos = None

    def next_fault(self, method: str, path: str, page: int) -> Fault | None:
        """The fault for a request: a scripted one, otherwise one by chance, otherwise None."""
        by_chance = self.chaos.draw() if self.chaos else None
        return self.faults.take(method, path, page) or by_chance

    def admits(self, authorization: str | None) -> bool:
        """Whether the value of an ``Authorization`` header is ``Bearer <token>`` (documented)."""
        expected = f"Bearer {self.token}".encode()
        return authorization is not None and hmac.compare_digest(authorization.encode(), expected)
