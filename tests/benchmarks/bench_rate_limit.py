"""Refusals and time to read 10,000 webhooks through a rate limit: ``python tests/benchmarks/bench_rate_limit.py``.

The sandbox admits 20 requests in 6 seconds. So the 100 pages take 24 seconds at least: 20 at once, and 20 more after
every 6 seconds. Takes some seven minutes; ``--requests 30 --seconds 3 --concurrency 8`` tries another limit.
"""

from __future__ import annotations

import argparse
import logging
import time

from airflow_provider_partnero.api import PartneroClient
from airflow_provider_partnero.sandbox import Profile, Sandbox

WEBHOOKS, PAGES = 10_000, 100


def measure(requests: int, seconds: float, concurrency: int, form: str) -> None:
    """Print one row."""
    with Sandbox() as sandbox:
        sandbox.reset(Profile(retry_after=form))  # type: ignore[arg-type]
        sandbox.seed(WEBHOOKS)
        sandbox.set_rate_limit(requests, seconds)
        started = time.monotonic()
        with PartneroClient(sandbox.token, sandbox.base_url, page_concurrency=concurrency) as client:
            assert len(list(client.iter_webhooks())) == WEBHOOKS
        taken = time.monotonic() - started
        refused = sandbox.refusals()
    least = (PAGES - 1) // requests * seconds
    words = {"seconds": "with Retry-After", "none": "without"}[form]
    print(
        f"{words:>16}, {concurrency:>2} in flight: {refused:>3} refusals ({refused / concurrency:4.2f} x concurrency), "
        f"{taken:5.1f} s, {taken / least:4.2f} x the least",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--concurrency", type=int, nargs="*", default=[1, 2, 4, 8, 16, 32, 64])
    limit = parser.parse_args()
    logging.disable(logging.WARNING)
    print(f"{limit.requests} requests in {limit.seconds:g} s")
    for form in ("seconds", "none"):
        for concurrency in limit.concurrency:
            measure(limit.requests, limit.seconds, concurrency, form)


if __name__ == "__main__":
    main()
