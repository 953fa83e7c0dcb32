"""What secrets look like: names of parameters, and values that were drawn at random or belong to a known service."""

from __future__ import annotations

import re

_WORDS = """
    auth authorization bearer bypass cred credential credentials jwt pass passphrase passwd password pin pwd secret
    session sessionid sid sig signature token
"""
_ENDINGS = """
    token secret password passwd passphrase signature apikey accesskey authkey secretkey privatekey signingkey
"""
# Words that make a "..._key" an identifier and not a secret.
_IDENTIFIERS = """
    event foreign idempotency object partition primary public publishable site sort webhook
"""
_SECRET_WORDS = frozenset(_WORDS.split())
_SECRET_ENDINGS = tuple(_ENDINGS.split())
_HARMLESS_KEYS = frozenset(_IDENTIFIERS.split())
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# Passwords are chosen by people, so that any text may be one. All other secrets are drawn.
_PASSWORDS = ("password", "passwd", "passphrase", "pwd")
# Names that also stand for other things: an identifier, the key of a record, a PIN of a board.
_AMBIGUOUS = frozenset({"key", "keys", "session", "sessionid", "sid", "pin", "pass", "cred"})
# What stands beside such a name to say something about a password.
_FLAGS = "change changeme disabled enabled forgot hidden optional password redacted required reset secret"
_LEAST_DRAWN = 16  # characters of a drawn value whose name is clear
_LEAST_DRAWN_IF_AMBIGUOUS = 28  # longer than ULID, KSUID, CUID and ObjectId, which are identifiers
_LEAST_PASSWORD = 6  # characters
_LEAST_DIFFERENT = 6  # characters in a hexadecimal value that is not a pattern such as 00ff00ff00ff00ff
_LEAST_CHANGES = 5  # "PartnerV2Hooks26" has four
_MOST_SEPARATORS = 8  # one in so many characters; words in a row have more
_LONGEST_JUDGED = 512  # characters; more of a value tells nothing new
_NO_PASSWORDS = frozenset(_FLAGS.split())
_PLACEHOLDER = re.compile(r"[<{$%*]|\.\.\.|x{4}|(?:your|my|the|insert)[\s_-]", re.IGNORECASE)

_PUBLIC_KEY = re.compile(r"pk_(?:live|test)_|sb_publishable_|pk\.eyJ")  # Stripe, Supabase, Mapbox

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_DRAWN_LETTERS = re.compile(r"[0-9A-Za-z_.~+/=:|-]+")
_HEX = re.compile(r"(?=\D*\d)(?=\d*[a-f])(?:[0-9a-f]+|[0-9A-F]+)", re.IGNORECASE)
_UNSPEAKABLE = re.compile(r"[b-df-hj-np-tv-xz]{5}", re.IGNORECASE)
_CAPITALS = re.compile(r"(?<![A-Z])[A-Z]{2,}(?=[a-z0-9])")
_NUMBER = re.compile(r"[0-9]+")
_CHANGE = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")

# Tokens that are known by their form. They start at the start of a word, which also keeps the search linear.
_KNOWN_TOKENS = (
    r"(?:sk|rk)_(?:live_|test_|prod_)?[0-9A-Za-z]{16,}",  # Stripe
    r"whsec_[0-9A-Za-z]{16,}",  # Stripe, Svix
    r"gh[pousr]_\w{20,}|github_pat_\w{20,}",
    r"gl(?:pat|ptt|dt|ft|rt|soat|agent|cbt|imt)-[\w-]{16,}",  # GitLab
    r"xox[abeprs]-[\w-]{10,}|xapp-\d-[\w-]{10,}",  # Slack
    r"A[KS]IA[0-9A-Z]{16}",  # AWS
    r"AIza[\w-]{30,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}",  # Google
    r"bot\d{6,}:[\w-]{30,}",  # Telegram
    r"SG\.[\w-]{16,}\.[\w-]{16,}",  # SendGrid
    r"sk-(?:ant|proj|svcacct|admin|or)-[\w-]{20,}",  # Anthropic, OpenAI, OpenRouter
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",  # Shopify
    r"pat-(?:na|eu|ap)\d-[0-9a-f-]{36}",  # HubSpot
    r"(?:npm|hf|lin_api|ntn|sbp|glsa|glc|nfp|pnu|sb_secret)_[0-9A-Za-z_]{24,}",
    r"sk-[0-9A-Za-z]{48}(?![\w-])|secret_[0-9A-Za-z]{43}(?![\w-])",  # OpenAI and Notion, older ones
    r"pypi-AgE[\w-]{50,}|sntry[su]_[\w=/+-]{32,}|key-[0-9a-f]{32}(?![\w-])",  # PyPI, Sentry, Mailgun
    r"do[opr]_v1_[0-9a-f]{64}",  # DigitalOcean
    r"pat[0-9A-Za-z]{14}\.[0-9a-f]{64}",  # Airtable
    r"dapi[0-9a-f]{32}",  # Databricks
    r"fig[du]_[\w-]{40,}",  # Figma
    r"dckr_[po]at_[\w-]{24,}",  # Docker
    r"dp\.(?:pt|st|ct)\.[0-9A-Za-z.]{32,}",  # Doppler
    r"(?:EAAA|sq0atp-)[\w-]{22,60}",  # Square
    r"hv[bs]\.[\w-]{24,}",  # HashiCorp Vault
    r"(?:PMAK|PMAT)-[0-9A-Za-z-]{24,}",  # Postman
    r"xkeysib-[0-9a-f]{64}-\w{16}",  # Brevo
    r"retool_wk_[0-9a-f]{32}",
    r"ATATT3x[\w=-]{20,}",  # Atlassian
    r"eyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]{4,}",  # JSON Web Tokens
)
KNOWN_TOKEN = re.compile(rf"(?<![\w-])(?:{'|'.join(_KNOWN_TOKENS)})")
"""A token of a service, known by its form: ``ghp_...``, ``sk_live_...``, a JWT."""


def is_secret_name(name: str) -> bool:
    """Whether a parameter of this name may hold a secret: ``token``, ``api_key``, ``accessToken``, ``auth[secret]``...

    Only whole words count, so ``author`` and ``keyword`` do not. ``public_key`` and ``webhook_key`` are identifiers.
    """
    words = _words(name)
    if not words:
        return False
    if not _SECRET_WORDS.isdisjoint(words) or "".join(words).endswith(_SECRET_ENDINGS):
        return True
    return words[-1] in {"key", "keys"} and _HARMLESS_KEYS.isdisjoint(words)


def is_surely_secret(name: str, value: str) -> bool:
    """Whether a parameter's name and value both say that it holds a secret.

    The name's last word tells what the value is: ``token_type`` is a type, and ``key_id`` an identifier. The value must
    be drawn at random, and longer than an identifier if the name is ambiguous; a password only has to look like one. A
    key that is made to be public, such as ``pk_live_...``, is no secret.

    :param value: percent-decoded.
    """
    words = [word for word in _words(name) if len(word) > 1]
    if not words or not is_secret_name(words[-1] if words[-1] not in {"key", "keys"} else name):
        return False
    if _PUBLIC_KEY.match(value):
        return False
    if words[-1].endswith(_PASSWORDS):
        return _looks_like_password(value)
    if words[-1] not in _AMBIGUOUS or "".join(words).endswith(_SECRET_ENDINGS):
        return is_drawn(value, _LEAST_DRAWN)
    return is_drawn(value, _LEAST_DRAWN_IF_AMBIGUOUS) and not _UUID.fullmatch(value)


def is_drawn(value: str, least: int) -> bool:
    """Whether a text looks drawn at random, and not written by people.

    In a drawn text, about every second time a letter follows a digit, a digit a letter, or a capital a small letter;
    several capitals stand together in several places; or nobody can speak it. In words, names, versions and dates that
    is rare. Of drawn texts of 32 characters, fewer than one in fifty are missed.

    :param least: how many characters it must have.
    """
    value = value[:_LONGEST_JUDGED]
    if len(value) < least or not _DRAWN_LETTERS.fullmatch(value):
        return False
    letters = "".join(letter for letter in value if letter.isalnum())
    if (len(value) - len(letters)) * _MOST_SEPARATORS > len(value):
        return False
    if _HEX.fullmatch(letters):
        return len(set(letters)) >= _LEAST_DIFFERENT
    numbers = len(_NUMBER.findall(letters))
    if _changes_often(letters) or (not letters.isupper() and len(_CAPITALS.findall(letters)) >= 3):
        return True
    return numbers >= 2 and _UNSPEAKABLE.search(letters) is not None


def _changes_often(letters: str) -> bool:
    numbers = len(_NUMBER.findall(letters))
    if numbers == 1:  # a number behind words says nothing about them
        letters = letters.rstrip("0123456789")
    changes = len(_CHANGE.findall(letters))
    # Words in camel case have a change for every word, so that more are needed where capitals and small letters mix.
    every = 4.5 if letters.islower() or letters.isupper() else 3.5 if numbers else 3
    is_often = changes * every >= len(letters) or (numbers >= 4 and changes * 7 >= len(letters))
    return is_often and changes >= _LEAST_CHANGES


def _looks_like_password(value: str) -> bool:
    is_long = _LEAST_PASSWORD <= len(value) <= _LONGEST_JUDGED
    return is_long and value.lower() not in _NO_PASSWORDS and not _PLACEHOLDER.search(value)


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]
