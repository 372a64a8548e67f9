// While the graph is developed: tells what is wrong with what was saved, and shows the page anew with a new version.
"use strict";

(() => {
  const address = `${window.location.pathname}/graphiql/dev.json`;
  const panel = document.createElement("section");
  panel.className = "dev-problems";
  panel.setAttribute("role", "alert");
  panel.hidden = true;
  document.body.append(panel);
  let version = null;
  let shown = "";

  function show(problems) {
    const text = problems.join("\n");
    if (text === shown) return;
    shown = text;
    panel.hidden = problems.length === 0;
    const title = document.createElement("strong");
    title.textContent = "What was saved is not served; the version before is.";
    const list = document.createElement("ul");
    for (const problem of problems) {
      const item = document.createElement("li");
      item.textContent = problem;
      list.append(item);
    }
    panel.replaceChildren(title, list);
  }

  async function look() {
    try {
      const answer = await fetch(address, { cache: "no-store" });
      if (!answer.ok) return;
      const status = await answer.json();
      if (version !== null && status.version !== version) window.location.reload();
      version = status.version;
      show(status.problems);
    } catch {
      // The next version is about to listen, or `gateway dev` has ended.
    }
  }

  look();
  setInterval(look, 1000);
})();
