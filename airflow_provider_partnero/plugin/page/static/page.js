// Makes the page one of Airflow's own: it takes Airflow's theme, and its links to Airflow's pages work from the iframe,
// which may open neither a window nor another page of the browser by itself.
"use strict";

{
  const root = document.documentElement;
  const outside = (() => {
    try {
      return window.parent !== window && window.parent.document ? window.parent : null;
    } catch {
      return null; // another site's frame, which the policy forbids
    }
  })();
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function theme() {
    const around = outside && outside.document.documentElement.classList;
    if (around && (around.contains("dark") || around.contains("light"))) {
      return around.contains("dark") ? "dark" : "light";
    }
    const chosen = window.localStorage.getItem("theme");
    return chosen === "dark" || chosen === "light" ? chosen : dark.matches ? "dark" : "light";
  }

  function follow() {
    root.dataset.theme = theme();
  }

  follow();
  dark.addEventListener("change", follow);
  window.addEventListener("storage", follow);
  if (outside) {
    root.dataset.framed = "";
    new MutationObserver(follow).observe(outside.document.documentElement, { attributeFilter: ["class"] });
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-airflow]");
    if (!outside || !link || event.button !== 0) {
      return;
    }
    event.preventDefault();
    const proxy = outside.document.createElement("a");
    proxy.href = link.href;
    if (event.ctrlKey || event.metaKey || event.shiftKey) {
      proxy.target = "_blank";
    }
    proxy.click();
  });

  document.addEventListener("DOMContentLoaded", () => {
    for (const hidden of document.querySelectorAll(".with-script")) {
      hidden.hidden = false;
    }
    for (const chooser of document.querySelectorAll("input[type=file][data-into]")) {
      chooser.addEventListener("change", async () => {
        if (chooser.files.length) {
          document.getElementById(chooser.dataset.into).value = await chooser.files[0].text();
        }
      });
    }
  });
}
