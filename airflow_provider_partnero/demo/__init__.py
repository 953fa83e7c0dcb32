"""``partnero-demo``: the provider on a real Airflow against the sandbox.

``cli`` is the command line. ``story`` is what the demo does in the terminal, ``web_ui`` what ``--ui`` does.
``programme`` is the Partnero that both work on, ``airflow`` the Airflow that does the work.
"""
