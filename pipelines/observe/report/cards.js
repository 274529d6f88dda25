// A card: an item's hole before and after, cut out of its sheet by moving a background, so that nothing is decoded twice.
// Pictures are loaded when their card comes near the window; `players.js` moves them.
const MOMENTS_PER_SECOND = 1.4;
const MOST_FRAMES_PER_SECOND = 30;
const WIDE = 1.9; // such views lie below each other, not side by side
const shownCards = new Map();

const share = (offset, sheet, cell) => (sheet === cell ? "0%" : `${(100 * offset) / (sheet - cell)}%`);

// Answers with where the cell of a number lies on both sheets, and its whole frame, as values of CSS.
const placesOn = (picture, sheetWidth, sheetHeight) => {
  const { width, height, stepX, stepY, columns, moments, moving, wholeWidth, wholeHeight, wholeStepX, wholeStepY } = picture;
  const rows = Math.ceil((moments.length + moving) / columns);
  const wholesPerRow = Math.max(1, Math.floor((columns * stepX) / wholeStepX));
  const size = (w, h) => `${(100 * sheetWidth) / w}% ${(100 * sheetHeight) / h}%`;
  return {
    sizes: {
      "--sheet": size(width, height),
      "--outlines": `${(100 * columns * stepX) / width}% ${(100 * rows * stepY) / height}%`,
      "--wholes": wholeWidth ? size(wholeWidth, wholeHeight) : "0 0",
    },
    of(cell) {
      const row = Math.floor(cell / columns);
      const whole = Math.min(cell, moments.length); // one for all frames in motion
      const wholeY = 2 * rows * stepY + Math.floor(whole / wholesPerRow) * wholeStepY;
      return {
        "--x": share((cell % columns) * stepX, sheetWidth, width),
        "--outline-x": share((cell % columns) * stepX, columns * stepX, width),
        "--before-y": share(row * stepY, sheetHeight, height),
        "--after-y": share((rows + row) * stepY, sheetHeight, height),
        "--outline-y": share(row * stepY, rows * stepY, height),
        "--whole-x": share((whole % wholesPerRow) * wholeStepX, sheetWidth, wholeWidth),
        "--whole-y": share(wholeY, sheetHeight, wholeHeight),
      };
    },
  };
};

const setStyle = (node, values) => Object.entries(values).forEach(([key, value]) => node.style.setProperty(key, value));

const side = (which) =>
  element(
    "div",
    { class: `side ${which}` },
    element("div", { class: "layer" }),
    element("div", { class: "layer outline" }),
    element("span", { class: "tag" }, which),
  );

const score = (row) => (row.score === null ? null : element("span", { class: "score", title: "Quality score, 0 to 1" }, `score ${row.score.toFixed(2)}`));

const caption = (row) => {
  const title = row.href ? element("a", { href: row.href, title: row.id }, name(row.id)) : element("b", { title: row.id }, name(row.id));
  const words = element("div", { class: "words" }, element("p", { class: "title" }, title, score(row)));
  if (row.reviewReason) words.append(element("p", { class: "reason" }, name(row.reviewReason)));
  if (row.quality) words.append(element("p", { class: "dim" }, row.quality));
  const size = [`${row.width}×${row.height}`, `${number(row.frames)} frames`, row.time];
  words.append(element("p", { class: "dim" }, size.filter(Boolean).join(" · ")));
  const whole = row.picture?.wholeWidth ? element("div", { class: "whole", title: "The whole frame; the line is what is shown large" }) : null;
  return element("figcaption", {}, whole, words);
};

const makeCard = (row) => {
  const card = element("figure", { class: row.review ? "card review" : "card" });
  if (row.picture) fillCard(card, row);
  card.append(caption(row));
  return card;
};

const fillCard = (card, row) => {
  const { picture } = row;
  const compare = element(
    "div",
    { class: picture.width / picture.height >= WIDE ? "compare wide" : "compare" },
    side("before"),
    side("after"),
    element("div", { class: "divider" }),
  );
  const cut = element("input", {
    class: "cut", type: "range", min: 0, max: 100, value: 50, step: 1,
    "aria-label": `Share of the picture that shows the state before, ${row.id}`,
  });
  cut.addEventListener("input", () => card.style.setProperty("--cut", `${cut.value}%`));
  compare.append(cut);
  card.append(compare);
  setStyle(card, { "--ratio": `${picture.width}/${picture.height}`, "--whole-ratio": `${picture.wholeWidth}/${picture.wholeHeight}` });

  let places = null;
  const player = makePlayer(row, (cell) => places && setStyle(card, places.of(cell)));
  card.append(player.controls);
  player.load = () => {
    player.load = () => {};
    const sheet = new Image();
    sheet.onload = () => {
      places = placesOn(picture, sheet.naturalWidth, sheet.naturalHeight);
      setStyle(card, { ...places.sizes, "--strip": `url("${picture.source}")` });
      if (picture.outline) card.style.setProperty("--outline", `url("${picture.outline}")`);
      player.show();
    };
    sheet.onerror = () => compare.replaceChildren(element("p", { class: "gone" }, "The pictures of this item are gone."));
    sheet.src = picture.source;
  };
  shownCards.set(card, player);
  nearby.observe(card);
  onScreen.observe(compare);
};

const dropCard = (card) => {
  nearby.unobserve(card);
  if (shownCards.has(card)) onScreen.unobserve(card.firstElementChild);
  shownCards.delete(card);
  card.remove();
};
