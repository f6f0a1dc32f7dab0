"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const main = document.getElementById("main"), tip = document.getElementById("tip");
const reasons = Object.keys(data.reasons);
let video = null;
const cursors = [];

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") element.style.cssText = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}
function clock(frame, exact = true) {
  const s = frame / data.fps, h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60, rest = s % 60;
  const seconds = exact ? rest.toFixed(1).padStart(4, "0") : String(Math.floor(rest)).padStart(2, "0");
  return (h ? h + ":" + String(m).padStart(2, "0") : m) + ":" + seconds;
}
const percent = share => (100 * share).toFixed(0) + " %";
const at = frame => (100 * frame / data.frames) + "%";

function seek(frame) {
  for (const line of cursors) line.style.left = at(frame);
  if (video) video.currentTime = frame / data.fps;
}
function show(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(x + 12, innerWidth - box.width - 4)) + "px";
  tip.style.top = (y + 18 + box.height > innerHeight ? y - box.height - 8 : y + 18) + "px";
}
const hide = () => { tip.hidden = true; };

function describe(action) {
  const confidence = action.confidence === null ? "confidence unknown" : "confidence " + percent(action.confidence);
  return `${action.action}\n${clock(action.start_frame)} to ${clock(action.end_frame)}\n`
    + `score ${action.score.toFixed(2)}, ${confidence}\nperson found in ${percent(action.seen)} of it`;
}
function frameAt(event, track) {
  const box = track.getBoundingClientRect();
  return Math.max(0, Math.min(data.frames - 1, Math.floor(data.frames * (event.clientX - box.left) / box.width)));
}

const counted = (count, one, many = one + "s") => `${count} ${count === 1 ? one : many}`;

function header() {
  main.append(make("h1", {}, data.film));
  main.append(make("p", { class: "soft" },
    `${clock(data.frames, false)}, ${data.frames} frames at ${data.fps} per second, ${counted(data.cuts.length, "cut")}, `
    + `${counted(data.persons.length, "person")}; method in folder ${data.model}.`
    + (data.lost_frames ? ` ${counted(data.lost_frames, "frame of the film", "frames of the film")} could not be decoded.` : "")));
  if (data.built_in_checkpoints.length)
    main.append(make("p", { class: "warning" }, "Made with checkpoints that were trained on drawn films only ("
      + data.built_in_checkpoints.join(", ") + "). They do not work on real films."));
  main.append(data.readout.calibrated
    ? make("p", { class: "soft" }, "Confidence: how often a class with such scores was true in the annotated films of val.")
    : make("p", { class: "warning" }, data.readout.fitted
      ? "Confidences are unknown: val had no annotated film to measure them on."
      : "No thresholds were fitted for this model: every class is predicted from score "
        + data.readout.default_threshold + " on, and confidences are unknown."));
  const film = make("div", { class: "film" });
  if (data.overlay) {
    video = make("video", { src: data.overlay, controls: "", preload: "metadata", muted: "", poster: data.thumbnails[0].picture, "aria-label": "The film with boxes and actions" });
    video.addEventListener("timeupdate", () => {
      for (const line of cursors) line.style.left = at(Math.min(data.frames, video.currentTime * data.fps));
    });
    film.append(video);
  }
  const strip = make("div", { class: "strip" });
  for (const picture of data.thumbnails) {
    strip.append(make("button", { class: "thumb", type: "button", onclick: () => seek(picture.frame) },
      make("img", { src: picture.picture, alt: "Frame at " + clock(picture.frame, false) }), clock(picture.frame, false)));
  }
  film.append(strip);
  main.append(film);
}

function axis() {
  const track = make("div", { class: "track" });
  const seconds = data.frames / data.fps, most = innerWidth < 640 ? 5 : 8;
  const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600].find(s => seconds / s <= most) || 7200;
  for (let s = 0; s < seconds; s += step) {
    if (s > .88 * seconds) break;
    track.append(make("span", { class: "tick", style: `left:${100 * s / seconds}%` }, clock(s * data.fps, false)));
  }
  return make("div", { class: "row axis", "aria-hidden": "true" }, make("div", { class: "label" }), track);
}

function presence(person) {
  const track = make("div", { class: "track" });
  const gap = (a, b, name) => track.append(make("span", { class: "gap " + name, style: `left:${at(a)};width:${at(b - a)}` }));
  for (const [a, b] of person.present.interpolated) gap(a, b, "interpolated");
  for (const [a, b] of person.present.detected) track.append(make("span", { class: "gap detected", style: `left:${at(a)};width:max(1px, ${at(b - a)})` }));
  for (const lost of person.not_found) gap(lost.start_frame, lost.end_frame, "r" + reasons.indexOf(lost.reason));
  hover(track, frame => {
    const lost = person.not_found.find(l => l.start_frame <= frame && frame < l.end_frame);
    if (!lost) return clock(frame) + "\nfound";
    const best = lost.best_score === null ? "" : `\nbest score ${lost.best_score.toFixed(2)}, about ${data.min_score} is needed`;
    return `${clock(lost.start_frame)} to ${clock(lost.end_frame)}\nnot found, ${lost.reason}: ${data.reasons[lost.reason]}${best}`;
  });
  return make("div", { class: "row" }, make("div", { class: "label" }, "found"), track);
}

function hover(track, text) {
  track.addEventListener("pointermove", event => {
    if (event.target.closest(".bar")) return;
    show(text(frameAt(event, track)), event.clientX, event.clientY);
  });
  track.addEventListener("pointerleave", hide);
  track.addEventListener("click", event => { if (!event.target.closest(".bar")) seek(frameAt(event, track)); });
}

function curve(scores) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg"), path = document.createElementNS(space, "path"), line = document.createElementNS(space, "path");
  svg.setAttribute("viewBox", `0 0 ${data.frames} 100`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const most = scores.values.reduce((a, b) => Math.max(a, b), Math.max(5, 130 * scores.threshold)), high = share => 100 - 95 * share / most;
  let steps = "M0 100";
  scores.values.forEach((value, n) => {
    steps += `L${n * scores.step} ${high(value).toFixed(1)}L${Math.min(data.frames, (n + 1) * scores.step)} ${high(value).toFixed(1)}`;
  });
  path.setAttribute("d", steps + `L${data.frames} 100Z`);
  path.setAttribute("fill", "#bcd2e4");
  line.setAttribute("d", `M0 ${high(100 * scores.threshold).toFixed(1)}H${data.frames}`);
  for (const [name, value] of [["stroke", "#555"], ["stroke-dasharray", "4 4"], ["vector-effect", "non-scaling-stroke"]]) line.setAttribute(name, value);
  svg.append(path, line);
  return svg;
}

function rowsOf(person) {
  const rows = make("div", { class: "rows" });
  rows.append(axis(), presence(person));
  const bars = [];
  for (const scores of person.curves) {
    const actions = person.intervals.filter(action => action.class_id === scores.class);
    const track = make("div", { class: "track" }, curve(scores));
    hover(track, frame => `${actions[0].action}\n${clock(frame)}\nscore ${(scores.values[Math.floor(frame / scores.step)] / 100).toFixed(2)}, predicted from ${scores.threshold.toFixed(2)} on`);
    for (const action of actions) {
      const opacity = action.confidence === null ? .7 : .25 + .75 * action.confidence;
      const bar = make("button", {
        class: "bar", type: "button", tabindex: "-1", "aria-label": describe(action).replaceAll("\n", ", "),
        style: `left:${at(action.start_frame)};width:${at(action.end_frame - action.start_frame)};background:rgba(var(--bar), ${opacity.toFixed(2)})`,
      });
      bar.addEventListener("pointermove", event => show(describe(action), event.clientX, event.clientY));
      bar.addEventListener("focus", () => {
        for (const other of bars) other.bar.tabIndex = other.bar === bar ? 0 : -1;
        const box = bar.getBoundingClientRect();
        show(describe(action), box.left, box.bottom - 10);
      });
      bar.addEventListener("blur", hide);
      bar.addEventListener("click", () => seek(action.start_frame));
      bars.push({ bar, action });
      track.append(bar);
    }
    rows.append(make("div", { class: "row" }, make("div", { class: "label", title: actions[0].action }, actions[0].action.replaceAll("_", " ")), track));
  }
  bars.sort((a, b) => a.action.start_frame - b.action.start_frame || a.action.end_frame - b.action.end_frame);
  if (bars.length) bars[0].bar.tabIndex = 0;
  rows.addEventListener("keydown", event => {
    const now = bars.findIndex(entry => entry.bar === document.activeElement);
    const next = { ArrowRight: now + 1, ArrowDown: now + 1, ArrowLeft: now - 1, ArrowUp: now - 1, Home: 0, End: bars.length - 1 }[event.key];
    if (now < 0 || next === undefined) return;
    event.preventDefault();
    if (bars[next]) { bars[next].bar.focus(); bars[next].bar.scrollIntoView({ block: "nearest", inline: "center" }); }
  });
  const line = make("div", { class: "now", style: "left:0" });
  const layer = make("div", { style: "position:absolute;top:0;bottom:0;right:0;left:var(--label);pointer-events:none", "aria-hidden": "true" }, line);
  cursors.push(line);
  rows.append(layer);
  return rows;
}

function timeline(person) {
  const rows = rowsOf(person);
  const scroll = make("div", { class: "scroll", role: "group", "aria-label": `Timeline of person ${person.person}: arrow keys go from interval to interval, Enter goes there in the film` }, rows);
  let zoom = 1;
  const factorText = make("span", { class: "soft", "aria-live": "polite" }, "1×");
  const set = factor => {
    const middle = (scroll.scrollLeft + scroll.clientWidth / 2) / rows.clientWidth;
    zoom = Math.max(1, Math.min(64, zoom * factor));
    rows.style.width = 100 * zoom + "%";
    scroll.scrollLeft = middle * rows.clientWidth - scroll.clientWidth / 2;
    factorText.textContent = zoom + "×";
  };
  const tools = make("div", { class: "tools" },
    make("button", { type: "button", "aria-label": "Zoom in", onclick: () => set(2) }, "+"),
    make("button", { type: "button", "aria-label": "Zoom out", onclick: () => set(.5) }, "−"), factorText);
  return [tools, scroll];
}

function table(head, rows) {
  return make("div", { class: "scroller", tabindex: "0", role: "group", "aria-label": "Table" }, make("table", {},
    make("thead", {}, make("tr", {}, ...head.map(name => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...rows.map(row => make("tr", {}, ...row.map(cell => make("td", {}, cell)))))));
}
/* Long tables are built when they are opened. */
function details(title, head, rows) {
  const box = make("details", {}, make("summary", {}, title));
  box.addEventListener("toggle", () => { if (box.open && box.children.length === 1) box.append(table(head, rows())); });
  return box;
}

function section(person) {
  const { detected, interpolated, missing } = person.frames;
  const where = make("section", {});
  const words = make("div", { style: "flex:1 1 20rem;min-width:0" },
    make("h2", {}, make("span", { class: "number" }, String(person.person)), person.reference));
  words.append(make("p", { class: "soft" },
    `Found in ${percent(1 - missing / data.frames)} of the frames (${detected} detected, ${interpolated} interpolated, ${missing} missing), ${counted(person.intervals.length, "interval")} of ${counted(person.curves.length, "class", "classes")}.`));
  const lost = {};
  for (const gap of person.not_found) lost[gap.reason] = (lost[gap.reason] || 0) + gap.end_frame - gap.start_frame;
  const why = Object.entries(lost).sort((a, b) => b[1] - a[1]);
  if (why.length) words.append(make("p", { class: "soft" }, "Not found: " + why.map(([reason, frames]) => `${clock(frames)} ${reason} (${data.reasons[reason]})`).join("; ") + "."));
  if (!person.found) words.append(make("p", { class: "warning" }, "Never found in this film, so no action is predicted. Try another sentence, or a lower crop.min_score."));
  const crops = make("div", { class: "strip crops" });
  for (const crop of person.crops) {
    crops.append(make("button", { class: "thumb", type: "button", onclick: () => seek(crop.frame) },
      make("img", { src: crop.picture, alt: `Person ${person.person} at ${clock(crop.frame, false)}` }), clock(crop.frame, false)));
  }
  where.append(make("div", { class: "head" }, words, crops), ...timeline(person));
  if (person.intervals.length) where.append(details("Intervals as a table",
    ["action", "from", "to", "score", "confidence", "person found"],
    () => person.intervals.map(a => [a.action, clock(a.start_frame), clock(a.end_frame), a.score.toFixed(2), a.confidence === null ? "–" : percent(a.confidence), percent(a.seen)])));
  if (person.not_found.length) where.append(details("Where the person was not found",
    ["from", "to", "why", "best score"],
    () => person.not_found.map(l => [clock(l.start_frame), clock(l.end_frame), l.reason, l.best_score === null ? "–" : l.best_score.toFixed(2)])));
  main.append(where);
}

function legend() {
  const item = (name, text, style = "") => make("li", {}, make("i", { class: name, style }), text);
  const confident = data.persons.some(person => person.intervals.some(a => a.confidence !== null));
  const used = new Set(data.persons.flatMap(person => person.not_found.map(gap => gap.reason)));
  main.append(make("ul", { class: "legend", "aria-label": "Legend" },
    confident
      ? item("", "action, darker where the confidence is higher", "background:linear-gradient(90deg, rgba(var(--bar), .25), rgb(var(--bar)))")
      : item("", "action", "background:rgb(var(--bar))"),
    item("", "score over time, each class on its own scale; dashed: its threshold", "background:#bcd2e4"),
    item("detected", "detected"), item("interpolated", "interpolated"),
    ...reasons.flatMap((reason, n) => used.has(reason) ? [item("r" + n, "not found: " + reason)] : [])));
}

header();
legend();
data.persons.forEach(section);
addEventListener("keydown", event => { if (event.key === "Escape") hide(); });
