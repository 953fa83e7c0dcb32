"""Addresses that services make for a test or a preview: they stop working, or show deliveries to whoever tests.

Services that are for nothing but tests are in :mod:`.hosts`.
"""

from __future__ import annotations

import re
from functools import cache

# What the address is, and how its path looks. Services that people run themselves have any host.
_PATHS = {
    "an n8n test address": r"/(?:webhook|form|mcp)-test(?:/|$)",
    "the test version of a Bubble app": r"/version-(?!live/)[\w-]+/api/1\.1/wf/",
    "Bubble's address for detecting what a request holds": r"/api/1\.1/wf/[^/]{1,200}/initialize/?$",
    "Budibase's address for learning what a request holds": r"/api/webhooks/schema/",
    "an Activepieces test address": r"/api/v1/webhooks/[0-9A-Za-z]{21}/(?:test|draft)/?$",
}
# What the address is, and how its host and the start of its path look together.
_HOSTS = {
    "a Replit development address": r"[^/]+\.replit\.dev/",
    "a Latenode development address": r"webhook\.latenode\.com/\d+/dev/",
    "an Apps Script test deployment": r"script\.google\.com/(?:[^/]{1,200}/){2,6}dev/?$",
    "a Netlify preview": r"deploy-preview-\d+--[^/]+\.netlify\.app/",
    "a Vercel preview": r"[^/]+-git-(?!main-|master-|prod)[^/]+\.vercel\.app/",
    "a Firebase preview": r"[^/.]+--[^/.]+-[a-z0-9]{8,10}\.web\.app/",
    "a Cloudflare Pages preview": r"[0-9a-f]{8}\.[^/.]+\.pages\.dev/",
    "a review app": r"[^/]+-pr-\d+(?:-[0-9a-f]+)?\.(?:herokuapp\.com|onrender\.com|up\.railway\.app)/",
}


def leftover(host: str, path: str) -> str | None:
    """What kind of test address this is; None if it is none.

    :param host: in normal form.
    :param path: as it is in the URL; empty or from its first slash.
    """
    whole = f"{host}{path or '/'}"
    if not _any_form().search(whole):
        return None
    on_any_host = (kind for kind, form in _PATHS.items() if re.search(form, path))
    return next(on_any_host, None) or next((kind for kind, form in _HOSTS.items() if re.match(form, whole)), None)


@cache
def _any_form() -> re.Pattern[str]:
    """What every test address matches, so that one search is enough for nearly all URLs."""
    return re.compile("|".join((*_PATHS.values(), *(f"^{form}" for form in _HOSTS.values()))))
