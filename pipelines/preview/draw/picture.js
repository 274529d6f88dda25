"use strict";
// The picture of the chosen frame, and what is drawn over it.
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
    const share = told.partial ? "" : `${(100 * told.share).toFixed(2)} % of this frame is masked, grown by ${counted(told.dilation, "pixel")}.`;
    outline = {path: paths.join(""), text: [told.waits ? "Following the object, which takes some seconds…" : share, ...told.notes].join(" ")};
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
  const half = isOfPixels(shape) ? 0.5 : 0; // corners of a polygon are pixels, of a box their edges
  if (shape.kind === "points") return cornersOf(shape).map(([x, y], index) => markOf(x + half, y + half, shape.off[index])).join("");
  const points = cornersOf(shape).map(([x, y]) => `${x + half} ${y + half}`);
  return `M${points.join("L")}${open ? "" : "Z"}`;
};
const markOf = (x, y, off) => { // a ring on the object, a cross off it
  const r = 8 * scale();
  if (off) return `M${x - r} ${y - r}L${x + r} ${y + r}M${x - r} ${y + r}L${x + r} ${y - r}`;
  return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
};
const shapeElement = (shape) => {
  const classes = ["shape", shape.kind, shape.id === selected && "selected", !isShown(shape) && "absent"].filter(Boolean);
  const path = pathOf(shape);
  return svg("g", {class: classes.join(" "), tabindex: 0, role: "button", "data-shape": shape.id, "aria-label": `${titleOf(shape.id)}: ${textOf(shape.id)}`},
    svg("path", {class: "under", d: path}), svg("path", {class: "edge", d: path}));
};
const handlesOf = (shape) => {
  const half = isOfPixels(shape) ? 0.5 : 0, unit = scale();
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
    ...paintElements(strokes), ...visible.map(shapeElement), svg("path", {class: "found-under", d: outline.path}),
    svg("path", {class: "found", d: outline.path}), ...(chosen && tool === "select" ? handlesOf(chosen) : []), ...draftElements(), ...crossElements());
  if (focused) (stage.querySelector(`[data-shape="${focused}"]`) ?? stage).focus({preventScroll: true});
};
const idsDrawn = () => [...(drawing.strokes.length ? [PAINT] : []), ...drawing.shapes.map((shape) => shape.id)];
const drawList = () => {
  const ids = idsDrawn();
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
  const isTrack = shape.kind === "track", range = shape.range, isObject = isFollowed(shape);
  at("numbers-label").hidden = shape.kind === PAINT;
  if (shape.kind !== PAINT) {
    at("numbers-name").textContent = isOfPixels(shape) ? `${shape.kind === "points" ? "Points" : "Corners"} x,y,x,y,…` : "Left, top, width, height";
    put("numbers", shape.numbers.join(","));
  }
  at("all").checked = !range;
  at("some").checked = Boolean(range);
  at("all-name").textContent = isObject ? "Its whole shot" : "All frames";
  at("range").hidden = !range;
  at("first").disabled = at("from-here").disabled = isObject;
  if (range) {
    put("first", range[0]);
    put("last", range[1] - 1);
  }
  at("follow").hidden = shape.kind === PAINT || isOfPixels(shape);
  at("follow").firstChild.textContent = isTrack ? "Stop following " : "Follow this box ";
  at("go").hidden = !isObject;
  at("follow-note").hidden = !isObject;
  const shownBy = isTrack ? `in the box is followed from frame ${shape.frame}. Draw the box closely around it.` : `at the points is followed by SAM 2.1 from frame ${shape.frame}.`;
  at("follow-note").textContent = `The object ${shownBy} “Show the result” shows where it is found.`;
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
    at("click-bar").hidden = tool !== "click";
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
