"""The page about a programme, in Airflow's own pages."""
