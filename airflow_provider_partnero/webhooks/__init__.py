"""What to think about webhooks: pure functions over models, no I/O, no Airflow."""
