"""``partnero-receiver``: the receiver apart from Airflow's API server, and the drain of raw deliveries."""
