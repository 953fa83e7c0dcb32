"""Who may sign deliveries: what Airflow's connections say, and the secrets that Partnero has."""
