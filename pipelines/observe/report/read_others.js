// How do the items come in that are not in the page? From scripts beside it, once the first items are on the screen: a
// page opened from a disk may load scripts, but not fetch.
window.reelmendRows = (rows) => rows.forEach((values) => allRows.push(toRow(values)));

const DRAW_EVERY_MS = 500; // drawing goes through all items, and there may be many scripts
let drawnAt = performance.now();

const draw = async () => {
  await refreshAll();
  drawnAt = performance.now();
};

const readOthers = async (index = 0) => {
  if (index === told.parts.length) {
    if (index) await draw();
    document.documentElement.dataset.complete = "yes";
    return;
  }
  const script = element("script", { src: told.parts[index] });
  script.onload = async () => {
    if (performance.now() - drawnAt > DRAW_EVERY_MS) await draw();
    readOthers(index + 1);
  };
  script.onerror = async () => {
    await draw();
    at("trouble").textContent =
      `${told.parts[index]} is missing beside this page, so some items are not shown. A report of many items is the page and ` +
      "the folder “report” beside it; if it was written again meanwhile, load it again.";
    at("trouble").hidden = false;
  };
  document.head.append(script);
};
begun.then(() => readOthers());
