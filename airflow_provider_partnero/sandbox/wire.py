"""How the bytes of an answer travel: what a server, or something between it and its client, may do below JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from airflow_provider_partnero.sandbox.field_checks import check_choice, check_number

Drip = Literal["headers", "body", "all"]
Content = Literal["gzip", "gzip-bomb", "endless"]
Stop = Literal["nothing", "headers", "half"]


@dataclass(frozen=True, slots=True)
class Wire:
    """What happens to the bytes of one answer. The parts may be combined; without any, nothing happens.

    All of this ends when the client disconnects or the sandbox stops. The connection is closed after the answer, unless
    there were only interim answers before it.

    :param interim: how many answers with ``interim_status`` come before the final one; ``"endless"``: it never comes.
        With ``drop`` in the fault, the connection is closed after them, so that they are all there is.
    :param interim_status: 100 to 199; 103 is Early Hints.
    :param drip: the part that comes a byte at a time: the status line and ``"headers"``, the ``"body"``, or ``"all"``.
    :param interval: seconds between two such bytes, and between interim answers or chunks; 0 sends them one by one
        without a pause.
    :param content: ``"gzip"``: the body is compressed, whether or not the client accepts that; ``"gzip-bomb"``: instead
        of the body comes JSON of ``bomb_size`` bytes, compressed a thousandfold; ``"endless"``: instead of the body
        come chunks of white space without end.
    :param bomb_size: bytes of a ``"gzip-bomb"`` when it is decompressed.
    :param stop_after: what comes before the server falls silent without closing the connection: ``"nothing"``, the
        ``"headers"``, or ``"half"`` of the body.
    :raises ValueError: a value is not allowed, or two contradict each other.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    interim: int | Literal["endless"] = 0
    interim_status: int = 103
    drip: Drip | None = None
    interval: float = 0.0
    content: Content | None = None
    bomb_size: int = 1 << 30
    stop_after: Stop | None = None

    def __post_init__(self) -> None:
        if self.interim != "endless":
            check_number("interim", self.interim, 0)
        check_number("interim_status", self.interim_status, 100, 199)
        check_choice("drip", self.drip, get_args(Drip))
        check_number("interval", self.interval, 0)
        check_choice("content", self.content, get_args(Content))
        check_number("bomb_size", self.bomb_size, 100, 1 << 40)
        check_choice("stop_after", self.stop_after, get_args(Stop))
        if self.stop_after == "half" and self.content in ("gzip-bomb", "endless"):
            raise ValueError(f"stop_after='half' contradicts content={self.content!r}, which is not sent whole anyway")

    @property
    def changes_answer(self) -> bool:
        """Whether it changes how the final answer is written, and not only what comes before it."""
        return bool(self.drip or self.content or self.stop_after)
