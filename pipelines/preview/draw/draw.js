"use strict";

// What pointer, keys, buttons and fields do; saving.

// --- pointer ---
const brushRadius = () => Number(at("brush").value) / 2;
const pointOf = (event) => {
  const box = stage.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * WIDTH, ((event.clientY - box.top) / box.height) * HEIGHT];
};
const round = (value) => Math.round(value * 10) / 10;
const beginStroke = ([x, y]) => ({kind: "stroke", stroke: {points: [round(x), round(y)], radius: brushRadius(), erases: tool === "eraser"}});
const extendStroke = ([x, y]) => {
  const {points, radius} = draft.stroke;
  if (Math.hypot(x - points.at(-2), y - points.at(-1)) >= Math.max(0.5, radius / 8)) points.push(round(x), round(y));
};
const endStroke = () => {
  const {stroke} = draft;
  draft = null;
  if (stroke.erases && !drawing.strokes.length) return void say("Nothing is painted that could be erased.");
  change(() => drawing.strokes.push(stroke));
};
const addCorner = (point, reach) => {
  draft ??= {kind: "polygon", numbers: []};
  const [x, y] = pixelOf(point), first = draft.numbers;
  if (first.length >= 6 && Math.hypot(x - first[0], y - first[1]) <= reach) return void closePolygon();
  draft.numbers.push(x, y);
  render();
};
const closePolygon = () => {
  if (draft?.kind !== "polygon" || draft.numbers.length < 6) return;
  const {numbers} = draft;
  draft = null;
  add("polygon", numbers);
};
const addClick = (point, isOff) => {
  const [x, y] = pixelOf(point), shape = shapeOf(selected), off = isOff || at("off").checked;
  const known = shape?.kind === "points" && shape.frame === frame();
  if (!known && off) return void say("Click the object first.");
  if (!known) return void add("points", [x, y], {frame: frame(), off: [false]});
  change(() => {
    shape.numbers.push(x, y);
    shape.off.push(off);
  });
  at("off").checked = false;
};
let drag = null; // of the select tool: {kind: "move" | "corner" | "pan", ...}
const beginDrag = (event) => {
  const handle = event.target.closest("[data-handle]"), over = event.target.closest("[data-shape]");
  if (!handle) select(over ? Number(over.dataset.shape) : null);
  const shape = shapeOf(selected), before = snapshot();
  if (handle && shape) drag = {kind: "corner", shape, before, index: Number(handle.dataset.handle), was: {...shape}};
  else if (over) drag = {kind: "move", shape, before, from: pointOf(event), was: {...shape}};
  else drag = {kind: "pan", x: event.clientX + view.scrollLeft, y: event.clientY + view.scrollTop};
};
stage.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || !event.isPrimary) return;
  event.preventDefault();
  crossed = false;
  (event.target.closest("[data-shape]") ?? stage).focus({preventScroll: true});
  stage.setPointerCapture(event.pointerId);
  const point = (cross = pointOf(event));
  if (tool === "select") beginDrag(event);
  else if (tool === "polygon") addCorner(point, 12 * scale());
  else if (tool === "click") addClick(point, event.shiftKey);
  else draft = tool === "box" ? {kind: "box", from: point, to: point} : beginStroke(point);
  render();
});
stage.addEventListener("pointermove", (event) => {
  if (!event.isPrimary || !stage.hasPointerCapture(event.pointerId)) return;
  const point = pointOf(event);
  if (draft?.kind === "box") draft.to = point;
  else if (draft?.kind === "stroke") (event.getCoalescedEvents?.() ?? [event]).forEach((each) => extendStroke(pointOf(each)));
  else if (drag?.kind === "move") drag.shape.numbers = movedBy(drag.was, point[0] - drag.from[0], point[1] - drag.from[1]);
  else if (drag?.kind === "corner") drag.shape.numbers = withCorner(drag.was, drag.index, point);
  else if (drag?.kind === "pan") view.scrollTo(drag.x - event.clientX, drag.y - event.clientY);
  else return;
  render();
});
stage.addEventListener("pointerup", (event) => {
  if (!event.isPrimary) return;
  if (draft?.kind === "box") {
    const {from, to} = draft;
    draft = null;
    if (Math.hypot(to[0] - from[0], to[1] - from[1]) > 4 * scale()) add("box", boxOf(from, to));
    else say("Drag from one corner of the box to the other.");
  } else if (draft?.kind === "stroke") {
    extendStroke(pointOf(event));
    endStroke();
  } else if (drag?.before) remember(drag.before);
  drag = null;
  render();
});
stage.addEventListener("pointercancel", () => {
  if (drag?.before) drawing = JSON.parse(drag.before);
  drag = null;
  if (draft?.kind !== "polygon") draft = null;
  render();
});
stage.addEventListener("focusin", (event) => {
  const over = event.target.closest("[data-shape]");
  if (over && Number(over.dataset.shape) !== selected) select(Number(over.dataset.shape));
  render();
});
stage.addEventListener("blur", () => render());

// --- keyboard ---
const moveCross = ([dx, dy], by) => {
  cross = [within(cross[0] + dx * by, 0.5, WIDTH - 0.5), within(cross[1] + dy * by, 0.5, HEIGHT - 0.5)];
  if (draft?.kind === "box") draft.to = cross;
  if (draft?.kind === "stroke") extendStroke(cross);
  render();
};
const pressCross = () => {
  if (!crossed) crossed = true;
  else if (tool === "polygon") addCorner(cross, 0.5);
  else if (tool === "click") addClick(cross, false);
  else if (draft?.kind === "box") {
    const {from, to} = draft;
    draft = null;
    add("box", boxOf(from, to));
  } else if (draft?.kind === "stroke") endStroke();
  else draft = tool === "box" ? {kind: "box", from: cross, to: cross} : beginStroke(cross);
  render();
};
const chooseTool = (name) => {
  tool = name;
  draft = null;
  if (name !== "select") selected = null;
  render();
};
const follow = () => {
  const shape = shapeOf(selected);
  if (!shape || isOfPixels(shape)) return;
  change(() => {
    if (shape.kind === "track") {
      shape.kind = "box";
      delete shape.frame;
    } else {
      shape.kind = "track";
      shape.frame = frame();
    }
    shape.range = null;
  });
  say(shape.kind === "track" ? `The object in the box is followed from frame ${shape.frame}.` : "The box stays where it is.");
};
const zoomBy = (by) => {
  const before = ZOOMS[zoom];
  zoom = within(zoom + by, 0, ZOOMS.length - 1);
  const grown = ZOOMS[zoom] / before, x = view.scrollLeft + view.clientWidth / 2, y = view.scrollTop + view.clientHeight / 2;
  fit();
  view.scrollTo(x * grown - view.clientWidth / 2, y * grown - view.clientHeight / 2);
};
const brushBy = (factor) => {
  at("brush").value = within(Math.round(Number(at("brush").value) * factor + Math.sign(factor - 1)), 1, Number(at("brush").max));
  render();
};
const withControl = (event) => {
  const key = event.key.toLowerCase();
  if (key === "z") event.shiftKey ? step(future, past) : step(past, future);
  else if (key === "y") step(future, past);
  else if (key === "s") {
    document.activeElement.blur(); // a field that is being typed in
    save();
  }
  else return false;
  return true;
};
const withArrow = (event, direction) => {
  const by = event.shiftKey ? 10 : 1, shape = shapeOf(Number(event.target.dataset?.shape));
  if (shape) change(() => (shape.numbers = movedBy(shape, direction[0] * by, direction[1] * by)), `move ${shape.id}`);
  else if (event.target === stage && drawsByKeys()) moveCross(direction, by);
  else if (direction[0]) goTo(wanted + direction[0] * by);
  else return false;
  return true;
};
const withKey = (event) => {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key, onStage = event.target === stage;
  if (key === "Tab") crossed = true;
  if (ARROWS[key]) return withArrow(event, ARROWS[key]);
  if ((key === " " || key === "Enter") && event.target.closest("button, summary, input")) return false;
  if (key === " " && onStage && DRAWING_TOOLS.includes(tool)) pressCross();
  else if (key === "Enter" && draft?.kind === "polygon" && draft.numbers.length >= 6) closePolygon();
  else if (key === "Enter" && onStage && DRAWING_TOOLS.includes(tool)) pressCross();
  else if (key === "Escape") {
    draft = null;
    select(null);
  } else if (key === "Delete" || key === "Backspace") draft?.kind === "polygon" ? step(past, future) : remove(selected);
  else if (key === "Home") goTo(0);
  else if (key === "End") goTo(FRAMES - 1);
  else if (key === "PageUp" || key === "PageDown") goTo(wanted + (key === "PageDown" ? 1 : -1) * Math.round(RATE));
  else if (key === "f") follow();
  else if (key === "r") at("result").click();
  else if (key === "[" || key === "]") brushBy(key === "[" ? 1 / 1.25 : 1.25);
  else if (key === "+" || key === "-") zoomBy(key === "+" ? 1 : -1);
  else if (TOOL_KEYS[key]) chooseTool(TOOL_KEYS[key]);
  else return false;
  return true;
};
document.addEventListener("keydown", (event) => {
  if (at("editor").hidden || event.altKey) return;
  const typing = event.target.matches?.("input:not([type=checkbox])");
  const control = event.ctrlKey || event.metaKey;
  if (typing && !(control && event.key.toLowerCase() === "s")) return;
  if (control ? withControl(event) : withKey(event)) event.preventDefault();
});

// --- buttons and fields ---
const press = (id, act) => at(id).addEventListener("click", act);
for (const button of document.querySelectorAll("button[data-tool]")) button.addEventListener("click", () => chooseTool(button.dataset.tool));
press("undo", () => step(past, future));
press("redo", () => step(future, past));
press("zoom-in", () => zoomBy(1));
press("zoom-out", () => zoomBy(-1));
press("close-polygon", closePolygon);
press("cancel-polygon", () => chooseTool(tool));
press("back", () => goTo(wanted - 1));
press("on", () => goTo(wanted + 1));
press("delete", () => remove(selected));
press("follow", follow);
press("go", () => goTo(shapeOf(selected).frame));
at("scrub").addEventListener("input", (event) => goTo(event.target.valueAsNumber));
at("frame").addEventListener("change", (event) => goTo(event.target.valueAsNumber));
at("brush").addEventListener("input", render);
at("result").addEventListener("change", () => {
  if (!at("result").checked) say("");
  askResult();
});
at("list").addEventListener("click", (event) => {
  const item = event.target.closest("[data-item]")?.dataset.item;
  if (!item) return;
  tool = "select";
  select(item === PAINT ? PAINT : Number(item));
});
at("numbers").addEventListener("change", (event) => {
  const shape = shapeOf(selected), numbers = event.target.value.split(",").map((word) => (word.trim() ? Number(word) : NaN));
  const corners = isOfPixels(shape) ? cornersOf({kind: "polygon", numbers}) : [];
  const [left, top, width, height] = numbers;
  const fits = numbers.every(Number.isInteger) && (isOfPixels(shape)
    ? (shape.kind === "points" ? numbers.length === shape.numbers.length : numbers.length >= 6) && numbers.length % 2 === 0 && corners.every(([x, y]) => x >= 0 && x < WIDTH && y >= 0 && y < HEIGHT)
    : numbers.length === 4 && left >= 0 && top >= 0 && width > 0 && height > 0 && left + width <= WIDTH && top + height <= HEIGHT);
  if (!fits) return void say(`These are not whole numbers of pixels inside the picture of ${WIDTH}×${HEIGHT}.`, true);
  say("");
  change(() => (shape.numbers = numbers));
});
const setRange = (range) => change(() => (selected === PAINT ? (drawing.painted = range) : (shapeOf(selected).range = range)));
const rangeOf = () => (selected === PAINT ? drawing.painted : shapeOf(selected).range) ?? [shapeOf(selected)?.frame ?? 0, FRAMES];
const setFirst = (first) => setRange([within(first || 0, 0, FRAMES - 1), Math.max(rangeOf()[1], within(first || 0, 0, FRAMES - 1) + 1)]);
const setLast = (last) => {
  const lowest = shapeOf(selected)?.frame ?? 0, stop = within(last || 0, lowest, FRAMES - 1) + 1;
  setRange([Math.min(rangeOf()[0], stop - 1), stop]);
};
at("all").addEventListener("change", () => setRange(null));
at("some").addEventListener("change", () => setRange(rangeOf()));
at("first").addEventListener("change", (event) => setFirst(event.target.valueAsNumber));
at("last").addEventListener("change", (event) => setLast(event.target.valueAsNumber));
press("from-here", () => setFirst(wanted));
press("to-here", () => setLast(wanted));

// --- saving ---
let saving = false;
const save = async () => {
  if (saving || !idsDrawn().length) return; // not as the button says, which is drawn with the next frame
  saving = true;
  try {
    const told = await send("save", {drawing});
    at("expression").textContent = told.expression;
    at("command").textContent = told.command;
    at("done-image").textContent = told.image ? `What is painted: ${told.image}` : "";
    const ends = document.body.dataset.keep !== "yes";
    at("ended").hidden = !ends;
    at("editor").hidden = ends;
    at("done").hidden = false;
    if (ends) sessionStorage.removeItem(KEPT_IN);
    at("done").focus();
    document.documentElement.dataset.saved = "yes";
  } catch (error) {
    say(`The mask is not saved: ${error.message}`, true);
  }
  saving = false;
  render();
};
press("save", save);
press("copy", async () => {
  try {
    await navigator.clipboard.writeText(at("command").textContent);
    at("copy").textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(at("command"));
    at("copy").textContent = "Selected; copy it";
  }
});

const fit = () => {
  // As wide as there is room for, unless the picture were then higher than the window; enlarged, in the same place.
  const shape = (WIDTH * Number(document.body.dataset.aspect)) / HEIGHT;
  const room = Math.min(view.parentElement.clientWidth - 2, innerHeight * 0.8 * shape);
  view.style.height = `${room / shape + 2}px`;
  canvas.style.width = `${room * ZOOMS[zoom]}px`;
  canvas.style.height = `${(room * ZOOMS[zoom]) / shape}px`;
  render();
};
addEventListener("resize", fit);
const brushMost = Math.max(20, Math.round(Math.max(WIDTH, HEIGHT) / 4));
at("brush").max = brushMost;
at("brush").value = Math.max(3, Math.round(Math.max(WIDTH, HEIGHT) / 40));
fit();
load();
