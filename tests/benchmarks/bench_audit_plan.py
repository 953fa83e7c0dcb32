"""How the audit, the plan and the HTML report grow: ``python tests/benchmarks/bench_audit_plan.py``.

Prints medians in milliseconds for 1,000 and 10,000 webhooks of five events each, all declared, and their ratio: linear
is 10, quadratic 100.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from airflow_provider_partnero.api.models import Webhook, WebhookEvent
from airflow_provider_partnero.webhooks.audit import audit
from airflow_provider_partnero.webhooks.reconcile import WebhookSpec, plan
from airflow_provider_partnero.webhooks.report import render_report

SIZES = (1_000, 10_000)
ROUNDS = 5


def programme(size: int) -> tuple[list[Webhook], list[WebhookSpec]]:
    """Live webhooks and their declaration: one in ten drifted, missing or undeclared, one in seven inactive."""
    chance = random.Random(size)
    events = [str(event) for event in WebhookEvent]
    live, declared = [], []
    for number in range(size):
        url = f"https://hooks-{number % 50}.example.com/partnero/{number}?tenant={number}"
        chosen = tuple(chance.sample(events, 5))
        webhook = Webhook(f"{number:012d}", f"Webhook {number}", url, number % 7 != 0, chosen, f"{number:020d}")
        spec_url = url if number % 10 else f"{url}&moved=yes"
        live.append(webhook)
        if number % 20 != 1:
            declared.append(WebhookSpec(webhook.name, spec_url, chosen, is_active=webhook.is_active))
        if number % 20 == 2:
            declared.append(WebhookSpec(f"Missing {number}", url, chosen))
    return live, declared


def same_everywhere(size: int) -> list[Webhook]:
    """The worst case of the rules that compare webhooks: one URL, one secret, the same events, all alike."""
    events = tuple(str(event) for event in list(WebhookEvent)[:5])
    return [Webhook(f"{number}", "Same", "https://example.com/", True, events, "s" * 20) for number in range(size)]


def milliseconds(run: Callable[[], Any]) -> float:
    """The median time of a call."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        run()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def measurements(size: int) -> dict[str, float]:
    """What is measured, for one size."""
    live, declared = programme(size)
    alike = same_everywhere(size)
    run_audit = partial(
        audit, live, declared=declared, allowed_hosts=["*.example.com"], required_events=["partner.created"]
    )
    report = run_audit()
    render = partial(
        render_report, report, title="Benchmark", generated_at=datetime(2026, 11, 23, tzinfo=UTC), conn_id="partnero"
    )
    planned = plan(declared, live, prune=True)
    return {
        "audit, all rules": milliseconds(run_audit),
        "audit, all webhooks alike": milliseconds(partial(audit, alike)),
        "plan": milliseconds(partial(plan, declared, live, prune=True)),
        "plan as text": milliseconds(planned.render),
        "table": milliseconds(report.to_table),
        "HTML": milliseconds(partial(render, suffix=".html")),
        "Markdown": milliseconds(partial(render, suffix=".md")),
        "JSON": milliseconds(partial(render, suffix=".json")),
        "HTML, size in kB": len(render(suffix=".html").encode()) / 1000,
    }


def main() -> None:
    small, large = (measurements(size) for size in SIZES)
    sys.stdout.write(f"{'median of ' + str(ROUNDS) + ', ms':28}{SIZES[0]:>10,}{SIZES[1]:>10,}{'ratio':>8}\n")
    for what, figure in small.items():
        sys.stdout.write(f"{what:28}{figure:>10.1f}{large[what]:>10.1f}{large[what] / figure:>8.1f}\n")


if __name__ == "__main__":
    main()
