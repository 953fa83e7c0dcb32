"""What ``doctor`` says of one thing that it looked at, and how long it looks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line of the doctor's.

    :param verdict: ``"ok"``, ``"warn"`` or ``"fail"``.
    :param subject: what was looked at, in a word.
    :param words: what was found.
    :param remedy: what to do; empty if there is nothing to do.
    """

    verdict: Literal["ok", "warn", "fail"]
    subject: str
    words: str
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{self.verdict:<4}  {self.subject:<9}  {self.words}"
        return f"{line}\n{' ' * 17}-> {self.remedy}" if self.remedy else line


def within(seconds: float, look: Callable[[], T]) -> T:
    """What a function returns, or raises, in at most so many seconds. What takes longer is left behind.

    :raises TimeoutError: it took longer.
    """
    found: list[T] = []
    raised: list[Exception] = []

    def work() -> None:
        try:
            found.append(look())
        except Exception as error:  # noqa: BLE001 - raised again, in the caller's thread
            raised.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    if not found:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return found[0]
