"""The trigger of the drain: it fires when something waits, and outlives a storage that is out."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_partnero.triggers.partnero import RefusedTriggerArgument
from airflow_provider_partnero.triggers.raw_deliveries import PartneroRawDeliveriesTrigger


async def first_event(trigger: PartneroRawDeliveriesTrigger) -> Any:
    async for event in trigger.run():
        return event.payload
    return None


def test_it_fires_once_something_is_there(tmp_path: Path) -> None:
    async def scene() -> None:
        waiting = asyncio.create_task(first_event(PartneroRawDeliveriesTrigger(f"file://{tmp_path}", 0)))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        (tmp_path / "1").write_text("x")
        assert await waiting == {"waiting": True}

    asyncio.run(scene())


def test_a_folder_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    event = asyncio.run(first_event(PartneroRawDeliveriesTrigger(f"file://{tmp_path}/missing")))
    assert "there is no folder" in event["failure"]


def test_a_storage_that_is_out_is_asked_again(tmp_path: Path) -> None:
    (tmp_path / "1").write_text("x")
    tmp_path.chmod(0)
    source = tmp_path / "1" / "no folder"  # NotADirectoryError, as from a storage that raises what it likes

    async def scene() -> None:
        waiting = asyncio.create_task(first_event(PartneroRawDeliveriesTrigger(f"file://{source}", 0)))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        (tmp_path / "1").unlink()
        source.mkdir(parents=True)
        (source / "2").write_text("x")
        assert await waiting == {"waiting": True}

    try:
        asyncio.run(scene())
    finally:
        tmp_path.chmod(0o700)


def test_it_is_made_again_from_what_it_serialises() -> None:
    path, arguments = PartneroRawDeliveriesTrigger("s3://aws_default@bucket/x", 5).serialize()
    assert path.rpartition(".")[2] == "PartneroRawDeliveriesTrigger"
    assert PartneroRawDeliveriesTrigger(**arguments).serialize()[1] == arguments


@pytest.mark.parametrize("arguments", [{"source": "x"}, {"source": "s3://b/x", "poke_interval": -1}])
def test_an_argument_that_is_not_allowed_fails_no_other_trigger(arguments: dict[str, Any]) -> None:
    with pytest.raises(RefusedTriggerArgument, match="must be"):
        PartneroRawDeliveriesTrigger(**arguments)
