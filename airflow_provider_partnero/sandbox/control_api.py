"""The control API of a sandbox, under ``/_sandbox``: tests and demos change and inspect it here, without a token."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response

from airflow_provider_partnero.sandbox.answers import json_answer
from airflow_provider_partnero.sandbox.chaos import Chaos
from airflow_provider_partnero.sandbox.control_bodies import ByChance, Event, Limit, Reset, Seconds, Seed, Webhooks
from airflow_provider_partnero.sandbox.deliveries import Delivery, sealed
from airflow_provider_partnero.sandbox.faults import Fault
from airflow_provider_partnero.sandbox.openapi import REFUSALS
from airflow_provider_partnero.sandbox.profiles import Profile
from airflow_provider_partnero.sandbox.program import SandboxProgram
from airflow_provider_partnero.sandbox.rate_limit import RateLimit
from airflow_provider_partnero.sandbox.request_log import LoggedRequest
from airflow_provider_partnero.sandbox.samples import sample_event_data
from airflow_provider_partnero.sandbox.seeding import seed
from airflow_provider_partnero.sandbox.state import SandboxState

CONTROL_PATH = "/_sandbox"

_DONE = {"status": 1}


def control_router(state: SandboxState) -> APIRouter:
    """The routes that change and show one sandbox's state."""
    router = APIRouter(prefix=CONTROL_PATH, tags=["Control of the sandbox"], responses=REFUSALS)
    _add_programme_routes(router, state)
    _add_behaviour_routes(router, state)
    _add_fault_routes(router, state)
    _add_log_routes(router, state)
    return router


def _add_programme_routes(router: APIRouter, state: SandboxState) -> None:
    @router.get("", include_in_schema=False)
    @router.get("/health")
    async def health() -> Response:
        """Whether the sandbox is up, and how many webhooks it holds."""
        return json_answer({"status": 1, "webhooks": len(state.store)})

    @router.post("/reset")
    async def reset(asked: Reset | None = None) -> Response:
        """Delete all webhooks; clear faults, logs, limits and delays; change the profile, if one is given."""
        state.reset(asked.profile if asked else None)
        return json_answer(_DONE)

    @router.post("/seed")
    async def add_samples(asked: Seed) -> Response:
        """Add well-formed webhooks; their numbers follow those of the existing ones."""
        await seed(state.store, asked.count, asked.prefix)
        return json_answer(_DONE)

    @router.get("/webhooks")
    async def webhooks() -> Response:
        """All webhooks with their signatures, oldest first."""
        return json_answer({"data": state.store.all()})

    @router.put("/webhooks")
    async def put_webhooks(given: Webhooks) -> Response:
        """Add webhooks without validation; one whose key exists replaces that webhook and keeps its place."""
        for webhook in given.webhooks:
            state.store.put(webhook, is_whole=given.whole)
        return json_answer(_DONE)

    @router.delete("/webhooks")
    async def delete_webhook(key: Annotated[str, Query()]) -> Response:
        """Delete a webhook."""
        if not state.store.delete(key):
            return json_answer({"message": f"no webhook has the key {key!r}"}, 404)
        return json_answer(_DONE)


def _add_behaviour_routes(router: APIRouter, state: SandboxState) -> None:
    @router.get("/profile", response_model=Profile)
    async def get_profile() -> Response:
        """The current profile."""
        return json_answer(asdict(state.profile))

    @router.put("/profile")
    async def put_profile(profile: Profile) -> Response:
        """Change the profile and nothing else; missing switches get their defaults."""
        state.profile = profile
        return json_answer(_DONE)

    @router.put("/program")
    async def put_program(program: SandboxProgram) -> Response:
        """Change the programme's name and public id; missing ones get their defaults."""
        state.program = program
        return json_answer(_DONE)

    @router.put("/activation-delay")
    async def put_activation_delay(delay: Seconds) -> Response:
        """From now on, new webhooks show as inactive for this long."""
        state.activation_delay = delay.seconds
        return json_answer(_DONE)

    @router.put("/latency")
    async def put_latency(latency: Seconds) -> Response:
        """Every request of the API waits this long before it is carried out."""
        state.latency = latency.seconds
        return json_answer(_DONE)

    @router.put("/rate-limit")
    async def put_rate_limit(limit: Limit) -> Response:
        """From now on, the API refuses what a window does not admit with 429; without a number it refuses nothing."""
        state.rate_limit = RateLimit(limit.requests, limit.seconds) if limit.requests else None
        return json_answer(_DONE)

    @router.get("/rate-limit")
    async def get_rate_limit() -> Response:
        """The limit, and how many requests it has refused since it was set."""
        limit = state.rate_limit
        if limit is None:
            return json_answer({"requests": None, "seconds": None, "refusals": 0})
        return json_answer({"requests": limit.requests, "seconds": limit.seconds, "refusals": limit.refusals})

    @router.put("/delivery-backoff")
    async def put_delivery_backoff(backoff: Seconds) -> Response:
        """The wait before a delivery's second attempt; before the third it is ten times as long."""
        state.postman.backoff = backoff.seconds
        return json_answer(_DONE)


def _add_fault_routes(router: APIRouter, state: SandboxState) -> None:
    @router.get("/faults", response_model=list[Fault])
    async def faults() -> Response:
        """The scripted faults that are left; their ``times`` and ``skip`` count down."""
        return json_answer([asdict(fault) for fault in state.faults.pending()])

    @router.post("/faults")
    async def add_fault(fault: Fault) -> Response:
        """Script one fault for the next matching requests."""
        state.faults.add(fault)
        return json_answer(_DONE)

    @router.delete("/faults")
    async def clear_faults() -> Response:
        """Remove the scripted faults and end those by chance."""
        state.clear_faults()
        return json_answer(_DONE)

    @router.post("/chaos")
    async def chaos(asked: ByChance) -> Response:
        """From now on requests meet faults by chance; a rate of 0 ends this."""
        state.chaos = Chaos(asked.seed, asked.rate) if asked.rate else None
        return json_answer(_DONE)


def _add_log_routes(router: APIRouter, state: SandboxState) -> None:
    @router.get("/requests", response_model=list[LoggedRequest])
    async def requests() -> Response:
        """The requests of the API, in order of arrival."""
        return json_answer([asdict(request) for request in state.log.all()])

    @router.delete("/requests")
    async def clear_requests() -> Response:
        """Clear the log of requests."""
        state.log.clear()
        return json_answer(_DONE)

    @router.post("/events", response_model=list[Delivery])
    async def emit(asked: Event) -> Response:
        """Deliver an event to every active webhook that is subscribed to it.

        Without ``data`` the event gets a sample. With ``wait`` the answer comes after the last attempt and lists all
        of them; without ``wait`` it is an empty list, at once.
        """
        content = sample_event_data(asked.event) if asked.data is None else asked.data
        envelopes = sealed(asked.event, content, state.store.all(), state.profile)
        attempts = await state.postman.send(envelopes, wait=asked.wait)
        return json_answer([asdict(attempt) for attempt in attempts])

    @router.get("/deliveries", response_model=list[Delivery])
    async def deliveries() -> Response:
        """Every attempt to deliver an event since the last reset."""
        return json_answer([asdict(attempt) for attempt in state.postman.deliveries()])
