// Fetches what is kept of a delivery when it is unfolded, once.
"use strict";

{
  const PATIENCE = 15000; // milliseconds

  async function load(fold) {
    const place = fold.querySelector("[role=status]");
    const link = place.querySelector("a");
    place.textContent = "Loading …";
    try {
      const token = window.localStorage.getItem("token"); // of Airflow 3.0, which knows nobody by a cookie
      const answer = await fetch(fold.dataset.payload, {
        headers: token ? { Accept: "text/plain", Authorization: `Bearer ${token}` } : { Accept: "text/plain" },
        signal: AbortSignal.timeout(PATIENCE),
      });
      const text = await answer.text();
      if (!answer.ok) {
        throw new Error(answer.status === 403 ? "You may not see it." : `Airflow answered ${answer.status}.`);
      }
      const block = document.createElement("pre");
      block.tabIndex = 0;
      block.textContent = text;
      place.replaceChildren(block);
    } catch (error) {
      delete fold.dataset.asked;
      place.replaceChildren(`It could not be loaded: ${error.message} `, link);
    }
  }

  document.addEventListener(
    "toggle",
    (event) => {
      const fold = event.target;
      if (fold.open && fold.matches("details[data-payload]") && !("asked" in fold.dataset)) {
        fold.dataset.asked = "";
        load(fold);
      }
    },
    true, // this event does not bubble
  );
}
