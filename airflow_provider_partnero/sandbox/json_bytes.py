"""JSON as bytes: two ways of writing it, because signatures cover raw bytes, and one of reading it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

# Whole strings are matched so that the digits in them are left alone.
_STRING_OR_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*')
_ESCAPE = re.compile(r"\\(?:u007f|.)")
_PHP_INTEGERS = range(-(1 << 63), 1 << 63)  # PHP makes floats of larger ones
_JS_INTEGERS = range(-(1 << 53), (1 << 53) + 1)  # the ones that a double holds for certain


def php_json(value: Any) -> bytes:
    r"""What PHP's ``json_encode`` writes by default.

    ``\/`` for a slash, ``\uXXXX`` for anything but ASCII, DEL as it is, ``10`` for 10.0 and ``1.0e+22`` for 1e22.
    """
    text = _with_numbers(json.dumps(value, separators=(",", ":")), value, _PHP_INTEGERS, _php_float)
    if "\\u007f" in text:  # only Python escapes DEL
        text = _ESCAPE.sub(lambda escape: "\x7f" if escape[0] == "\\u007f" else escape[0], text)
    # In JSON a slash can occur only within strings, so replacing all of them is safe.
    return text.replace("/", "\\/").encode()


def compact_json(value: Any) -> bytes:
    """What JavaScript's ``JSON.stringify`` writes: UTF-8 with as few escapes as possible, ``10`` for 10.0."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return _with_numbers(text, value, _JS_INTEGERS, _js_float).encode("utf-8", "backslashreplace")


def read_json(body: bytes) -> Any:
    """The value in a body, read as strictly as PHP's ``json_decode``: without NaN and unpaired surrogates.

    :raises ValueError: the body is not JSON.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _with_numbers(text: str, value: Any, integers: range, write_float: Callable[[float], str]) -> str:
    """JSON text with its floats, and the integers beyond a range, written as floats of another language."""

    def rewritten(found: re.Match[str]) -> str:
        token = found[0]
        is_kept = token.startswith('"') or (_is_integer(token) and int(token) in integers)
        return token if is_kept else write_float(float(token))

    return _STRING_OR_NUMBER.sub(rewritten, text) if _holds_float(value, integers) else text


def _is_integer(number: str) -> bool:
    return number.removeprefix("-").isdecimal()


def _holds_float(value: Any, integers: range) -> bool:
    left = [value]
    while left:  # no recursion, because values may be nested deeply
        one = left.pop()
        if isinstance(one, dict):
            left.extend(one.values())
        elif isinstance(one, list | tuple):
            left.extend(one)
        elif isinstance(one, float) or (isinstance(one, int) and one not in integers):
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Digits:
    """A number other than 0 as its fewest digits, with ``point`` of them before the decimal point."""

    sign: str
    digits: str
    point: int

    @classmethod
    def of(cls, number: float) -> _Digits:
        sign, digits, exponent = Decimal(repr(number)).as_tuple()
        assert isinstance(exponent, int)  # noqa: S101 - a float from JSON is finite  # nosec B101
        return cls("-" * sign, "".join(map(str, digits)).rstrip("0"), len(digits) + exponent)

    def plain(self) -> str:
        if self.point <= 0:
            return f"{self.sign}0.{'0' * -self.point}{self.digits}"
        whole, fraction = self.digits[: self.point].ljust(self.point, "0"), self.digits[self.point :]
        return f"{self.sign}{whole}.{fraction}".removesuffix(".")

    def scientific(self, least_fraction: str) -> str:
        fraction = self.digits[1:] or least_fraction
        return f"{self.sign}{self.digits[0]}.{fraction}".removesuffix(".") + f"e{self.point - 1:+d}"


def _php_float(number: float) -> str:
    if not number:
        return "-0" if str(number).startswith("-") else "0"
    found = _Digits.of(number)
    return found.plain() if -3 <= found.point <= 17 else found.scientific("0")


def _js_float(number: float) -> str:
    if not number:
        return "0"
    found = _Digits.of(number)
    return found.plain() if -5 <= found.point <= 21 else found.scientific("")
