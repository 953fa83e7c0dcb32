// Airflow 3.0 knows nobody by a cookie: its own pages keep the token, and send it with each request. So does this one.
"use strict";

const token = window.localStorage.getItem("token");
if (token) {
  const headers = { Accept: "text/html", Authorization: `Bearer ${token}` };
  fetch(window.location.href, { headers }).then(async (answer) => {
    if (answer.status !== 401) {
      const page = await answer.text();
      document.open();
      document.write(page);
      document.close();
    }
  });
}
