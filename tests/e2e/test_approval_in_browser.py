"""What somebody sees who approves a plan in Airflow's own pages, and what then happens at Partnero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_partnero.demo.programme import BROKEN_PROGRAMME
from airflow_provider_partnero.sandbox import Sandbox

from .chromium import NEEDS_CHROMIUM
from .cluster import Cluster
from .pictures import THEMES, picture_for_readme, window
from .programme import SECRET, webhook
from .waiting import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.airflow, pytest.mark.postgres, *NEEDS_CHROMIUM]

DAG = "partnero_webhooks_as_code"
HOSTILE = "# <img src=x onerror=alert(1)> ``` **[click](https://evil.example)** {{ 7 * 7 }}"
URL_SECRET = "a8Kq2LmZ0pRt5Vw9"
RECEIVER = "https://airflow.acme.example/partnero/webhooks/partnero_default"

SHOWN = """\
- delete "# <img src=x onerror=alert(1)> ``` **[click](https://evil.e…" (key hostileName1)
-      url        https://hooks.acme.example/in?token=***
-      events     partner.created
-      is_active  true
! update "CRM: partners" (key crmPartners1)
-      url        https://old.acme.example/x
+      url        https://crm.acme.example/partnero
+      events     partner.updated
+ create "CRM: customers" (key {customers})
+      url        https://crm.acme.example/partnero/customers
+      events     customer.created
+      is_active  true
+ create "Data warehouse" (key {warehouse})
+      url        https://ingest.acme.example/partnero
+      events     customer.created
+                 transaction.created
+      is_active  true
+ create "Finance: commissions" (key {finance})
+      url        https://finance.acme.example/hooks/partnero
+      events     transaction.created
+                 transaction.deleted
+      is_active  true
"""


@pytest.fixture(autouse=True)
def _programme(e2e_sandbox: Sandbox) -> None:
    e2e_sandbox.reset()
    e2e_sandbox.put_webhooks(
        [
            webhook("crmPartners1", name="CRM: partners", url="https://old.acme.example/x", events=["partner.created"]),
            webhook("hostileName1", name=HOSTILE, url=f"https://hooks.acme.example/in?token={URL_SECRET}"),
            webhook("receiverHook", name="to Airflow", url=RECEIVER),
        ]
    )


def _asked(cluster: Cluster, browser: Browser, dag_id: str, **conf: str) -> tuple[str, Page]:
    """A run that waits for approval, and the page that asks for it."""
    run_id = cluster.trigger(dag_id, **conf)
    cluster.wait_for(lambda: cluster.state(dag_id, run_id, "ask_a_human") == "awaiting_input", "the question")
    cluster.wait_until_heard(dag_id, run_id, "ask_a_human")
    page = browser.new_page(viewport={"width": 1280, "height": 1400})
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{cluster.address}/dags/{dag_id}/runs/{run_id}/tasks/ask_a_human/required_actions")
    page.get_by_role("button", name="Approve").wait_for()
    return run_id, page


def _names(sandbox: Sandbox) -> dict[str, str]:
    return {webhook["name"]: webhook["key"] for webhook in sandbox.webhooks()}


def test_the_approver_sees_the_whole_plan_and_exactly_that_happens(
    cluster: Cluster, e2e_sandbox: Sandbox, browser: Browser
) -> None:
    run_id, page = _asked(cluster, browser, DAG, prune="true")
    shown = page.locator("code").all_inner_texts()
    everything = page.content()
    asked = page.inner_text("body")
    assert page.locator("img[src=x]").count() == page.get_by_role("link", name="click").count() == 0
    page.get_by_role("button", name="Approve").click()
    cluster.succeed(DAG, run_id)
    page.close()

    names = _names(e2e_sandbox)
    plan = SHOWN.format(
        customers=names["CRM: customers"], warehouse=names["Data warehouse"], finance=names["Finance: commissions"]
    )
    kept = '= keep "to Airflow" (key receiverHook): not deleted, since it delivers to this Airflow\'s receiver'
    assert [text.strip() for text in shown] == [plan.strip(), kept]
    assert "Plan: 3 to create, 1 to update, 1 to delete, 0 unchanged" in asked
    assert not any(secret in everything for secret in (SECRET, URL_SECRET))
    assert set(names) == {"CRM: partners", "CRM: customers", "Data warehouse", "Finance: commissions", "to Airflow"}
    writes = [(request.method, request.path) for request in e2e_sandbox.requests() if request.method != "GET"]
    assert writes == [
        *[("POST", "/webhooks")] * 3,
        ("PUT", "/webhooks/crmPartners1"),
        ("DELETE", "/webhooks/hostileName1"),
    ]


def test_an_approval_after_drift_fails_red_writes_nothing_and_its_log_shows_both_plans(
    cluster: Cluster, e2e_sandbox: Sandbox, browser: Browser
) -> None:
    run_id, page = _asked(cluster, browser, DAG, prune="true")
    e2e_sandbox.put_webhooks([webhook("byHand000001"), webhook("byHand000002")])
    before = e2e_sandbox.webhooks()
    page.get_by_role("button", name="Approve").click()
    assert cluster.end_of(DAG, run_id) == "failed"
    assert (cluster.state(DAG, run_id, "apply"), cluster.state(DAG, run_id, "audit")) == ("failed", "upstream_failed")
    assert e2e_sandbox.webhooks() == before
    assert {request.method for request in e2e_sandbox.requests()} == {"GET"}

    page.goto(f"{cluster.address}/dags/{DAG}/runs/{run_id}/tasks/apply")
    page.get_by_text("the plan is not the approved one, and nothing was written").first.wait_for()
    log = page.inner_text("body")
    page.close()
    assert "Plan: 3 to create, 1 to update, 1 to delete" in log
    assert "Plan: 3 to create, 1 to update, 3 to delete" in log
    assert not any(secret in log for secret in (SECRET, URL_SECRET))


def test_a_rejected_plan_is_not_applied(cluster: Cluster, e2e_sandbox: Sandbox, browser: Browser) -> None:
    run_id, page = _asked(cluster, browser, DAG, prune="true")
    page.get_by_role("button", name="Reject").click()
    cluster.succeed(DAG, run_id)
    page.close()
    assert cluster.state(DAG, run_id, "apply") == "skipped"
    assert {request.method for request in e2e_sandbox.requests()} == {"GET"}


def test_a_plan_too_long_for_the_question_says_how_much_is_left_out_and_links_to_its_log(
    cluster: Cluster, browser: Browser
) -> None:
    run_id, page = _asked(cluster, browser, "long_plan")
    assert "Plan: 300 to create" in page.inner_text("body")
    assert "... and 200 more actions" in page.inner_text("body")
    address = page.get_by_role("link", name="the log").get_attribute("href")
    assert address is not None
    page.goto(address)
    page.get_by_text("Webhook 199").first.wait_for()
    page.close()
    cluster.api("PATCH", f"/api/v2/dags/long_plan/dagRuns/{run_id}", state="failed")


def test_the_readme_shows_an_approval_as_it_is(cluster: Cluster, e2e_sandbox: Sandbox, browser: Browser) -> None:
    e2e_sandbox.reset()
    e2e_sandbox.put_webhooks(BROKEN_PROGRAMME)
    run_id, asking = _asked(cluster, browser, DAG, prune="true")
    for theme in THEMES:
        page = browser.new_page(**window(1200, 800, theme))
        page.set_default_timeout(PATIENCE * 1000)
        page.goto(asking.url)
        page.get_by_role("button", name="Reject").wait_for()
        page.get_by_text("Plan: ").first.wait_for()
        picture_for_readme(page, "approval", theme)
        page.close()
    asking.get_by_role("button", name="Reject").click()
    cluster.succeed(DAG, run_id)
    asking.close()
