"""What one task of a DAG has told: where its report is, or which plan it made. Anybody may have changed it since."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from fastapi import HTTPException, Request
from sqlalchemy import Text, cast, func, select

from airflow_provider_partnero.api.quoting import short_repr
from airflow_provider_partnero.ledger.patience import limit_statements
from airflow_provider_partnero.plugin.page.plan_preview import DiffLine, PlanShown
from airflow_provider_partnero.webhooks.report.whereabouts import XCOM_KEY, ReportWhereabouts
from airflow_provider_partnero.webhooks.texts import visible_start

_LONGEST_ID = 250  # characters, as Airflow's database has it
_LARGEST_XCOM = 2_097_152  # characters of JSON; a plan of 100 writes has some 100,000
_MOST_ACTIONS = 100
_MOST_CHANGES = 10  # of one action
_LONGEST_LINE = 400
_SIGNS = {"create": ("+", "added"), "update": ("!", "changed"), "delete": ("-", "removed")}


@dataclass(frozen=True, slots=True)
class TaskPlace:
    """One task instance.

    :param map_index: -1 if the task is not mapped.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> TaskPlace:
        """The task instance that a query names.

        :raises ValueError: it names none.
        """
        ids = [query.get(name, "") for name in ("dag_id", "run_id", "task_id")]
        if not all(0 < len(text) <= _LONGEST_ID for text in ids):
            raise ValueError("dag_id, run_id and task_id: must name a task of a run")
        map_index = query.get("map_index") or "-1"
        digits = map_index.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 9):
            raise ValueError(f"map_index={short_repr(map_index)}: must be a whole number")
        return cls(ids[0], ids[1], ids[2], int(map_index))


def named_task(request: Request) -> TaskPlace:
    """The task instance that a request's query names.

    :raises HTTPException: 404.
    """
    try:
        return TaskPlace.of(request.query_params)
    except ValueError as error:
        raise HTTPException(404, str(error)) from error


def told_report(place: TaskPlace) -> ReportWhereabouts | ValueError | None:
    """Where the task's report is, as it has told itself, or why that names no place; None if it has told nothing."""
    told = _xcom(place, XCOM_KEY)
    try:
        return None if told is None else ReportWhereabouts.from_plain(told)
    except ValueError as error:
        return error


def returned_plan(place: TaskPlace) -> PlanShown | None:
    """The plan that a reconcile task returned, of a dry run or of what it has written; None if it returned none."""
    return plan_of(_xcom(place, "return_value"))


def plan_of(returned: object) -> PlanShown | None:
    """The plan in what a task returned, whatever that is; None if there is none."""
    if found := PlanShown.of_task(returned):
        return found
    plan = returned.get("plan") if isinstance(returned, Mapping) else None
    if not isinstance(returned, Mapping) or not isinstance(plan, Mapping) or not isinstance(plan.get("summary"), str):
        return None
    actions, fingerprint = plan.get("actions"), returned.get("fingerprint")
    known = [action for action in actions if isinstance(action, Mapping)] if isinstance(actions, list) else []
    lines = [line for action in known[:_MOST_ACTIONS] for line in _lines(action)]
    return PlanShown(
        visible_start(plan["summary"], _LONGEST_LINE),
        tuple(lines),
        visible_start(fingerprint, 64) if isinstance(fingerprint, str) else "",
    )


def _lines(action: Mapping[str, Any]) -> Iterator[DiffLine]:
    """What was written of one webhook."""
    sign, kind = _SIGNS.get(str(action.get("kind")), ("", ""))
    yield _line(kind, f"{sign} {_shown(action.get('kind'))} {_shown(action.get('name'))} ({_shown(action.get('key'))})")
    changes = action.get("changes")
    known = [change for change in changes if isinstance(change, Mapping)] if isinstance(changes, list) else []
    for change in known[:_MOST_CHANGES]:
        yield _line("removed", f"-   {_shown(change.get('field'))}: {_shown(change.get('old'))}")
        yield _line("added", f"+   {_shown(change.get('field'))}: {_shown(change.get('new'))}")
    for field in ("url", "events", "is_active"):
        if field in action:
            yield _line(kind, f"{sign}   {field}: {_shown(action[field])}")


def _line(kind: str, words: str) -> DiffLine:
    return DiffLine(kind, visible_start(words, _LONGEST_LINE))


def _shown(value: object) -> str:
    return visible_start(value if isinstance(value, str) else json.dumps(value), _LONGEST_LINE)


def _xcom(place: TaskPlace, key: str) -> Any:
    """The value of an XCom as plain JSON: no class that it may name is made. None if there is none, or a huge one."""
    with create_session() as session:
        limit_statements(session)
        value = session.scalar(
            select(XComModel.value).where(
                XComModel.dag_id == place.dag_id,
                XComModel.run_id == place.run_id,
                XComModel.task_id == place.task_id,
                XComModel.map_index == place.map_index,
                XComModel.key == key,
                func.length(cast(XComModel.value, Text)) <= _LARGEST_XCOM,
            )
        )
    if not isinstance(value, str):
        return value
    try:  # before Airflow 3.1, XCom holds JSON within JSON
        return json.loads(value)
    except (ValueError, RecursionError):
        return None
