"""Airflow as companies run it: two of each part, tasks on Celery workers, a balancer before the API servers."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_partnero.sandbox import Sandbox
from tests.e2e.cluster import AIRFLOW, Cluster
from tests.e2e.postgres import Postgres
from tests.e2e.processes import free_port

WORKERS = ("worker-1", "worker-2")
TRIGGERERS = ("triggerer-1", "triggerer-2")
SCHEDULERS = ("scheduler-1", "scheduler-2")
API_SERVERS = ("api-server-1", "api-server-2")
PARTS = (*API_SERVERS, *SCHEDULERS, *TRIGGERERS, *WORKERS, "dag-processor")
CONCURRENCY = 3  # tasks at a time on each worker

# Airflow gives what was killed minutes to come back; here it gets seconds, so that a test sees tasks tried again.
# On a busy machine this takes some tasks for killed that are not: only for tasks that are tried again.
_IMPATIENT = {
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "10",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__NUM_STUCK_IN_QUEUED_RETRIES": "50",
}


class Distributed(Cluster):
    """All parts twice but for the DAG processor; each can be killed and started again."""

    def __init__(self, folder: Path, sandbox: Sandbox, database: Postgres, broker: str, dags: Path) -> None:
        """
        :param folder: of its own; everything is in there.
        :param sandbox: the Partnero behind ``partnero_default``.
        :param database: a server with a migrated database.
        :param broker: URL of a Redis.
        :param dags: folder of the DAGs.
        """
        super().__init__(folder, sandbox, database, dags)
        self.api_ports = [free_port() for _ in API_SERVERS]
        url = self.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
        self.environment |= {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__PARALLELISM": "32",
            "AIRFLOW__CELERY__BROKER_URL": broker,
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{url}",
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(CONCURRENCY),
            "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
        }

    def start(self, *parts: str) -> None:
        """Start parts by their names, such as ``scheduler-2``."""
        for part in parts:
            self._start(part, self._command(part))

    def kill_and_start(self, part: str) -> None:
        """SIGKILL to the part and all it started; another takes its place at once, as under a supervisor."""
        self.kill(part)
        self.start(part)

    def make_impatient(self) -> None:
        """From now on, the schedulers take a task for killed after seconds."""
        self.environment |= _IMPATIENT
        for scheduler in SCHEDULERS:
            self.kill_and_start(scheduler)

    def part_of(self, pid: int) -> str | None:
        """The part that has started a process; None if it is over."""
        return next((part for part in PARTS if self.is_of(part, pid)), None)

    def _command(self, part: str) -> list[str]:
        command = [AIRFLOW, part.removesuffix("-1").removesuffix("-2")]
        if part in API_SERVERS:
            return [*command, "--port", str(self.api_ports[API_SERVERS.index(part)]), "--workers", "1"]
        if part in WORKERS:
            pid_file = str(self.folder / f"{part}.pid")
            return [AIRFLOW, "celery", "worker", "-H", part, "--skip-serve-logs", "--pid", pid_file]
        if part in TRIGGERERS:
            return [*command, "--skip-serve-logs"]
        return command
