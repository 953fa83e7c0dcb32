"""What ``airflow partnero ...`` and ``python -m airflow_provider_partnero ...`` do. They import nothing heavy."""
