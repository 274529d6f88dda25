"use strict";

// Coordinates are pixels of the picture as shown, its left top corner at (0, 0), at any zoom. A drawing is what the
// server reads (drawing.py); each shape also has an `id`. The painted strokes are listed as one more shape, PAINT.
const WIDTH = Number(document.body.dataset.width), HEIGHT = Number(document.body.dataset.height);
const FRAMES = Number(document.body.dataset.frames), RATE = Number(document.body.dataset.rate);
const PAINT = "paint", DRAWING_TOOLS = ["box", "polygon", "brush", "eraser"], ZOOMS = [1, 2, 4, 8];
const TOOL_KEYS = {1: "select", s: "select", 2: "box", b: "box", 3: "polygon", p: "polygon", 4: "brush", a: "brush", 5: "eraser", e: "eraser"};
const HINTS = {
  select: "Click a shape to move it or to change its corners. Drag the picture to move it when it is enlarged.",
  box: "Drag from one corner to the other.",
  polygon: "Click each corner, then the first one again.",
  brush: "Paint over what is to be removed.",
  eraser: "Erase what is painted.",
};
const ARROWS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
const at = (id) => document.getElementById(id);
const stage = at("stage"), view = at("view"), canvas = at("canvas");
const within = (value, low, high) => Math.min(high, Math.max(low, value));
const counted = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

// --- the drawing, and its history ---
const KEPT_IN = `drawing ${location.pathname}`;
let drawing = JSON.parse(sessionStorage.getItem(KEPT_IN) ?? "null") ?? {shapes: [], strokes: [], painted: null};
let nextId = 1 + Math.max(0, ...drawing.shapes.map((shape) => shape.id));
const past = [], future = [];
let lastKind = "", selected = null, tool = "select", zoom = 0;
let draft = null; // what is being drawn: {kind, ...}
let cross = [WIDTH / 2, HEIGHT / 2], crossed = false; // where keys draw, and whether they do: after Tab or Space, until the pointer is used
let outline = {path: "", text: ""}, asked = 0, waiting = 0;

const snapshot = () => JSON.stringify(drawing);
const shapeOf = (id) => drawing.shapes.find((shape) => shape.id === id);
const isThere = (id) => (id === PAINT ? drawing.strokes.length > 0 : shapeOf(id) !== undefined);

// Changes of one `kind` in a row are undone together: an arrow key that is held down.
const change = (make, kind = "") => {
  const before = snapshot();
  make();
  remember(before, kind);
};
const remember = (before, kind = "") => {
  if (before === snapshot()) return void render();
  if (!kind || kind !== lastKind) past.push(before);
  lastKind = kind;
  future.length = 0;
  changed();
};
const changed = () => {
  sessionStorage.setItem(KEPT_IN, snapshot());
  if (!isThere(selected)) selected = null;
  render();
  askResult();
};
const step = (from, to) => {
  if (draft?.kind === "polygon" && from === past) {
    draft.numbers.splice(-2);
    if (!draft.numbers.length) draft = null;
    return void render();
  }
  if (!from.length) return;
  to.push(snapshot());
  drawing = JSON.parse(from.pop());
  lastKind = "";
  draft = null;
  changed();
};
const add = (kind, numbers) => {
  const shape = {id: nextId++, kind, numbers, range: null};
  change(() => drawing.shapes.push(shape));
  select(shape.id);
  say(`${kind === "box" ? "Box" : "Polygon"} added.`);
};
const remove = (id) => {
  if (id === null) return;
  change(() => {
    if (id === PAINT) [drawing.strokes, drawing.painted] = [[], null];
    else drawing.shapes = drawing.shapes.filter((shape) => shape.id !== id);
  });
  stage.focus({preventScroll: true});
};
const select = (id) => {
  selected = id;
  lastKind = "";
  render();
};
const say = (text, bad = false) => {
  at("status").textContent = text;
  at("status").classList.toggle("bad", bad);
};

// --- shapes ---
const cornersOf = ({kind, numbers}) => {
  if (kind !== "polygon") {
    const [x, y, w, h] = numbers;
    return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]];
  }
  return numbers.flatMap((x, i) => (i % 2 ? [] : [[x, numbers[i + 1]]]));
};
const boxOf = ([x0, y0], [x1, y1]) => {
  const left = within(Math.floor(Math.min(x0, x1)), 0, WIDTH - 1), top = within(Math.floor(Math.min(y0, y1)), 0, HEIGHT - 1);
  const right = within(Math.ceil(Math.max(x0, x1)), left + 1, WIDTH), bottom = within(Math.ceil(Math.max(y0, y1)), top + 1, HEIGHT);
  return [left, top, right - left, bottom - top];
};
const pixelOf = ([x, y]) => [within(Math.floor(x), 0, WIDTH - 1), within(Math.floor(y), 0, HEIGHT - 1)];
const movedBy = ({kind, numbers}, dx, dy) => {
  const corners = cornersOf({kind, numbers}), inside = kind === "polygon" ? 1 : 0;
  const x = corners.map((corner) => corner[0]), y = corners.map((corner) => corner[1]);
  dx = within(Math.round(dx), -Math.min(...x), WIDTH - inside - Math.max(...x));
  dy = within(Math.round(dy), -Math.min(...y), HEIGHT - inside - Math.max(...y));
  return kind === "polygon" ? numbers.map((value, i) => value + (i % 2 ? dy : dx)) : [numbers[0] + dx, numbers[1] + dy, numbers[2], numbers[3]];
};
const withCorner = ({kind, numbers}, index, point) => {
  if (kind === "polygon") {
    const [x, y] = pixelOf(point);
    return numbers.with(2 * index, x).with(2 * index + 1, y);
  }
  return boxOf(point.map(Math.round), cornersOf({kind, numbers})[(index + 2) % 4]);
};
const isShown = (shape) => {
  if (shape.kind === "track") return frame() === shape.frame;
  return !shape.range || (shape.range[0] <= frame() && frame() < shape.range[1]);
};
const titleOf = (id) => {
  if (id === PAINT) return "Painted";
  const index = drawing.shapes.findIndex((shape) => shape.id === id) + 1;
  return `${{box: "Box", polygon: "Polygon", track: "Followed box"}[drawing.shapes[index - 1].kind]} ${index}`;
};
const framesOf = (range) => (range ? `frames ${range[0]} to ${range[1] - 1}` : "all frames");
const textOf = (id) => {
  if (id === PAINT) return `${counted(drawing.strokes.length, "stroke")}, ${framesOf(drawing.painted)}`;
  const {kind, numbers, range, frame: drawn} = shapeOf(id);
  const place = kind === "polygon" ? counted(numbers.length / 2, "corner") : `${numbers[0]},${numbers[1]} ${numbers[2]}×${numbers[3]}`;
  return `${place}, ${kind === "track" && !range ? `from frame ${drawn} through its shot` : framesOf(range)}`;
};

// --- the picture ---
let shown = -1, wanted = 0, loads = false;
const frame = () => wanted;
const goTo = (number) => {
  wanted = within(Math.round(number) || 0, 0, FRAMES - 1);
  render();
  askResult();
  load();
};
const load = async () => {
  if (loads) return;
  loads = true;
  while (shown !== wanted) {
    const number = wanted, picture = new Image();
    picture.id = "picture";
    picture.alt = `Frame ${number}`;
    picture.src = `frame/${number}.jpg`;
    try {
      await picture.decode();
      at("picture").replaceWith(picture);
      shown = number;
      if (at("status").classList.contains("bad")) say("");
    } catch {
      if (number === wanted) {
        say(`Frame ${number} cannot be shown. If the command has ended, run it again.`, true);
        break;
      }
    }
  }
  loads = false;
  document.documentElement.dataset.shown = shown;
  document.documentElement.dataset.ready = "yes";
};
const send = async (place, content) => {
  const told = await fetch(place, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(content)});
  if (!told.ok) throw new Error((await told.text()).trim());
  return told.json();
};
const askResult = () => {
  clearTimeout(waiting);
  asked += 1;
  outline = {path: "", text: ""};
  if (!at("result").checked) return void render();
  waiting = setTimeout(tellResult, 60, asked);
};
const tellResult = async (number) => {
  try {
    const told = await send("outline", {frame: frame(), drawing});
    if (number !== asked) return;
    const paths = told.outlines.map((points) => `M${points.map((value) => value + 0.5).join(" ")}Z`);
    const share = `${(100 * told.share).toFixed(2)} % of this frame is masked, grown by ${counted(told.dilation, "pixel")}.`;
    outline = {path: paths.join(""), text: [told.waits ? "Following the object…" : share, ...told.notes].join(" ")};
    if (told.waits) waiting = setTimeout(tellResult, 500, number);
    say(outline.text);
    document.documentElement.dataset.outlined = told.waits ? "" : frame();
    render();
  } catch (error) {
    if (number === asked) say(`The result cannot be shown: ${error.message}`, true);
  }
};

// --- drawing what there is ---
const svg = (name, attributes, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};
const scale = () => WIDTH / (stage.getBoundingClientRect().width || 1); // picture pixels per pixel of the screen
const pathOf = (shape, open = false) => {
  const half = shape.kind === "polygon" ? 0.5 : 0; // corners of a polygon are pixels, of a box their edges
  const points = cornersOf(shape).map(([x, y]) => `${x + half} ${y + half}`);
  return `M${points.join("L")}${open ? "" : "Z"}`;
};
const shapeElement = (shape) => {
  const classes = ["shape", shape.kind, shape.id === selected && "selected", !isShown(shape) && "absent"].filter(Boolean);
  const path = pathOf(shape);
  return svg("g", {class: classes.join(" "), tabindex: 0, role: "button", "data-shape": shape.id, "aria-label": `${titleOf(shape.id)}: ${textOf(shape.id)}`},
    svg("path", {class: "under", d: path}), svg("path", {class: "edge", d: path}));
};
const handlesOf = (shape) => {
  const half = shape.kind === "polygon" ? 0.5 : 0, unit = scale();
  return cornersOf(shape).flatMap(([x, y], index) => [6, 15].map((radius) =>
    svg("circle", {class: radius === 6 ? "handle" : "grip", cx: x + half, cy: y + half, r: radius * unit, "data-handle": index})));
};
const strokeElement = ({points, radius, erases}) => {
  const pairs = points.flatMap((x, i) => (i % 2 ? [] : [`${x} ${points[i + 1]}`]));
  return svg("path", {d: `M${[pairs[0], ...pairs].join("L")}`, fill: "none", stroke: erases ? "#000" : "#fff",
    "stroke-width": 2 * radius, "stroke-linecap": "round", "stroke-linejoin": "round"});
};
const paintElements = (strokes) => {
  if (!strokes.length || (drawing.painted && !(drawing.painted[0] <= frame() && frame() < drawing.painted[1]))) return [];
  const area = {x: 0, y: 0, width: WIDTH, height: HEIGHT};
  return [svg("mask", {id: "strokes", maskUnits: "userSpaceOnUse", ...area}, ...strokes.map(strokeElement)),
    svg("rect", {class: selected === PAINT ? "paint selected" : "paint", mask: "url(#strokes)", ...area})];
};
const draftElements = () => {
  if (draft?.kind === "box") {
    const path = pathOf({kind: "box", numbers: boxOf(draft.from, draft.to)});
    return [svg("path", {class: "under", d: path}), svg("path", {class: "edge", d: path})];
  }
  if (draft?.kind !== "polygon") return [];
  const path = pathOf(draft, true);
  return [svg("path", {class: "under", d: path}), svg("path", {class: "edge", d: path}), ...handlesOf(draft)];
};
const drawsByKeys = () => crossed && DRAWING_TOOLS.includes(tool);
const crossElements = () => {
  if (document.activeElement !== stage || !drawsByKeys()) return [];
  const [x, y] = cross, arm = 12 * scale(), found = [svg("path", {class: "cross", d: `M${x - arm} ${y}H${x + arm}M${x} ${y - arm}V${y + arm}`})];
  if (tool === "brush" || tool === "eraser") found.push(svg("circle", {class: "cross", cx: x, cy: y, r: brushRadius()}));
  return found;
};
const drawStage = () => {
  const focused = document.activeElement?.dataset?.shape;
  const strokes = draft?.kind === "stroke" ? [...drawing.strokes, draft.stroke] : drawing.strokes;
  const visible = drawing.shapes.filter((shape) => isShown(shape) || shape.id === selected);
  const chosen = shapeOf(selected);
  stage.dataset.tool = tool;
  stage.classList.toggle("result", at("result").checked);
  stage.replaceChildren(
    ...paintElements(strokes), ...visible.map(shapeElement), ...(chosen && tool === "select" ? handlesOf(chosen) : []),
    svg("path", {class: "found-under", d: outline.path}), svg("path", {class: "found", d: outline.path}), ...draftElements(), ...crossElements());
  if (focused) (stage.querySelector(`[data-shape="${focused}"]`) ?? stage).focus({preventScroll: true});
};
const drawList = () => {
  const ids = [...(drawing.strokes.length ? [PAINT] : []), ...drawing.shapes.map((shape) => shape.id)];
  const focused = document.activeElement?.dataset?.item;
  at("list").replaceChildren(...ids.map((id) => {
    const button = document.createElement("button"), small = document.createElement("small"), item = document.createElement("li");
    small.textContent = textOf(id);
    button.append(titleOf(id), small);
    button.dataset.item = id;
    button.setAttribute("aria-pressed", id === selected);
    item.append(button);
    return item;
  }));
  if (focused) at("list").querySelector(`[data-item="${focused}"]`)?.focus();
  at("nothing").hidden = ids.length > 0;
  at("save").disabled = !ids.length;
};
const put = (id, value) => {
  if (document.activeElement !== at(id)) at(id).value = value;
};
const drawPanel = () => {
  at("panel").hidden = selected === null;
  if (selected === null) return;
  const shape = selected === PAINT ? {kind: PAINT, range: drawing.painted} : shapeOf(selected);
  const isTrack = shape.kind === "track", range = shape.range;
  at("numbers-label").hidden = shape.kind === PAINT;
  if (shape.kind !== PAINT) {
    at("numbers-name").textContent = shape.kind === "polygon" ? "Corners x,y,x,y,…" : "Left, top, width, height";
    put("numbers", shape.numbers.join(","));
  }
  at("all").checked = !range;
  at("some").checked = Boolean(range);
  at("all-name").textContent = isTrack ? "Its whole shot" : "All frames";
  at("range").hidden = !range;
  at("first").disabled = at("from-here").disabled = isTrack;
  if (range) {
    put("first", range[0]);
    put("last", range[1] - 1);
  }
  at("follow").hidden = shape.kind === PAINT || shape.kind === "polygon";
  at("follow").firstChild.textContent = isTrack ? "Stop following " : "Follow this box ";
  at("go").hidden = !isTrack;
  at("follow-note").hidden = !isTrack;
  at("follow-note").textContent = `The object in the box is followed from frame ${shape.frame}. Draw the box closely around it. “Show the result” shows where it is found.`;
};
let planned = false;
const render = () => {
  if (planned) return;
  planned = true;
  requestAnimationFrame(() => {
    planned = false;
    drawStage();
    drawList();
    drawPanel();
    for (const button of document.querySelectorAll("[data-tool]")) {
      if (button !== stage) button.setAttribute("aria-pressed", button.dataset.tool === tool);
    }
    at("hint").textContent = HINTS[tool];
    at("brush-bar").hidden = tool !== "brush" && tool !== "eraser";
    at("brush-size").textContent = counted(Number(at("brush").value), "pixel");
    at("polygon-bar").hidden = draft?.kind !== "polygon";
    at("close-polygon").disabled = !draft?.numbers || draft.numbers.length < 6;
    at("undo").disabled = !past.length && draft?.kind !== "polygon";
    at("redo").disabled = !future.length;
    at("zoom-out").disabled = zoom === 0;
    at("zoom-in").disabled = zoom === ZOOMS.length - 1;
    at("scrub").value = wanted;
    put("frame", wanted);
    const seconds = wanted / RATE;
    at("time").textContent = `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(2).padStart(5, "0")}`;
  });
};

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
  if (!shape || shape.kind === "polygon") return;
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
  else if (key === "s") save();
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
  else if (key === "Enter" && draft?.kind === "polygon") closePolygon();
  else if (key === "Enter" && onStage && DRAWING_TOOLS.includes(tool)) pressCross();
  else if (key === "Escape") {
    draft = null;
    select(null);
  } else if (key === "Delete" || key === "Backspace") draft?.kind === "polygon" ? step(past, future) : remove(selected);
  else if (key === "Home") goTo(0);
  else if (key === "End") goTo(FRAMES - 1);
  else if (key === "PageUp" || key === "PageDown") goTo(wanted + (key === "PageDown" ? 1 : -1) * Math.round(RATE));
  else if (key === "f") follow();
  else if (key === "o") at("result").click();
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
  const corners = shape.kind === "polygon" ? cornersOf({kind: "polygon", numbers}) : [];
  const [left, top, width, height] = numbers;
  const fits = numbers.every(Number.isInteger) && (shape.kind === "polygon"
    ? numbers.length >= 6 && numbers.length % 2 === 0 && corners.every(([x, y]) => x >= 0 && x < WIDTH && y >= 0 && y < HEIGHT)
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
const save = async () => {
  if (at("save").disabled) return;
  at("save").disabled = true;
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
  render();
};
press("save", save);
press("copy", async () => {
  await navigator.clipboard.writeText(at("command").textContent);
  at("copy").textContent = "Copied";
});

const fit = () => {
  // As wide as there is room for, unless the picture were then higher than the window.
  const room = Math.min(view.parentElement.clientWidth - 2, ((innerHeight * 0.8) / HEIGHT) * WIDTH) * ZOOMS[zoom];
  canvas.style.width = `${room}px`;
  canvas.style.height = `${(room * HEIGHT) / WIDTH}px`;
  render();
};
addEventListener("resize", fit);
const brushMost = Math.max(20, Math.round(Math.max(WIDTH, HEIGHT) / 4));
at("brush").max = brushMost;
at("brush").value = Math.max(3, Math.round(Math.max(WIDTH, HEIGHT) / 40));
fit();
load();
