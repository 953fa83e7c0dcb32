"""How quick the sandbox is for the tests that use it: ``python tests/benchmarks/bench_sandbox.py``."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import requests

from airflow_provider_partnero.sandbox import Sandbox

WEBHOOKS, ROUNDS, PAGES = 10_000, 20, (1, 50, 100)


def milliseconds(action: Callable[..., object], *arguments: object) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    action(*arguments)
    return (time.perf_counter() - started) * 1000


def measure_start_and_stop() -> None:
    """Print the median time of a start and of a stop."""
    starts, stops = [], []
    for _ in range(ROUNDS):
        sandbox = Sandbox()
        starts.append(milliseconds(sandbox.start))
        stops.append(milliseconds(sandbox.stop))
    print(f"start {median(starts):.1f} ms, stop {median(stops):.1f} ms")


def measure_pages(sandbox: Sandbox, api: requests.Session) -> None:
    """Print how long it takes to seed many webhooks, and to read a page of them."""

    def read(page: int) -> None:
        api.get(f"{sandbox.base_url}/webhooks", params={"limit": 100, "page": page})

    print(f"{WEBHOOKS:,} webhooks seeded in {milliseconds(sandbox.seed, WEBHOOKS):.0f} ms")
    for page in PAGES:
        times = [milliseconds(read, page) for _ in range(ROUNDS)]
        print(f"page {page} of {WEBHOOKS // 100}: {median(times):.1f} ms")


def measure_seeds(sandbox: Sandbox, api: requests.Session) -> None:
    """Print how long it takes to start over with another seed of faults."""

    def start_over(seed: int) -> None:
        sandbox.reset()
        sandbox.chaos(seed, 0)
        api.get(f"{sandbox.base_url}/webhooks")

    print(f"reset, new seed and one request: {median(milliseconds(start_over, seed) for seed in range(100)):.1f} ms")


def main() -> None:
    """Measure and print."""
    measure_start_and_stop()
    with Sandbox() as sandbox, requests.Session() as api:
        api.trust_env = False
        api.headers["Authorization"] = f"Bearer {sandbox.token}"
        measure_pages(sandbox, api)
        measure_seeds(sandbox, api)


if __name__ == "__main__":
    main()
