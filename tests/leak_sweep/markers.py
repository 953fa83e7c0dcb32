"""What is marked: values that are drawn anew for each run, so that nothing else can look like them."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from enum import StrEnum

_ALPHABET = string.ascii_letters + string.digits
WINDOW = 12  # characters of a mark that count as the mark


class Kind(StrEnum):
    """What a mark stands for."""

    TOKEN = "API token"
    SECRET = "signing secret"
    PREVIOUS = "previous signing secret"
    EMAIL = "customer's e-mail"
    NAME = "customer's name"
    KEY = "customer's key"
    AMOUNT = "amount"
    FORGED = "customer in a refused delivery"
    ECHOED = "customer in a server's error"
    MISPLACED = "secret in the place of a name"


SECRETS = frozenset({Kind.TOKEN, Kind.SECRET, Kind.PREVIOUS})
CUSTOMERS = frozenset({Kind.EMAIL, Kind.NAME, Kind.KEY, Kind.AMOUNT})


@dataclass(frozen=True)
class Marker:
    """One mark. Its value is in no ``repr``: what reports a leak must not make another."""

    kind: Kind
    value: str = field(repr=False)


def drawn(length: int = 24) -> str:
    """Letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


@dataclass(frozen=True, repr=False)
class Marks:
    """The marks of one run."""

    # As Laravel makes them: a number, a bar, and what is drawn. The bar looks different in a URL.
    token: str = field(default_factory=lambda: f"17|{drawn(40)}")
    secret: str = field(default_factory=drawn)
    unread: str = field(default_factory=drawn)  # of a webhook that a hostile server tells of in its errors only
    kept: str = field(default_factory=drawn)  # in a connection's extra
    email: str = field(default_factory=lambda: f"{drawn(16)}@customer.example")
    name: str = field(default_factory=lambda: f"Zoë {drawn(16)}")
    key: str = field(default_factory=lambda: f"cus_{drawn(16)}")
    amount: int = field(default_factory=lambda: 10**14 + secrets.randbelow(9 * 10**14))
    forged: str = field(default_factory=lambda: f"{drawn(16)}@forged.example")
    echoed: str = field(default_factory=lambda: f"{drawn(16)}@echoed.example")
    misplaced: str = field(default_factory=drawn)
    made: list[str] = field(default_factory=list)  # signing secrets that the sandbox has drawn
    previous: list[str] = field(default_factory=list)  # those that were replaced

    def markers(self) -> list[Marker]:
        """All of them, as they are now."""
        secret = {self.secret, self.unread, self.kept, *self.made} - {*self.previous}
        return [
            Marker(Kind.TOKEN, self.token.partition("|")[2]),
            *(Marker(Kind.SECRET, value) for value in sorted(secret)),
            *(Marker(Kind.PREVIOUS, value) for value in self.previous),
            Marker(Kind.EMAIL, self.email.partition("@")[0]),
            Marker(Kind.NAME, self.name),
            Marker(Kind.KEY, self.key.partition("_")[2]),
            Marker(Kind.AMOUNT, str(self.amount)),
            Marker(Kind.FORGED, self.forged.partition("@")[0]),
            Marker(Kind.ECHOED, self.echoed.partition("@")[0]),
            Marker(Kind.MISPLACED, self.misplaced),
        ]

    def transaction(self) -> dict[str, object]:
        """The data of a delivery, with a customer in it."""
        customer = {"key": self.key, "email": self.email, "name": self.name}
        return {"key": self.key, "amount": self.amount, "customer": customer}
