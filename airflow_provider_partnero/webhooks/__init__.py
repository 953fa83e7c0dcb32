"""Decisions about webhooks: pure functions over models, without I/O and without Airflow."""
