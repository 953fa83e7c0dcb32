"""The API itself, under ``/v1``: what Partnero's webhooks page documents, and its credential check.

The words of 404 and 409, and the body of the credential check, are assumed; those of 401 and 405 are Laravel's.
Paths arrive here still percent-encoded (see ``middleware``), so that a key may hold whatever a client encodes.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.security import HTTPBearer

from airflow_provider_partnero.sandbox.json_bytes import php_json, read_json
from airflow_provider_partnero.sandbox.openapi import (
    CREATE_BODY,
    LIST_PARAMETERS,
    NO_WEBHOOK,
    ONE_WEBHOOK,
    PAGE_OF_WEBHOOKS,
    REFUSALS,
    UPDATE_BODY,
)
from airflow_provider_partnero.sandbox.pagination import asked_window, list_body
from airflow_provider_partnero.sandbox.state import SandboxState
from airflow_provider_partnero.sandbox.store import random_text
from airflow_provider_partnero.sandbox.validation import (
    Complaints,
    clean_fields,
    is_blank,
    refusal_body,
    refused_create,
    refused_update,
)

BASE_PATH = "/v1"


class RefusalError(Exception):
    """An answer other than 2xx: its status and its JSON body."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


def json_answer(content: Any, status: int = 200) -> Response:
    """An answer in JSON, with the bytes that PHP would write; 204 has no body."""
    if status == 204:
        return Response(status_code=204)
    return Response(php_json(content), status, media_type="application/json")


async def _decoded_key(key: Annotated[str, Path(description="Key of the webhook, percent-encoded.")]) -> str:
    return unquote(key)


Key = Annotated[str, Depends(_decoded_key)]


def partnero_router(state: SandboxState) -> APIRouter:
    """The routes of the API over one sandbox's state."""

    async def admit(request: Request) -> None:
        if not state.admits(request.headers.get("authorization")):
            raise RefusalError(401, {"message": "Unauthenticated."})

    # HTTPBearer only puts the "Authorize" button into the documentation; admit decides.
    guards = [Depends(HTTPBearer(auto_error=False, description="The API token.")), Depends(admit)]
    router = APIRouter(prefix=BASE_PATH, tags=["Partnero API"], dependencies=guards, responses=REFUSALS)

    @router.get("/test", summary="Check the token", responses=NO_WEBHOOK)
    async def test() -> Response:
        """2xx with a valid token, 401 without (seen: n8n, PHP SDK). The body is assumed."""
        return json_answer({"status": 1})

    @router.get(
        "/webhooks", summary="Get a list of webhooks", openapi_extra=LIST_PARAMETERS, responses=PAGE_OF_WEBHOOKS
    )
    async def list_webhooks(request: Request) -> Response:
        """One page of the webhooks, in the form and the order that the profile says."""
        query = dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True))
        window, complaints = asked_window(query, state.profile)
        _refuse(complaints)
        newest_first = state.profile.order == "newest"
        items = state.store.slice(window.start, window.limit, newest_first=newest_first)
        return json_answer(list_body(items, window, len(state.store), _list_address(request), state.profile))

    @router.post("/webhooks", summary="Create a webhook", openapi_extra=CREATE_BODY, responses=ONE_WEBHOOK)
    async def create_webhook(request: Request) -> Response:
        """Create a webhook; what a key already in use does is for the profile to say."""
        body = await _json_object(request)
        _refuse(refused_create(body, empty_events=state.profile.empty_events == "accept"))
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

    @router.get("/webhooks/{key}", summary="Fetch a webhook", responses=ONE_WEBHOOK)
    async def get_webhook(key: Key) -> Response:
        """One webhook; 404 when there is none."""
        webhook = state.store.get(key)
        if webhook is None:
            raise _missing()
        return json_answer({"data": webhook, "status": 1})

    @router.put("/webhooks/{key}", summary="Update a webhook", openapi_extra=UPDATE_BODY, responses=ONE_WEBHOOK)
    async def update_webhook(key: Key, request: Request) -> Response:
        """Change some fields of a webhook; key and signature stay (seen), unknown fields are ignored (assumed)."""
        if key not in state.store:
            raise _missing()
        body = await _json_object(request)
        _refuse(refused_update(body, empty_events=state.profile.empty_events == "accept"))
        return json_answer({"data": state.store.update(key, clean_fields(body)), "status": 1})

    @router.delete("/webhooks/{key}", summary="Delete a webhook", responses=NO_WEBHOOK)
    async def delete_webhook(key: Key) -> Response:
        """Delete a webhook; what one that is missing does is for the profile to say."""
        if not state.store.delete(key) and state.profile.delete_missing == "404":
            raise _missing()
        return json_answer({"status": 1}, state.profile.delete_status)

    return router


def _list_address(request: Request) -> str:
    # As the client wrote it; Starlette's own request.url fails over a malformed Host.
    host = request.headers.get("host") or ":".join(map(str, request.scope["server"]))
    return f"{request.scope['scheme']}://{host}{BASE_PATH}/webhooks"


def _refuse(complaints: Complaints) -> None:
    if complaints:
        raise RefusalError(422, refusal_body(complaints))


def _missing() -> RefusalError:
    return RefusalError(404, {"message": "Webhook not found."})


async def _json_object(request: Request) -> dict[str, Any]:
    # Laravel takes a body that it cannot read for an empty one, and then misses the required fields.
    try:
        body = read_json(await request.body())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
