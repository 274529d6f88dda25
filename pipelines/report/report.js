"use strict";

// Before and after: the cut follows the slider, the moment follows the player. The strip's cells are shown by moving
// the background, so nothing is decoded twice.
const FRAME_MS = 350;
const cards = [...document.querySelectorAll(".card")].map((card) => {
  const columns = Number(card.dataset.columns);
  const moment = card.querySelector(".moment");
  const play = card.querySelector(".play");
  const show = (index) => {
    moment.value = String(index + 1);
    card.querySelector("output").textContent = `${index + 1}/${columns}`;
    card.style.setProperty("--moment", columns > 1 ? `${(100 * index) / (columns - 1)}%` : "0%");
  };
  const self = {
    playing: false,
    visible: true,
    set(playing) {
      self.playing = playing && columns > 1;
      play.setAttribute("aria-pressed", String(self.playing));
      play.textContent = self.playing ? "❚❚" : "▶";
    },
    step() {
      show(Number(moment.value) % columns);
    },
  };
  const cut = card.querySelector(".cut");
  cut.addEventListener("input", () => card.style.setProperty("--cut", `${cut.value}%`));
  moment.addEventListener("input", () => {
    self.set(false);
    show(Number(moment.value) - 1);
  });
  play.addEventListener("click", () => self.set(!self.playing));
  new IntersectionObserver(([entry]) => (self.visible = entry.isIntersecting)).observe(card);
  return self;
});
setInterval(() => cards.forEach((card) => card.playing && card.visible && card.step()), FRAME_MS);

const playAll = document.getElementById("play-all");
if (playAll) {
  const setAll = (playing) => {
    playAll.setAttribute("aria-pressed", String(playing));
    playAll.textContent = playing ? "Pause all" : "Play all";
    cards.forEach((card) => card.set(playing));
  };
  playAll.addEventListener("click", () => setAll(playAll.getAttribute("aria-pressed") !== "true"));
  // Pictures move by themselves only for those who have not asked for less motion.
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) setAll(true);
}

// The table: filter by state and text, sort by any column.
const body = document.querySelector("#table tbody");
const rows = [...body.rows];
const search = document.getElementById("search");
const stateButtons = [...document.querySelectorAll(".filters button")];
let wantedState = "";

const filter = () => {
  const text = search.value.trim().toLowerCase();
  let shown = 0;
  for (const row of rows) {
    const fits =
      (!wantedState || row.dataset.state === wantedState) && (!text || row.textContent.toLowerCase().includes(text));
    row.hidden = !fits;
    shown += fits;
  }
  document.getElementById("shown").textContent = String(shown);
  document.getElementById("nothing").hidden = shown > 0;
};
search.addEventListener("input", filter);
for (const button of stateButtons) {
  button.addEventListener("click", () => {
    wantedState = button.dataset.state;
    stateButtons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
    filter();
  });
}

for (const button of document.querySelectorAll("#table th button")) {
  button.addEventListener("click", () => {
    const head = button.parentElement;
    const falling = head.getAttribute("aria-sort") === "ascending";
    document.querySelectorAll("#table th").forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const column = Number(button.dataset.column);
    const cell = (row) => row.cells[column];
    const order =
      button.dataset.numeric === "1"
        ? (a, b) => Number(cell(a).dataset.value) - Number(cell(b).dataset.value)
        : (a, b) => cell(a).textContent.trim().localeCompare(cell(b).textContent.trim(), undefined, { numeric: true });
    rows.sort((a, b) => (falling ? -order(a, b) : order(a, b)));
    body.append(...rows);
  });
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const code = button.previousElementSibling;
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code); // pages opened from a disk may not write to the clipboard
      button.textContent = "Selected";
    }
  });
}
document.documentElement.dataset.ready = "yes";
