"use strict";

// Coordinates are pixels of the picture as shown, its left top corner at (0, 0), at any zoom. A drawing is what the
// server reads (drawing.py); each shape also has an `id`. The painted strokes are listed as one more shape, PAINT.
const WIDTH = Number(document.body.dataset.width), HEIGHT = Number(document.body.dataset.height);
const FRAMES = Number(document.body.dataset.frames), RATE = Number(document.body.dataset.rate);
const HAS_CLICKS = document.querySelector("[data-tool=click]") !== null; // a network that takes them is there
const PAINT = "paint", DRAWING_TOOLS = ["box", "polygon", "brush", "eraser", "click"], ZOOMS = [1, 2, 4, 8];
const TOOL_KEYS = {1: "select", s: "select", 2: "box", b: "box", 3: "polygon", p: "polygon", 4: "brush", a: "brush", 5: "eraser", e: "eraser", ...(HAS_CLICKS && {6: "click", c: "click"})};
const HINTS = {
  select: "Click a shape to move it or to change its corners. Drag the picture to move it when it is enlarged.",
  box: "Drag from one corner to the other.",
  polygon: "Click each corner, then the first one again.",
  brush: "Paint over what is to be removed.",
  eraser: "Erase what is painted.",
  click: "Click the object; it is followed by SAM 2.1. Click again to add a point, with Shift one that is not on the object.",
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
  say("");
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
const add = (kind, numbers, more = {}) => {
  const shape = {id: nextId++, kind, numbers, range: null, ...more};
  change(() => drawing.shapes.push(shape));
  select(shape.id);
  say(`${NAMES[kind]} added.`);
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
const NAMES = {box: "Box", polygon: "Polygon", track: "Followed box", points: "Clicked object"};
const isFollowed = ({kind}) => kind === "track" || kind === "points";
const isOfPixels = ({kind}) => kind === "polygon" || kind === "points"; // x, y of each, not a box
const cornersOf = ({kind, numbers}) => {
  if (!isOfPixels({kind})) {
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
  const corners = cornersOf({kind, numbers}), inside = isOfPixels({kind}) ? 1 : 0;
  const x = corners.map((corner) => corner[0]), y = corners.map((corner) => corner[1]);
  dx = within(Math.round(dx), -Math.min(...x), WIDTH - inside - Math.max(...x));
  dy = within(Math.round(dy), -Math.min(...y), HEIGHT - inside - Math.max(...y));
  return isOfPixels({kind}) ? numbers.map((value, i) => value + (i % 2 ? dy : dx)) : [numbers[0] + dx, numbers[1] + dy, numbers[2], numbers[3]];
};
const withCorner = ({kind, numbers}, index, point) => {
  if (isOfPixels({kind})) {
    const [x, y] = pixelOf(point);
    return numbers.with(2 * index, x).with(2 * index + 1, y);
  }
  return boxOf(point.map(Math.round), cornersOf({kind, numbers})[(index + 2) % 4]);
};
const isShown = (shape) => {
  if (isFollowed(shape)) return frame() === shape.frame;
  return !shape.range || (shape.range[0] <= frame() && frame() < shape.range[1]);
};
const titleOf = (id) => {
  if (id === PAINT) return "Painted";
  const index = drawing.shapes.findIndex((shape) => shape.id === id) + 1;
  return `${NAMES[drawing.shapes[index - 1].kind]} ${index}`;
};
const framesOf = (range) => (range ? `frames ${range[0]} to ${range[1] - 1}` : "all frames");
const textOf = (id) => {
  if (id === PAINT) return `${counted(drawing.strokes.length, "stroke")}, ${framesOf(drawing.painted)}`;
  const {kind, numbers, range, frame: drawn} = shapeOf(id);
  const place = isOfPixels({kind}) ? counted(numbers.length / 2, kind === "points" ? "point" : "corner") : `${numbers[0]},${numbers[1]} ${numbers[2]}×${numbers[3]}`;
  return `${place}, ${isFollowed({kind}) && !range ? `from frame ${drawn} through its shot` : framesOf(range)}`;
};
