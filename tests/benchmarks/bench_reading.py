"""Wall time, CPU and requests to read webhooks: ``python tests/benchmarks/bench_reading.py``.

10,000 webhooks at 20 and 100 ms latency, and 1,000 without latency. Ours against the PyPI package ``partnero`` and
plain ``requests``, both looped over their pages, and against an asyncio client with the same concurrency that must find
the end of the list by itself, as ours does. The sandbox runs in a process of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from statistics import median

import httpx
import requests
from partnero import PartneroClient as PyPIClient  # type: ignore[import-untyped]

from airflow_provider_partnero.api import PartneroClient
from airflow_provider_partnero.sandbox import SandboxControl

ROUNDS, CONCURRENCY, TOKEN = 5, 8, "demo"
CASES = ((10_000, 0.02), (10_000, 0.1), (1_000, 0.0))  # webhooks, seconds of latency


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
    """httpx on asyncio: a window of requests that runs ahead until a page is short."""

    async def read() -> int:
        limits = httpx.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(headers=headers, limits=limits, timeout=30) as client:

            async def one(page: int) -> int:
                answer = await client.get(f"{base_url}/webhooks", params={"limit": 100, "page": page})
                return len(answer.json()["data"])

            count, numbers = 0, itertools.count(1)
            window = deque(asyncio.ensure_future(one(next(numbers))) for _ in range(CONCURRENCY))
            while True:
                size = await window.popleft()
                count += size
                if size < 100:
                    for task in window:
                        task.cancel()
                    return count
                window.append(asyncio.ensure_future(one(next(numbers))))

    return asyncio.run(read())


def measure(control: SandboxControl, base_url: str, webhooks: int, latency: float) -> None:
    """Print the medians of one case."""
    control.reset()
    control.seed(webhooks)
    control.set_latency(latency)
    readers: tuple[Callable[[str], int], ...] = (ours, pypi, plain, on_asyncio)
    seconds: dict[str, list[float]] = {}
    cpu: dict[str, list[float]] = {}
    asked: dict[str, int] = {}
    for _ in range(ROUNDS):
        for reader in readers:
            control.clear_requests()
            started, used = time.perf_counter(), time.process_time()
            assert reader(base_url) == webhooks
            seconds.setdefault(reader.__name__, []).append(time.perf_counter() - started)
            cpu.setdefault(reader.__name__, []).append(time.process_time() - used)
            asked[reader.__name__] = len(control.requests())
    base = median(seconds["ours"])
    print(f"{webhooks:,} webhooks, {latency * 1000:g} ms latency, concurrency {CONCURRENCY}, median of {ROUNDS} rounds")
    for name, times in seconds.items():
        page = median(cpu[name]) / asked[name] * 1000
        print(
            f"{name:>10}: {median(times):6.3f} s, {median(times) / base:5.2f} x ours, {asked[name]:>4} requests, "
            f"{page:.1f} ms of CPU each"
        )


def main() -> None:
    """Print medians and ratios."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "airflow_provider_partnero.sandbox", "--port", str(port), "--token", TOKEN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "Ctrl-C" not in process.stdout.readline():
            pass
        control = SandboxControl(f"http://127.0.0.1:{port}")
        for webhooks, latency in CASES:
            measure(control, f"http://127.0.0.1:{port}/v1", webhooks, latency)
        process.terminate()


if __name__ == "__main__":
    main()
