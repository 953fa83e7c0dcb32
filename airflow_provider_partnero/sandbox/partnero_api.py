"""Partnero's API under ``/v1``: what its page about webhooks documents, the programme, and the check of the token.

The messages of 404 and 409 and the body of the token check are assumed; the messages of 401 and 405 are Laravel's.
Paths arrive here still percent-encoded (see ``middleware``), so that a key may hold any character.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote

from fastapi import APIRouter, Depends, HTTPException, Path, Request, Response
from fastapi.security import HTTPBearer

from airflow_provider_partnero.sandbox.answers import RefusalError, json_answer
from airflow_provider_partnero.sandbox.json_bytes import read_json
from airflow_provider_partnero.sandbox.list_forms import ListPage, list_body
from airflow_provider_partnero.sandbox.openapi import (
    CREATE_BODY,
    DELETED_WEBHOOK,
    LIST_PARAMETERS,
    MADE_WEBHOOK,
    NO_WEBHOOK,
    ONE_WEBHOOK,
    PAGE_OF_WEBHOOKS,
    PROGRAM,
    REFUSALS,
    UPDATE_BODY,
)
from airflow_provider_partnero.sandbox.pagination import asked_window, list_parameters
from airflow_provider_partnero.sandbox.profiles import Profile
from airflow_provider_partnero.sandbox.program import program_body
from airflow_provider_partnero.sandbox.spellings import spelled
from airflow_provider_partnero.sandbox.state import SandboxState
from airflow_provider_partnero.sandbox.validation import (
    Complaints,
    check_create,
    check_update,
    clean_fields,
    is_blank,
    refusal_body,
)
from airflow_provider_partnero.sandbox.webhook_store import random_text

BASE_PATH = "/v1"


async def _decoded_key(key: Annotated[str, Path(description="Key of the webhook, percent-encoded.")]) -> str:
    return unquote(key)


Key = Annotated[str, Depends(_decoded_key)]


def partnero_router(state: SandboxState) -> APIRouter:
    """The routes of the API over one sandbox's state."""

    async def admit(request: Request) -> None:
        if not state.admits(request.headers.get("authorization")):
            raise RefusalError(401, {"message": "Unauthenticated."})

    # HTTPBearer only puts the button "Authorize" on the page of Swagger UI; admit() decides.
    guards = [Depends(HTTPBearer(auto_error=False, description="The API token.")), Depends(admit)]
    router = APIRouter(prefix=BASE_PATH, tags=["Partnero API"], dependencies=guards, responses=REFUSALS)
    _add_reading_routes(router, state)
    _add_changing_routes(router, state)
    return router


def _add_reading_routes(router: APIRouter, state: SandboxState) -> None:
    @router.get("/test", summary="Check the token", responses=NO_WEBHOOK)
    async def test() -> Response:
        """2xx with a valid token, 401 without (seen in n8n and the PHP SDK). The body is assumed."""
        return json_answer({"status": 1})

    @router.get("/program", summary="Get the programme", responses=PROGRAM)
    async def get_program() -> Response:
        """The programme that the token belongs to; the profile says in which form, or that there is no such route."""
        if state.profile.program_form == "missing":
            raise HTTPException(404)
        return json_answer(program_body(state.program, state.profile))

    @router.get(
        "/webhooks", summary="Get a list of webhooks", openapi_extra=LIST_PARAMETERS, responses=PAGE_OF_WEBHOOKS
    )
    async def list_webhooks(request: Request) -> Response:
        """One page of the webhooks, in the profile's form and order. Both parameters may come in a JSON body (seen)."""
        window, complaints = asked_window(await _list_parameters(request), state.profile)
        _refuse(complaints)
        items = state.store.slice(window.start, window.limit, newest_first=_is_newest_first(window.page, state.profile))
        page = ListPage(items, window.page, window.limit, len(state.store), _list_address(request))
        return json_answer(list_body(page, state.profile))

    @router.get("/webhooks/{key}", summary="Fetch a webhook", responses=ONE_WEBHOOK)
    async def get_webhook(key: Key) -> Response:
        """One webhook; 404 if it does not exist."""
        webhook = state.store.get(key)
        if webhook is None:
            raise _missing()
        return json_answer({"data": webhook, "status": 1})


def _add_changing_routes(router: APIRouter, state: SandboxState) -> None:
    @router.post("/webhooks", summary="Create a webhook", openapi_extra=CREATE_BODY, responses=MADE_WEBHOOK)
    async def create_webhook(request: Request) -> Response:
        """Create a webhook; the profile says what a taken key does."""
        body = spelled(await _json_object(request), state.profile.spelling)
        _refuse(check_create(body, state.profile))
        is_own_key = is_blank(body.get("key")) or state.profile.taken_key == "ignored"
        key = random_text(12) if is_own_key else body["key"]
        if key in state.store:
            match state.profile.taken_key:
                case "422":
                    _refuse({"key": ["The key has already been taken."]})
                case "409":
                    raise RefusalError(409, {"message": "A webhook with this key already exists."})
                case "upsert":
                    changed = state.store.update(key, {"is_active": True, **clean_fields(body)})
                    return json_answer({"data": changed, "status": 1})
                case _:
                    key = random_text(12)
        made = state.store.put(
            {"key": key, "is_active": True, "signature": random_text(16), **clean_fields(body)},
            activation_delay=state.activation_delay,
        )
        return json_answer({"data": made, "status": 1}, state.profile.create_status)

    @router.put("/webhooks/{key}", summary="Update a webhook", openapi_extra=UPDATE_BODY, responses=ONE_WEBHOOK)
    async def update_webhook(key: Key, request: Request) -> Response:
        """Change some fields of a webhook. Key and signature stay (seen); unknown fields are ignored (assumed)."""
        if key not in state.store:
            raise _missing()
        body = spelled(await _json_object(request), state.profile.spelling)
        _refuse(check_update(body, state.profile))
        return json_answer({"data": state.store.update(key, clean_fields(body)), "status": 1})

    @router.delete("/webhooks/{key}", summary="Delete a webhook", responses=DELETED_WEBHOOK)
    async def delete_webhook(key: Key) -> Response:
        """Delete a webhook; the profile says what deleting a missing one does."""
        if not state.store.delete(key) and state.profile.delete_missing == "404":
            raise _missing()
        return json_answer({"status": 1}, state.profile.delete_status)


async def _list_parameters(request: Request) -> dict[str, Any]:
    query = dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True))
    return list_parameters(query, request.headers.get("content-type", ""), await _json_object(request))


def _is_newest_first(page: int, profile: Profile) -> bool:
    return profile.order == "newest" or (profile.order == "unstable" and page % 2 == 0)


def _list_address(request: Request) -> str:
    # As the client wrote it, because Starlette's request.url fails on a malformed Host header.
    host = request.headers.get("host") or ":".join(map(str, request.scope["server"]))
    return f"{request.scope['scheme']}://{host}{BASE_PATH}/webhooks"


def _refuse(complaints: Complaints) -> None:
    if complaints:
        raise RefusalError(422, refusal_body(complaints))


def _missing() -> RefusalError:
    return RefusalError(404, {"message": "Webhook not found."})


async def _json_object(request: Request) -> dict[str, Any]:
    # Laravel treats an unreadable body as an empty one, in which the required fields are missing.
    try:
        body = read_json(await request.body())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
