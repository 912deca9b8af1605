// Controls: which photograph, person and candidate; what is shown; from where.
const $ = id => document.getElementById(id);
const text = (node, s) => { node.textContent = s; return node; };
const make = (tag, cls, s) => { const e = document.createElement(tag); if (cls) e.className = cls; if (s !== undefined) e.textContent = s; return e; };
const orbit = new Orbit(), SPHERE = [0.84, 0.37, 0.0], SMALLEST_M = 0.006, ROOM_M = 0.3, FIRST_JOINTS = 6;
let drawer = null, sight = null, waiting = false, allJoints = false;

const chosenPeople = shot => shot === null ? [] : shot.people.map((p, i) => [p, i]).filter(([p]) => $("person").value === "" || p.key === $("person").value);
const rankOf = person => Math.min(+$("rank").value, person.score.length) - 1;
const narrow = () => matchMedia("(max-width: 760px)").matches;
const number = v => v === null ? "–" : (Math.abs(v) >= 100 ? v.toFixed(0) : v.toFixed(Math.abs(v) >= 10 ? 1 : 3)).replace("-", "−");
function panes() { const n = D.runs.length, stacked = narrow(); return D.runs.map((_, i) => stacked ? { x: 0, y: i / n, w: 1, h: 1 / n } : { x: i / n, y: 0, w: 1 / n, h: 1 }); }
function shown() { return sight.shots.flatMap(s => chosenPeople(s).map(([p]) => p)); }

// What is turned about, the same in every pane, and what has to be in view from the camera: the photograph, or the best bodies of
// the chosen person with room around their joints.
function subject() {
  const one = $("person").value !== "", axes = [0, 1, 2], joints = shown().flatMap(p => p.joints[0]);
  const middle = axes.map(k => joints.reduce((sum, j) => sum + j[k], 0) / joints.length);
  const corners = sight.shots.flatMap(s => s === null ? [] : s.corners), centre = axes.map(k => corners.reduce((sum, c) => sum + c[k], 0) / corners.length);
  if (!one) return { target: centre.map(c => c * middle[2] / centre[2]), points: corners };
  const low = [0, 1].map(k => Math.min(...joints.map(j => j[k])) - ROOM_M), high = [0, 1].map(k => Math.max(...joints.map(j => j[k])) + ROOM_M);
  const points = [low[0], high[0]].flatMap(x => [low[1], high[1]].map(y => [x, y, middle[2]]));
  return { target: [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, middle[2]], points };
}
function bodies(shot, meshes, back) {
  const people = chosenPeople(shot), alike = $("all").checked, clear = [];
  for (const [p, i] of people) p.score.forEach((_, k) => {
    const m = meshes[i][k], first = k === rankOf(p);
    if (!alike && first) drawer.mould(m, m.centre, m.half, m.colour, 1);
    else if (alike || $("faint").checked) clear.push({ mesh: m, centre: m.centre, half: m.half, colour: m.colour, opacity: alike ? 0.45 : 0.18 });
  });
  drawer.clearOnes(clear, back);
  if (!$("sure").checked) return;
  drawer.forgetDepth();   // joints are inside bodies: they are seen through them
  drawer.clearOnes(people.flatMap(([p]) => p.joints[rankOf(p)].map((at, j) => ({ mesh: drawer.sphere, centre: at, half: Math.max(SMALLEST_M, p.spread[j] / 1000), colour: SPHERE, opacity: 0.6 }))), back);
}
function draw() {
  waiting = false;
  const room = getComputedStyle($("stage")).backgroundColor.match(/[\d.]+/g).slice(0, 3).map(c => c / 255); drawer.begin(room);
  const { target, points } = subject();
  panes().forEach((pane, r) => {
    const shot = sight.shots[r]; if (shot === null) return;
    const aspect = pane.w * drawer.canvas.width / (pane.h * drawer.canvas.height);
    drawer.pane(pane, orbit.matrices(target, orbit.fit(target, points, aspect), aspect));
    if ($("picture").checked) drawer.photograph(shot.corners);
    if (!orbit.atHome) drawer.frustum(shot.corners, [0.5, 0.55, 0.63, 1]);
    bodies(shot, drawer.people[r], orbit.pose(target).back);
  });
}
function redraw() { if (!waiting && drawer && sight) { waiting = true; requestAnimationFrame(draw); } }

function row(cells, head) { const tr = make("tr"); for (const c of cells) { const td = make(head ? "th" : "td"); td.append(c); tr.append(td); } return tr; }
function labels() {
  $("labels").replaceChildren(...panes().map((p, r) => {
    const e = make("div", "pane"); Object.assign(e.style, { left: 100 * p.x + "%", top: 100 * p.y + "%", width: 100 * p.w + "%", height: 100 * p.h + "%" });
    e.append(make("span", "", D.runs[r] + (sight.shots[r] === null ? ": nobody in this photograph" : ""))); return e;
  }));
}
function candidates() {
  const most = Math.max(1, ...shown().map(p => p.score.length)); $("rank").max = most; if (+$("rank").value > most) $("rank").value = most;
  text($("at"), $("rank").value + " of " + most);
  const rows = [row(["", "score", "expected mm"], true)];
  sight.shots.forEach((shot, r) => { for (const [p] of chosenPeople(shot)) {
    const k = rankOf(p), name = make("span"), dot = make("span", "dot"); dot.style.background = p.colours[k];
    name.append(dot, [D.runs.length > 1 ? D.runs[r] : "", $("person").value === "" ? p.key : ""].filter(s => s).join(" · ") || p.key);
    rows.push(row([name, number(p.score[k]), p.pve[k] === null ? "–" : p.pve[k].toFixed(1)]));
  } });
  $("now").replaceChildren(...rows);
}
function scale() {
  $("scale").style.background = "linear-gradient(90deg, " + D.scale.join(", ") + ")";
  const ends = shown().map(p => p.ends.join()), same = new Set(ends).size === 1 && shown().length;
  text($("low"), same ? number(shown()[0].ends[0]) : "worst of a person"); text($("high"), same ? number(shown()[0].ends[1]) : "best of a person");
  text($("scalenote"), D.runs.length < 2 ? "" : D.oneScale ? "Both runs have one scale for a person." : "The runs were scored by different scorers: each has a scale of its own.");
}
function spread() {
  const one = shown(), same = new Set(one.map(p => p.key)).size === 1 && one.length > 0; $("more").hidden = !same;
  text($("spreadnote"), same ? "Relative to the pelvis; spheres have this radius. The pelvis itself: " + sight.shots.map((s, r) => chosenPeople(s).map(([p]) => (D.runs.length > 1 ? D.runs[r] + " " : "") + p.rootSpread + " mm")).flat().join(", ") + " in the camera's frame." : "Choose a person to see the joints.");
  if (!same) { $("spread").replaceChildren(); return; }
  const runs = sight.shots.map((s, r) => [s, r, chosenPeople(s)]).filter(([, , p]) => p.length), names = D.bodies[runs[0][0].body].joints;
  const order = names.map((_, j) => j).sort((a, b) => Math.max(...runs.map(([, , p]) => p[0][0].spread[b] || 0)) - Math.max(...runs.map(([, , p]) => p[0][0].spread[a] || 0)));
  const rows = order.slice(0, allJoints ? order.length : FIRST_JOINTS).map(j => row([names[j], ...runs.map(([, , p]) => number(p[0][0].spread[j] ?? null))]));
  if (D.runs.length > 1) rows.unshift(row(["", ...runs.map(([, r]) => D.runs[r])], true));
  $("spread").replaceChildren(...rows); text($("more"), allJoints ? "fewer joints" : "all joints"); $("more").setAttribute("aria-expanded", allJoints);
}
function refresh() { labels(); candidates(); scale(); spread(); redraw(); }
function people() {
  $("person").replaceChildren(new Option(sight.keys.length > 1 ? "all " + sight.keys.length + " people" : "whole photograph", ""), ...sight.keys.map(k => new Option(k, k)));
}
function open(i) {
  const n = D.photographs.length; $("photograph").value = i = (i + n) % n; sight = D.photographs[i];
  const left = sight.shots.filter(s => s !== null).map(s => s.leftOut), most = k => Math.max(0, ...left.map(l => l[k]));
  text($("title"), sight.name + (most(0) ? " · " + most(0) + " more people left out" : "") + (most(1) ? " · " + most(1) + " more candidates left out" : "") + (sight.picture ? "" : " · the photograph was not found"));
  document.title = sight.name + " · predicted bodies"; orbit.home(); $("rank").value = 1; people(); drawer.load(sight.shots, D.bodies); drawer.show(null);
  if (sight.picture) { const image = new Image(), mine = sight; image.onload = () => { if (sight === mine) { drawer.show(image); redraw(); } }; image.src = sight.picture; }
  refresh();
}
// Along the world's axes, wherever in the photograph the person is; a little further off, since depth is what one looks for.
function along(yaw, pitch) { const { target } = subject(); orbit.home(); orbit.turn(yaw - Math.atan2(-target[0], -target[2]), pitch); orbit.by(0.7); }
const looks = { front: () => orbit.home(), side: () => along(Math.PI / 2, 0), top: () => along(0, STEEPEST) };
function look(from) { looks[from](); redraw(); }
function rank(by) { $("rank").value = +$("rank").value + by; refresh(); }

function pointers(canvas) {
  const down = new Map(); let apart = 0;
  const spanOf = () => { const [a, b] = [...down.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };
  canvas.addEventListener("pointerdown", e => { canvas.setPointerCapture(e.pointerId); down.set(e.pointerId, [e.clientX, e.clientY]); if (down.size === 2) apart = spanOf(); });
  canvas.addEventListener("pointermove", e => {
    const was = down.get(e.pointerId); if (!was) return;
    const x = (e.clientX - was[0]) / canvas.clientHeight, y = (e.clientY - was[1]) / canvas.clientHeight; down.set(e.pointerId, [e.clientX, e.clientY]);
    if (down.size === 2) { const now = spanOf(); orbit.by(now / (apart || now)); apart = now; orbit.move(x, -y); }
    else if (e.shiftKey || e.buttons === 2) orbit.move(2 * x, -2 * y); else orbit.turn(-3 * x, 3 * y);
    redraw();
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, e => down.delete(e.pointerId));
  canvas.addEventListener("contextmenu", e => e.preventDefault());
  canvas.addEventListener("wheel", e => { e.preventDefault(); orbit.by(Math.exp(-e.deltaY / 600)); redraw(); }, { passive: false });
}
function keys(e) {
  if (e.ctrlKey || e.metaKey || e.altKey || ["SELECT"].includes(e.target.tagName)) return;
  const turn = 0.12, arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[e.key];
  const act = arrows ? e.target === $("canvas") && (() => e.shiftKey ? orbit.move(0.08 * arrows[0], 0.08 * arrows[1]) : orbit.turn(turn * arrows[0], turn * arrows[1]))
    : { "+": () => orbit.by(1.15), "=": () => orbit.by(1.15), "-": () => orbit.by(1 / 1.15), 0: looks.front, 1: looks.side, 2: looks.top, "[": () => rank(-1), "]": () => rank(1), n: () => step(1), p: () => step(-1) }[e.key];
  if (act) { e.preventDefault(); act(); redraw(); }
}
function problem(said) { $("problem").hidden = false; text($("problem"), said); }
function step(by) { open(+$("photograph").value + by); }

try {
  drawer = new Drawer($("canvas"));
  $("photograph").replaceChildren(...D.photographs.map((p, i) => new Option(p.name, i)));
  for (const id of ["previous", "next"]) { $(id).disabled = D.photographs.length < 2; $(id).addEventListener("click", () => step(id === "next" ? 1 : -1)); }
  $("photograph").addEventListener("change", () => open(+$("photograph").value));
  $("person").addEventListener("change", () => { orbit.zoom = 1; orbit.shift = [0, 0]; refresh(); });
  $("rank").addEventListener("input", refresh);
  for (const id of ["all", "faint", "sure", "picture"]) $(id).addEventListener("change", () => { $("faint").disabled = $("all").checked; redraw(); });
  for (const id of ["front", "side", "top"]) $(id).addEventListener("click", () => look(id));
  $("more").addEventListener("click", () => { allJoints = !allJoints; spread(); });
  $("canvas").addEventListener("webglcontextlost", () => problem("The graphics were reset by the browser: load the page again."));
  pointers($("canvas")); document.addEventListener("keydown", keys); addEventListener("resize", () => { labels(); redraw(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  open(0);
} catch (error) { problem("Nothing can be drawn: " + error.message + "."); }
