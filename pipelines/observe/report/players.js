// Cards in motion: one clock moves those that play and can be seen. A card shows consecutive frames, or moments.
let playing = !matchMedia("(prefers-reduced-motion: reduce)").matches; // else only where somebody presses play

const eachEntry = (act) => (entries) => entries.forEach((entry) => act(entry.target, entry.isIntersecting));
const nearby = new IntersectionObserver(eachEntry((card, near) => near && shownCards.get(card)?.load()), { rootMargin: "300px" });
const onScreen = new IntersectionObserver(
  eachEntry((compare, seen) => {
    const player = shownCards.get(compare.parentElement);
    if (player) player.visible = seen;
  }),
);

const makePlayer = ({ id, picture }, draw) => {
  const { moments, moving, start, rate } = picture;
  const modes = {
    motion: { first: moments.length, count: moving, rate: Math.min(rate || MOST_FRAMES_PER_SECOND, MOST_FRAMES_PER_SECOND) },
    moments: { first: 0, count: moments.length, rate: MOMENTS_PER_SECOND },
  };
  let mode = moving > 1 ? modes.motion : modes.moments;
  let movedAt = 0;

  const play = element("button", { type: "button", class: "play", "aria-label": `Play ${id}` }, "▶");
  const moment = element("input", { class: "moment", type: "range", min: 1, value: 1, step: 1, "aria-label": `Frame of ${id}` });
  const where = element("output");
  const chosen = Object.entries(modes).map(([key, its]) => {
    const button = element("button", { type: "button", class: key }, key === "motion" ? "Motion" : "Moments");
    button.addEventListener("click", () => self.choose(its));
    return [button, its];
  });
  const switches = element("span", { class: "switch", role: "group", "aria-label": "Show", hidden: moving < 2 });
  switches.append(...chosen.map(([button]) => button));
  const larger = element("button", { type: "button", class: "larger", "aria-label": `${id}, larger`, title: "Larger" }, "⤢");
  const controls = element("div", { class: "player" }, play, moment, where, switches, larger);

  const self = {
    controls,
    playing: false,
    visible: false,
    show() {
      const index = Number(moment.value) - 1;
      const frame = mode === modes.motion ? start + index : moments[index];
      where.textContent = frame < 0 ? `${index + 1}/${mode.count}` : `frame ${number(frame)}`;
      draw(mode.first + index);
    },
    choose(its) {
      mode = its;
      moment.max = String(mode.count);
      moment.value = "1";
      moment.hidden = play.hidden = mode.count < 2;
      chosen.forEach(([button, of]) => button.setAttribute("aria-pressed", String(of === mode)));
      self.show();
    },
    set(on) {
      self.playing = on;
      play.setAttribute("aria-pressed", String(on));
      play.textContent = on ? "❚❚" : "▶";
    },
    tick(now) {
      const steps = Math.floor(((now - movedAt) * mode.rate) / 1000);
      if (steps < 1) return;
      movedAt = now - movedAt > 1000 ? now : movedAt + (steps * 1000) / mode.rate;
      moment.value = String(((Number(moment.value) - 1 + Math.min(steps, mode.count)) % mode.count) + 1);
      self.show();
    },
  };
  moment.addEventListener("input", () => {
    self.set(false);
    self.show();
  });
  play.addEventListener("click", () => self.set(!self.playing));
  larger.addEventListener("click", () => view(controls.closest(".card").row));
  self.choose(mode);
  self.set(playing);
  return self;
};

const clock = (now) => {
  shownCards.forEach((player) => player.playing && player.visible && player.tick(now));
  requestAnimationFrame(clock);
};
requestAnimationFrame(clock);

const playAll = document.getElementById("play-all");
const setAll = (on) => {
  playing = on;
  playAll.setAttribute("aria-pressed", String(on));
  playAll.textContent = on ? "Pause all" : "Play all";
  shownCards.forEach((player) => player.set(on));
};
playAll.addEventListener("click", () => setAll(!playing));
setAll(playing);

// How all cards are shown: side by side or with a slider, and where the hole is outlined.
for (const choice of ["view", "outline"]) {
  const select = document.getElementById(choice);
  const apply = () => (document.body.dataset[choice] = select.value);
  select.addEventListener("change", apply);
  apply();
}

const viewer = document.getElementById("viewer");
const view = (row) => {
  if (viewer.open) return;
  viewer.lastElementChild.replaceChildren(makeCard(row));
  viewer.showModal();
};
viewer.addEventListener("close", () => dropCard(viewer.querySelector(".card")));
viewer.addEventListener("click", (event) => event.target === viewer && viewer.close()); // the ground behind it
