// What is shown of the items? Three lists, each a page at a time: problems, before and after, and the table.
const filter = { state: "", text: "" };
const sorting = { sort: "", falling: false };

const makeList = ({ section, size, wanted, draw, hideEmpty }) => {
  const list = { offset: 0, total: 0, asked: 0 };
  const back = element("button", { type: "button", "aria-label": "Page before" }, "‹");
  const on = element("button", { type: "button", "aria-label": "Next page" }, "›");
  const range = element("span", { class: "dim range" });
  section.querySelector(".pager").replaceChildren(range, back, on);
  const turn = (offset) => {
    list.offset = offset;
    return list.refresh();
  };
  back.addEventListener("click", () => turn(Math.max(0, list.offset - size)));
  on.addEventListener("click", () => turn(list.offset + size));
  list.first = () => turn(0);
  list.refresh = async () => {
    const asked = ++list.asked;
    const found = await askRows({ ...wanted(), offset: list.offset, limit: size });
    if (asked !== list.asked) return; // a later question is on its way
    if (list.offset && list.offset >= found.total) return turn(Math.floor((found.total - 1) / size) * size || 0);
    list.total = found.total;
    const last = Math.min(list.offset + size, found.total);
    range.textContent = found.total ? `${number(list.offset + 1)}–${number(last)} of ${number(found.total)}` : "";
    back.disabled = list.offset === 0;
    on.disabled = last >= found.total;
    section.querySelector(".pager").hidden = found.total <= size;
    if (hideEmpty) section.hidden = found.total === 0;
    draw(found.rows, found.total);
  };
  return list;
};

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
    element("td", {}, badge(row.state)),
    item,
    figure(row.frames || ""),
    figure(row.width ? `${row.width}×${row.height}` : ""),
    figure(row.chunksPlanned ? `${row.chunks} / ${row.chunksPlanned}${reused}` : ""),
    figure(row.time),
    element("td", { class: "note" }, name(row.note)),
  );
};

const at = (id) => document.getElementById(id);
const count = (section, total) => (section.querySelector(".count").textContent = number(total));

const problems = makeList({
  section: at("attention-section"),
  size: 8,
  hideEmpty: true,
  wanted: () => ({ state: "bad" }),
  draw: (rows, total) => {
    count(at("attention-section"), total);
    document.querySelector(".problems").replaceChildren(...rows.map(drawProblem));
  },
});

// A card that stays keeps its place, its cut and its moment.
const drawGallery = (rows, total) => {
  const gallery = document.querySelector(".gallery");
  const key = (row) => `${row.id}\n${row.picture[0]}`;
  const kept = new Map([...gallery.children].map((card) => [card.rowKey, card]));
  const cards = rows.map((row) => {
    const card = kept.get(key(row)) ?? Object.assign(makeCard(row), { rowKey: key(row) });
    kept.delete(key(row));
    return card;
  });
  kept.forEach(dropCard);
  cards.forEach((card, index) => gallery.children[index] !== card && gallery.insertBefore(card, gallery.children[index] ?? null));
  count(at("gallery-section"), total);
};
const gallery = makeList({
  section: at("gallery-section"),
  size: 12,
  hideEmpty: true,
  wanted: () => ({ ...filter, pictures: true }),
  draw: drawGallery,
});

const table = makeList({
  section: at("list-section"),
  size: 100,
  wanted: () => ({ ...filter, ...sorting }),
  draw: (rows, total) => {
    count(at("items-section"), total);
    document.querySelector("#table tbody").replaceChildren(...rows.map(drawRow));
    at("nothing").hidden = total > 0;
  },
});

const lists = [problems, gallery, table];
const refreshAll = () => Promise.all(lists.map((list) => list.refresh()));

at("search").addEventListener("input", (event) => {
  filter.text = event.target.value.trim();
  gallery.first();
  table.first();
});
for (const button of document.querySelectorAll(".filters button")) {
  button.addEventListener("click", () => {
    filter.state = button.dataset.state;
    document.querySelectorAll(".filters button").forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
    gallery.first();
    table.first();
  });
}
for (const button of document.querySelectorAll("#table th button")) {
  button.addEventListener("click", () => {
    sorting.falling = sorting.sort === button.dataset.sort && !sorting.falling;
    sorting.sort = button.dataset.sort;
    document.querySelectorAll("#table th").forEach((head) => head.setAttribute("aria-sort", "none"));
    button.parentElement.setAttribute("aria-sort", sorting.falling ? "descending" : "ascending");
    table.first();
  });
}
document.querySelector(".problems").addEventListener("click", async ({ target }) => {
  if (!target.matches(".copy")) return;
  const code = target.previousElementSibling;
  try {
    await navigator.clipboard.writeText(code.textContent);
    target.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(code); // pages opened from a disk may not write to the clipboard
    target.textContent = "Selected";
  }
});

const begun = refreshAll().then(() => (document.documentElement.dataset.ready = "yes"));
