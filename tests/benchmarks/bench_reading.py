"""Requests and wall time to read 10,000 webhooks at 20 ms latency: ``python tests/benchmarks/bench_reading.py``.

Ours against the PyPI package ``partnero`` and plain ``requests``, both looped over their pages, and against an asyncio
client with the same concurrency. The sandbox runs in a process of its own.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

import httpx
import requests
from partnero import PartneroClient as PyPIClient  # type: ignore[import-untyped]

from airflow_provider_partnero.api import PartneroClient
from airflow_provider_partnero.sandbox import SandboxControl

WEBHOOKS, LATENCY, ROUNDS, CONCURRENCY, TOKEN = 10_000, 0.02, 3, 8, "demo"


def ours(base_url: str) -> int:
    """``iter_webhooks`` as it comes."""
    with PartneroClient(TOKEN, base_url, page_concurrency=CONCURRENCY) as client:
        return len(list(client.iter_webhooks()))


def pypi(base_url: str) -> int:
    """The PyPI package, looped over its pages with the largest limit."""
    client = PyPIClient(TOKEN)
    client.webhook.base_url = f"{base_url}/"
    return _looped(lambda page: client.webhook.list_webhooks(limit=100, page=page))


def plain(base_url: str) -> int:
    """A ``requests`` session, looped over the pages."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {TOKEN}"
        return _looped(
            lambda page: session.get(f"{base_url}/webhooks", params={"limit": 100, "page": page}, timeout=30).json()
        )


def _looped(read: Callable[[int], dict[str, list[object]]]) -> int:
    count = page = 0
    while True:
        page += 1
        part = read(page)["data"]
        count += len(part)
        if len(part) < 100:
            return count


def on_asyncio(base_url: str) -> int:
    """httpx on asyncio, told in advance how many pages there are."""

    async def read() -> int:
        limits = httpx.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(headers=headers, limits=limits, timeout=30) as client:

            async def one(page: int) -> int:
                answer = await client.get(f"{base_url}/webhooks", params={"limit": 100, "page": page})
                return len(answer.json()["data"])

            return sum(await asyncio.gather(*(one(page) for page in range(1, WEBHOOKS // 100 + 1))))

    return asyncio.run(read())


def main() -> None:
    """Print medians and ratios."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "airflow_provider_partnero.sandbox", "--port", str(port), "--token", TOKEN]
    with subprocess.Popen([*command, "--latency", str(LATENCY)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "Ctrl-C" not in process.stdout.readline():
            pass
        control = SandboxControl(f"http://127.0.0.1:{port}")
        control.seed(WEBHOOKS)
        seconds: dict[str, list[float]] = {}
        asked: dict[str, int] = {}
        for _ in range(ROUNDS):
            for reader in (ours, pypi, plain, on_asyncio):
                control.clear_requests()
                started = time.perf_counter()
                assert reader(f"http://127.0.0.1:{port}/v1") == WEBHOOKS
                seconds.setdefault(reader.__name__, []).append(time.perf_counter() - started)
                asked[reader.__name__] = len(control.requests())
        process.terminate()
    base = median(seconds["ours"])
    print(f"{WEBHOOKS:,} webhooks, {LATENCY * 1000:g} ms latency, concurrency {CONCURRENCY}, median of {ROUNDS} rounds")
    for name, times in seconds.items():
        print(f"{name:>10}: {median(times):6.2f} s, {asked[name]:>4} requests, {median(times) / base:5.2f} x ours")


if __name__ == "__main__":
    main()
