"""What ``airflow partnero ...`` and ``python -m airflow_provider_partnero ...`` do. They import nothing heavy."""

DESCRIPTION = "Partnero's webhooks as code: export, plan, apply, audit."
