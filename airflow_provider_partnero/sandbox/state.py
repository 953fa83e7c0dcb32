"""Everything one running sandbox holds. It lives in one event loop, so nothing here needs a lock."""

from __future__ import annotations

import hmac

from airflow_provider_partnero.sandbox.chaos import Chaos
from airflow_provider_partnero.sandbox.deliveries import Postman
from airflow_provider_partnero.sandbox.faults import Fault, FaultQueue
from airflow_provider_partnero.sandbox.profiles import Profile
from airflow_provider_partnero.sandbox.records import RequestLog
from airflow_provider_partnero.sandbox.store import WebhookStore


class SandboxState:
    """The programme and how it behaves.

    :param token: the API token that is let in.
    :param profile: how the API behaves where Partnero's documentation leaves a choice.
    """

    def __init__(self, token: str, profile: Profile) -> None:
        self.token = token
        self.profile = profile
        self.store = WebhookStore()
        self.faults = FaultQueue()
        self.log = RequestLog()
        self.postman = Postman()
        self.chaos: Chaos | None = None
        self.latency = 0.0
        self.activation_delay = 0.0

    def reset(self, profile: Profile | None = None) -> None:
        """Back to an empty programme without faults, logs and delays; with another profile, if one is given."""
        self.profile = profile or self.profile
        self.store.clear()
        self.clear_faults()
        self.log.clear()
        self.postman.reset()
        self.latency = 0.0
        self.activation_delay = 0.0

    def clear_faults(self) -> None:
        """Forget the scripted faults, and end those by chance."""
        self.faults.clear()
        self.chaos = None

    def next_fault(self, method: str, path: str, page: int) -> Fault | None:
        """The fault that a request meets: a scripted one, else one by chance, else None."""
        by_chance = self.chaos.draw() if self.chaos else None
        return self.faults.take(method, path, page) or by_chance

    def admits(self, authorization: str | None) -> bool:
        """Whether an ``Authorization`` header's value lets a request in (documented: ``Bearer <token>``)."""
        expected = f"Bearer {self.token}".encode()
        return authorization is not None and hmac.compare_digest(authorization.encode(), expected)
