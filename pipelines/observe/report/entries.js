// One item as an entry of a list: what is wrong with it and how to see it again, or its line of the table.
const badge = (state) => element("span", { class: `badge ${state}` }, state);

const drawProblem = (row) => {
  const [context, command] = row.problem;
  return element(
    "li",
    { class: `problem ${row.state}` },
    element("p", { class: "title" }, badge(row.state), " ", element("bdi", { class: "mono" }, row.video)),
    element("p", { class: "reason" }, name(row.note)),
    element("p", { class: "context" }, context),
    element("div", { class: "command" }, element("code", {}, command), element("button", { type: "button", class: "copy" }, "Copy")),
  );
};

const drawRow = (row) => {
  const reused = row.chunksReused ? ` (${row.chunksReused} reused)` : "";
  const item = element("td", { class: "name", title: row.video }, row.href ? element("a", { href: row.href }, name(row.id)) : name(row.id));
  if (row.picture) {
    const look = element("button", { type: "button", class: "look", "aria-label": `Pictures of ${row.id}` }, "pictures");
    look.addEventListener("click", () => view(row));
    item.append(" ", look);
  }
  const figure = (text) => element("td", { class: "number" }, String(text));
  return element(
    "tr",
    { "data-state": row.state },
    element("td", {}, badge(row.state), row.review ? element("span", { class: "badge review" }, "review") : null),
    item,
    figure(row.frames || ""),
    figure(row.width ? `${row.width}×${row.height}` : ""),
    figure(row.chunksPlanned ? `${row.chunks} / ${row.chunksPlanned}${reused}` : ""),
    figure(row.time),
    figure(row.score === null ? "" : row.score.toFixed(2)),
    element("td", { class: "note" }, name([row.reviewReason, row.note].filter(Boolean).join("; "))),
  );
};
