from datetime import datetime
from airflow.sdk import DAG, task
from airflow_provider_partnero.operators.partnero import *
def test_a(airflow, partnero_connection, partnero_sandbox):
    import time
    partnero_sandbox.seed(3)
    for n in range(3):
        t=time.time()
        with DAG(dag_id=f"probe{n}", schedule=None, start_date=datetime(2026,1,1), catchup=False) as dag:
            l = PartneroListWebhooksOperator(task_id="l")
            @task
            def keys(ws): return [w["key"] for w in ws]
            PartneroGetWebhookOperator.partial(task_id="g").expand(webhook_key=keys(l.output))
        print(airflow.run(dag), time.time()-t)
