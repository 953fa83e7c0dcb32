"""What a programme of a certain type offers, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from airflow_provider_partnero.api.programs import Program
from airflow_provider_partnero.webhooks.plans import Plan
from airflow_provider_partnero.webhooks.texts import listed, quoted


def unoffered_events(program: Program, events: Iterable[str]) -> list[str]:
    """The events that the programme's type does not have, sorted."""
    return sorted({event for event in events if not program.offers(event)})


def made_for(plan: Plan, program: Program | None) -> Plan:
    """The plan with its programme, and a further warning for each written webhook that subscribes to events its
    programme does not offer.

    :param program: the programme; None if it is not known, then there is nothing to warn about.
    """
    if program is None:
        return plan
    warnings = []
    for action in (*plan.creates, *plan.updates):
        events = unoffered_events(program, action.spec.events if action.spec else ())
        if events:
            named = listed([quoted(event) for event in events], total=len(events))
            warnings.append(f"{quoted(action.name)} subscribes to {named}: {not_offered(program)}")
    return replace(plan, warnings=(*plan.warnings, *warnings), program=program)


def not_offered(program: Program) -> str:
    """Why an event of :func:`unoffered_events` is of no use."""
    return f"a programme of the type {quoted(program.type)} does not offer that, so Partnero may refuse it."
