"""The routes of the views Deliveries and History: what Airflow's database knows of the past.

Nothing here asks Partnero. Each route asks for Airflow's login and the right to read the connection, and ends in time.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from airflow.utils.session import create_session
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from airflow_provider_partnero.ledger.audit_points import RecordedPoints, read_past_audit, read_points
from airflow_provider_partnero.ledger.chosen import ChosenDelivery, send_chosen
from airflow_provider_partnero.ledger.listing import DeliveryFilter, read_deliveries
from airflow_provider_partnero.ledger.overview import last_deliveries
from airflow_provider_partnero.ledger.pages import read_page
from airflow_provider_partnero.ledger.patience import limit_statements
from airflow_provider_partnero.ledger.replay import Resending, find_candidates
from airflow_provider_partnero.ledger.tables import DELIVERIES
from airflow_provider_partnero.plugin.page.access import (
    EDITS_CONNECTION,
    READS_ASSETS,
    READS_CONNECTION,
    SAME_ORIGIN,
    User,
    may_edit_connection,
    may_read_assets,
    readable_dags,
)
from airflow_provider_partnero.plugin.page.audit_timeline import (
    AuditTimeline,
    TwoAudits,
    build_audit_timeline,
    chosen_audits,
)
from airflow_provider_partnero.plugin.page.database import PageDatabase
from airflow_provider_partnero.plugin.page.delivery_list import (
    OUTCOMES,
    DeliveryList,
    DeliverySearch,
    build_delivery_list,
    dags_of,
)
from airflow_provider_partnero.plugin.page.form_body import read_body
from airflow_provider_partnero.plugin.page.rendering import HEADERS, render_view, root_path
from airflow_provider_partnero.plugin.page.replay_form import (
    LARGEST_REPLAY_FORM,
    ReplayForm,
    ReplayReport,
    build_replay_report,
    told,
    untold,
)
from airflow_provider_partnero.plugin.receiver.signers.daemon_threads import DaemonThreads
from airflow_provider_partnero.webhooks.history import UnreadableAuditError
from airflow_provider_partnero.webhooks.page_paths import page_path
from airflow_provider_partnero.webhooks.texts import visible_json, visible_start
from airflow_provider_partnero.webhooks.timeline import ChangesBetween, changes_between

log = logging.getLogger(__name__)

_READ_SECONDS = 10.0
_REPLAY_SECONDS = 20.0
_LONGEST_PAYLOAD = 400_000  # characters, as they are shown
_VIEW = [READS_CONNECTION]


def past_router() -> APIRouter:
    """The routes below ``/partnero/page`` that are about the past."""
    router = APIRouter(prefix="/page")
    database = PageDatabase(4, "partnero-past")
    _add_deliveries(router, database)
    _add_replay(router)
    _add_history(router, database)
    return router


def _add_deliveries(router: APIRouter, database: PageDatabase) -> None:
    @router.get("/{connection_id:path}/deliveries", dependencies=_VIEW)
    async def deliveries(request: Request, connection_id: str, user: User) -> Response:
        """What was delivered, the newest first."""
        try:
            search = DeliverySearch.of(request.query_params)
            results = untold(request.query_params.get("results", ""))
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        found, problem = await database.ask(lambda: _read_list(connection_id, search, results, user), _READ_SECONDS)
        choices = [(outcome, words) for outcome, (_, words) in OUTCOMES.items()]
        late = "late" in request.query_params
        return render_view(
            request, "deliveries", connection_id, problem=problem, found=found, outcome_choices=choices, is_late=late
        )

    @router.get("/{connection_id:path}/deliveries/{delivery_id}/payload", dependencies=[*_VIEW, READS_ASSETS])
    async def payload(connection_id: str, delivery_id: str) -> Response:
        """What is kept of one delivery, as text."""
        text, problem = await database.ask(lambda: _read_payload(connection_id, delivery_id), _READ_SECONDS)
        if text is None:
            return PlainTextResponse(problem, 503, HEADERS)
        return PlainTextResponse(text, 200, HEADERS)


def _add_replay(router: APIRouter) -> None:
    threads = DaemonThreads(2, "partnero-replay")  # a turn that does not come holds up no reading

    @router.post("/{connection_id:path}/deliveries/replay", dependencies=[*_VIEW, EDITS_CONNECTION, SAME_ORIGIN])
    async def replay(request: Request, connection_id: str, user: User) -> Response:
        """Send deliveries again, and tell on the page what became of each, so that a reload sends nothing."""
        try:
            form = ReplayForm.of(await read_body(request, LARGEST_REPLAY_FORM))
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        outcome = await _send(threads, connection_id, form)
        log.info(
            "%s sent deliveries to %s again from the page: %s",
            visible_start(user.get_name(), 100),
            visible_start(connection_id, 100),
            outcome.get("results") or "not known yet",
        )
        query = form.search.link(form.search.before) | outcome
        return RedirectResponse(root_path(request) + page_path(connection_id, "deliveries", **query), 303)


async def _send(threads: DaemonThreads, conn_id: str, form: ReplayForm) -> dict[str, str]:
    """What became of the replay, as the page's query has it."""
    if not form.chosen:
        return {}
    try:
        results = await threads.run(
            lambda: send_chosen(conn_id, form.chosen, is_held_sent=form.is_held_sent), _REPLAY_SECONDS
        )
    except TimeoutError:
        return {"late": "1"}
    except Exception as error:  # noqa: BLE001 - whatever it is, nobody who clicks can read a traceback
        log.warning("The page could not send deliveries again: %s", type(error).__name__)
        words = "Airflow's database refused it. A delivery was sent again only if its number of replays has grown."
        raise HTTPException(503, words) from None
    return {"results": told(results)}


def _add_history(router: APIRouter, database: PageDatabase) -> None:
    @router.get("/{connection_id:path}/history", dependencies=_VIEW)
    async def history(
        request: Request, connection_id: str, user: User, earlier: str = "", later: str = "", every: str = ""
    ) -> Response:
        """The audits over time, and what changed between two of them."""

        def read() -> tuple[AuditTimeline, set[str]]:
            return _read_timeline(connection_id, (earlier, later), user, shows_all=bool(every))

        found, problem = await database.ask(read, _READ_SECONDS)
        timeline, dag_ids = found or (None, set[str]())
        return render_view(request, "history", connection_id, problem=problem, timeline=timeline, readable_dags=dag_ids)


def _read_list(
    conn_id: str, search: DeliverySearch, results: Sequence[tuple[ChosenDelivery, Resending]], user: Any
) -> tuple[DeliveryList, ReplayReport, bool, bool]:
    """The page, what became of a replay, and whether somebody may see payloads and send again."""
    wanted = DeliveryFilter(
        conn_id=conn_id, event=search.event or None, outcomes=(search.outcome,) if search.outcome else ()
    )
    chosen = [one.delivery_id for one, _ in results]
    with create_session() as session:
        limit_statements(session)
        page = read_page(session, wanted, search.before)
        events = [last.event for last in last_deliveries(session, [conn_id])]
        are_chosen = DeliveryFilter(ids=tuple(chosen), conn_id=conn_id).conditions()
        sent = read_deliveries(session, are_chosen, len(chosen)) if chosen else []
    dag_ids = readable_dags(user, dags_of(page.deliveries))
    found = build_delivery_list(page, search, events, dag_ids)
    return found, build_replay_report(results, sent), may_read_assets(user), may_edit_connection(user, conn_id)


def _read_payload(conn_id: str, delivery_id: str) -> str:
    with create_session() as session:
        limit_statements(session)
        is_it = [DELIVERIES.c.conn_id == conn_id, DELIVERIES.c.delivery_id == delivery_id]
        found = find_candidates(session, is_it, 1)
    if not found:
        raise HTTPException(404, "The ledger has no such delivery to this connection.")
    [candidate] = found
    if candidate.obstacle:
        return f"What is kept of it cannot be shown: {candidate.obstacle}."
    if candidate.extra is None:
        return "Nothing of it is kept."
    text = visible_json(candidate.extra)
    rest = len(text) - _LONGEST_PAYLOAD
    return text if rest <= 0 else f"{text[:_LONGEST_PAYLOAD]}\n... and {rest:,} more characters"


def _read_timeline(
    conn_id: str, pair: tuple[str, str], user: Any, *, shows_all: bool
) -> tuple[AuditTimeline, set[str]]:
    """The view, and the ids of the DAGs whose runs somebody may see."""
    with create_session() as session:
        limit_statements(session)
        recorded = read_points(session, conn_id)
        try:
            chosen = chosen_audits(recorded.points, *pair)
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        changes = _changes(session, conn_id, chosen) if chosen else None
    return build_audit_timeline(recorded, chosen, changes, shows_all=shows_all), _visible_dags(recorded, user)


def _visible_dags(recorded: RecordedPoints, user: Any) -> set[str]:
    return readable_dags(user, {one.run.dag_id for one in recorded.points if one.run})


def _changes(session: Any, conn_id: str, chosen: TwoAudits) -> ChangesBetween | None:
    try:
        earlier, later = (read_past_audit(session, conn_id, one.place) for one in (chosen.earlier, chosen.later))
    except UnreadableAuditError:
        return None
    return changes_between(earlier, later)
