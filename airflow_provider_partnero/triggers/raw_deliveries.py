"""A trigger that waits for raw deliveries in an object storage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_partnero.drain.storage import checked_source
from airflow_provider_partnero.triggers.partnero import RefusedTriggerArgument, check_interval

_LEAST_PAUSE = 0.1  # seconds
_PATIENCE = 60.0  # seconds for one listing


class PartneroRawDeliveriesTrigger(BaseTrigger):
    """Fires once something waits in the folder: ``{"waiting": True}``, or ``{"failure": "<reason>"}``.

    A storage that does not answer is asked again after the interval.

    :param source: URL of the folder, as ``ObjectStoragePath`` takes it.
    :param poke_interval: seconds between two looks, at least 0.
    :raises RefusedTriggerArgument: an argument is not allowed.
    """

    def __init__(self, source: str, poke_interval: float = 60.0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        check_interval(poke_interval)
        try:
            self.source = checked_source(source, argument="source")
        except ValueError as error:
            raise RefusedTriggerArgument(str(error)) from None
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class path and the arguments, from which Airflow creates this trigger again."""
        return (
            "airflow_provider_partnero.triggers.raw_deliveries.PartneroRawDeliveriesTrigger",
            {"source": self.source, "poke_interval": self.poke_interval},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until something is there, in a thread of our own."""
        from airflow_provider_partnero.drain.storage import DeliveryStorage
        from airflow_provider_partnero.triggers.lanes import lane_of

        lane = lane_of(self.source, "raw deliveries")
        while True:
            try:
                if await lane.run(lambda: DeliveryStorage(self.source).waiting(), _PATIENCE):
                    yield TriggerEvent({"waiting": True})  # type: ignore[no-untyped-call]
                    return
            except (FileNotFoundError, ValueError) as error:
                yield TriggerEvent({"failure": str(error)})  # type: ignore[no-untyped-call]
                return
            except Exception as error:  # noqa: BLE001 - a storage raises what it likes
                self.log.warning("The folder cannot be listed, waiting goes on: %s", type(error).__name__)
            await asyncio.sleep(max(float(self.poke_interval), _LEAST_PAUSE))
