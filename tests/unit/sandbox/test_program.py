"""The programme that the token belongs to."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from airflow_provider_partnero.api import WebhookEvent
from airflow_provider_partnero.sandbox import Profile, Sandbox

from .conftest import PATIENCE, Api


def test_the_programme_has_a_name_a_public_id_and_a_type(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(program_type="Newsletter"))
    sandbox.set_program("Weekly", "WK123")
    expected = {"name": "Weekly", "public_id": "WK123", "type": "Newsletter"}
    assert api.get("/program").json() == {"data": {"program": expected}, "status": 1}
    sandbox.set_profile(Profile(program_form="flat", program_type="Referral"))
    assert api.get("/program").json() == {"data": {**expected, "type": "Referral"}, "status": 1}


def test_a_reset_brings_back_the_first_programme(api: Api, sandbox: Sandbox) -> None:
    before = api.get("/program").json()
    sandbox.set_program("Other", "X")
    sandbox.reset()
    assert api.get("/program").json() == before


def test_there_may_be_no_such_route(api: Api, sandbox: Sandbox) -> None:
    sandbox.reset(Profile(program_form="missing"))
    answer = api.get("/program")
    assert (answer.status_code, answer.json()["message"]) == (404, "The route v1/program could not be found.")


def test_the_programme_is_told_to_its_token_alone(sandbox: Sandbox) -> None:
    assert requests.get(f"{sandbox.base_url}/program", timeout=PATIENCE).status_code == 401


@pytest.mark.parametrize(
    ("program_type", "nouns"),
    [
        ("Affiliate", {"partner", "customer", "transaction", "lead", "reward"}),
        ("Referral", {"customer", "transaction", "reward"}),
        ("Newsletter", {"subscriber", "reward"}),
    ],
)
def test_a_programme_may_refuse_events_that_its_type_does_not_offer(
    api: Api, sandbox: Sandbox, program_type: Any, nouns: set[str]
) -> None:
    sandbox.reset(Profile(program_type=program_type, unoffered_events="422"))
    taken = {event.value for event in WebhookEvent if api.create(events=[event.value]).status_code == 200}
    assert taken == {event.value for event in WebhookEvent if event.value.partition(".")[0] in nouns}
    made = api.create(events=["reward.paid"], key="mine")
    assert made.status_code == 200
    refused = "partner.created" if program_type != "Affiliate" else "subscriber.created"
    answer = api.call("PUT", "/webhooks/mine", json={"events": ["reward.paid", refused]})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["events.1"])
