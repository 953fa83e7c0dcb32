"""What Partnero delivered, in Airflow's own database: once each, routed or not."""
