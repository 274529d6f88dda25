// Lists of items, each a page at a time: what needs a look (pictures, and items without an output), all other pictures,
// and the table.
const filter = { state: "", text: "" };
const sorting = { sort: "", falling: false };

const NOTHING = { rows: [], total: 0 };

const makeList = ({ section, size, wanted, draw, hideEmpty }) => {
  const list = { offset: 0, total: 0, asked: 0 };
  const back = element("button", { type: "button", "aria-label": "Previous page" }, "‹");
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
    const wish = wanted();
    const found = wish ? await askRows({ ...wish, offset: list.offset, limit: size }) : NOTHING;
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

const at = (id) => document.getElementById(id);
const count = (section, total) => (section.querySelector(".count").textContent = number(total));

// A card that stays keeps its place, its cut and its moment.
const drawCards = (gallery, rows) => {
  const key = (row) => `${row.id}\n${row.picture?.source.slice(-80)}\n${row.score}\n${row.reviewReason}`; // a source may be long
  const kept = new Map([...gallery.children].map((card) => [card.rowKey, card]));
  const cards = rows.map((row) => {
    const card = kept.get(key(row)) ?? Object.assign(makeCard(row), { rowKey: key(row), row });
    kept.delete(key(row));
    return card;
  });
  kept.forEach(dropCard);
  cards.forEach((card, index) => gallery.children[index] !== card && gallery.insertBefore(card, gallery.children[index] ?? null));
};

const BAD = ["quarantined", "failed"];
const needing = { review: 0, problems: 0 };
const countNeeding = (part, total) => {
  needing[part] = total;
  count(at("attention-section"), needing.review + needing.problems);
  at("attention-section").hidden = needing.review + needing.problems === 0;
};

const review = makeList({
  section: at("review-list"),
  size: 6,
  hideEmpty: true,
  wanted: () => ({ ...filter, review: "yes", sort: "score" }),
  draw: (rows, total) => {
    drawCards(at("review"), rows);
    countNeeding("review", total);
  },
});

const problems = makeList({
  section: at("problem-list"),
  size: 6,
  hideEmpty: true,
  wanted: () => (filter.state && !BAD.includes(filter.state) ? null : { ...filter, state: filter.state || "bad" }),
  draw: (rows, total) => {
    document.querySelector(".problems").replaceChildren(...rows.map(drawProblem));
    countNeeding("problems", total);
  },
});

const orders = {
  score: { sort: "score" },
  time: { sort: "seconds", falling: true },
  name: { sort: "id" },
  run: {},
};
const gallery = makeList({
  section: at("gallery-section"),
  size: 12,
  hideEmpty: true,
  wanted: () => ({ ...filter, ...orders[at("order").value], pictures: true, review: "no" }),
  draw: (rows, total) => {
    drawCards(at("gallery"), rows);
    count(at("gallery-section"), total);
  },
});

const table = makeList({
  section: at("list-section"),
  size: 100,
  wanted: () => ({ ...filter, ...sorting }),
  draw: (rows, total) => {
    count(at("list-section"), total);
    document.querySelector("#table tbody").replaceChildren(...rows.map(drawRow));
    at("nothing").hidden = total > 0;
  },
});

const lists = [review, problems, gallery, table];
const toFirst = () => lists.forEach((list) => list.first());
const refreshAll = () => Promise.all(lists.map((list) => list.refresh()));

at("search").addEventListener("input", (event) => {
  filter.text = event.target.value.trim();
  toFirst();
});
for (const button of document.querySelectorAll(".filters button")) {
  button.addEventListener("click", () => {
    filter.state = button.dataset.state;
    document.querySelectorAll(".filters button").forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
    toFirst();
  });
}
at("order").addEventListener("change", () => gallery.first());
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
