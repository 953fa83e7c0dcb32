"""``partnero-demo``: the provider at work on a real Airflow against the sandbox."""
