// Before and after: the cut follows the slider, the moment follows the player. The strip's cells are shown by moving
// the background, so nothing is decoded twice; a picture is loaded when its card comes near the window.
const FRAME_MS = 350;
const shownCards = new Map();
// Pictures move by themselves only for those who have not asked for less motion.
let playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;

const nearby = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const card = shownCards.get(entry.target);
      if (!card) continue;
      card.visible = entry.isIntersecting;
      if (entry.isIntersecting) card.load();
    }
  },
  { rootMargin: "300px" },
);

const makeCard = (row) => {
  const [source, columns, width, height] = row.picture;
  const cut = element("input", {
    class: "cut", type: "range", min: 0, max: 100, value: 50, step: 1,
    "aria-label": `How much of the picture shows the state before, ${row.id}`,
  });
  const play = element("button", { type: "button", class: "play", "aria-label": `Play ${row.id}` }, "▶");
  const moment = element("input", {
    class: "moment", type: "range", min: 1, max: columns, value: 1, step: 1, "aria-label": `Moment of ${row.id}`,
  });
  const where = element("output", {}, `1/${columns}`);
  const compare = element(
    "div",
    { class: "compare" },
    element("div", { class: "layer before" }),
    element("div", { class: "layer after" }),
    element("span", { class: "tag left" }, "before"),
    element("span", { class: "tag right" }, "after"),
    element("div", { class: "divider" }),
    cut,
  );
  const title = row.href ? element("a", { href: row.href, title: row.id }, name(row.id)) : element("b", { title: row.id }, name(row.id));
  const caption = `${row.width}×${row.height} · ${number(row.frames)} frames`;
  const player = element("span", { class: "player", hidden: columns < 2 }, play, moment, where);
  const card = element("figure", { class: "card" }, compare);
  card.append(element("figcaption", {}, title, element("span", { class: "dim" }, caption), player));
  card.style.setProperty("--columns", columns);
  card.style.setProperty("--ratio", `${width}/${height}`);

  const show = (index) => {
    moment.value = String(index + 1);
    where.textContent = `${index + 1}/${columns}`;
    card.style.setProperty("--moment", columns > 1 ? `${(100 * index) / (columns - 1)}%` : "0%");
  };
  const self = {
    playing: false,
    visible: false,
    loaded: false,
    load() {
      if (self.loaded) return;
      self.loaded = true;
      const picture = new Image();
      picture.onload = () => card.style.setProperty("--strip", `url("${source}")`);
      picture.onerror = () => compare.replaceChildren(element("p", { class: "gone" }, "The pictures of this item are gone."));
      picture.src = source;
    },
    set(on) {
      self.playing = on && columns > 1;
      play.setAttribute("aria-pressed", String(self.playing));
      play.textContent = self.playing ? "❚❚" : "▶";
    },
    step() {
      show(Number(moment.value) % columns);
    },
  };
  cut.addEventListener("input", () => card.style.setProperty("--cut", `${cut.value}%`));
  moment.addEventListener("input", () => {
    self.set(false);
    show(Number(moment.value) - 1);
  });
  play.addEventListener("click", () => self.set(!self.playing));
  self.set(playing);
  shownCards.set(card, self);
  nearby.observe(card);
  return card;
};

const dropCard = (card) => {
  nearby.unobserve(card);
  shownCards.delete(card);
  card.remove();
};

setInterval(() => shownCards.forEach((card) => card.playing && card.visible && card.step()), FRAME_MS);

const playAll = document.getElementById("play-all");
const setAll = (on) => {
  playing = on;
  playAll.setAttribute("aria-pressed", String(on));
  playAll.textContent = on ? "Pause all" : "Play all";
  shownCards.forEach((card) => card.set(on));
};
playAll.addEventListener("click", () => setAll(!playing));
setAll(playing);

const viewer = document.getElementById("viewer");
const view = (row) => {
  viewer.lastElementChild.replaceChildren(makeCard(row));
  viewer.showModal();
};
viewer.addEventListener("close", () => dropCard(viewer.querySelector(".card")));
viewer.addEventListener("click", (event) => event.target === viewer && viewer.close()); // the ground behind it
