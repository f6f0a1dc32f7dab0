/* A person's rows: time, where the person is found, and a row per action with its score. */
const timelines = [];
let selected = null;  // { p, id }
let stretch = null;  // { p, start, stop, action }: frames that were chosen on no interval

function describe(interval) {
  const { action, start, stop, was } = interval, lines = [plain(action), `${clock(start)} to ${clock(stop)}`];
  const by = source(interval);
  if (by === "corrected") lines.push(`corrected; predicted ${plain(was.action)}, ${clock(was.start)} to ${clock(was.stop)}`);
  if (by === "added" && action !== null) lines.push("added");
  if (was && was.told) {
    const { score, confidence, seen } = was.told;
    lines.push(`score ${score.toFixed(2)}, confidence ${confidence === null ? "unknown" : percent(confidence)}`,
      `person found in ${percent(seen)} of it`);
  }
  return lines.join("\n");
}
function frameAt(event, track) {
  const box = track.getBoundingClientRect();
  return clamp(Math.floor(data.frames * (event.clientX - box.left) / box.width), 0, data.frames - 1);
}
const row = (label, track, title = label) => make("div", { class: "row" }, make("div", { class: "label", title }, label), track);

function drawAxis(line) {
  const width = line.axis.clientWidth, seconds = data.frames / data.fps;
  if (!width) return;
  const steps = [.1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
  const size = steps.find(s => s * width / seconds >= 80) || 7200;
  const from = line.scroll.scrollLeft / width * seconds, to = from + line.scroll.clientWidth / width * seconds;
  line.axis.replaceChildren();
  for (let n = Math.floor(from / size); n * size < to; n++) {
    const s = n * size;
    if ((seconds - s) * width / seconds < 56) break;
    line.axis.append(make("span", { class: "tick", style: `left:${100 * s / seconds}%` }, clock(s * data.fps, size < 1)));
  }
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
  return row("found", track);
}

function hover(track, text) {
  track.addEventListener("pointermove", event => {
    if (!drag && !event.target.closest(".bar")) show(text(frameAt(event, track)), event.clientX, event.clientY);
  });
  track.addEventListener("pointerleave", () => { if (!drag) hide(); });
}

function curve(scores) {
  const space = "http://www.w3.org/2000/svg";
  const [svg, path, line] = ["svg", "path", "path"].map(name => document.createElementNS(space, name));
  svg.setAttribute("viewBox", `0 0 ${data.frames} 100`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const most = scores.values.reduce((a, b) => Math.max(a, b), Math.max(5, 130 * scores.threshold)), high = share => 100 - 95 * share / most;
  let steps = "M0 100", before = null;
  scores.values.forEach((value, n) => {
    if (value === before) return;  // most of a long film is flat
    steps += `H${n * scores.step}V${high(value).toFixed(1)}`;
    before = value;
  });
  path.setAttribute("d", steps + `H${data.frames}V100Z`);
  path.setAttribute("class", "score");
  line.setAttribute("d", `M0 ${high(100 * scores.threshold).toFixed(1)}H${data.frames}`);
  line.setAttribute("class", "threshold");
  svg.append(path, line);
  return svg;
}

/* The row of an action; made where the person has none yet. */
function rowOf(line, action) {
  if (line.rows.has(action)) return line.rows.get(action);
  const scores = line.person.curves.find(c => data.classes[c.class] === action);
  const track = make("div", { class: "track actions" });
  if (scores) track.append(curve(scores));
  hover(track, frame => `${plain(action)}\n${clock(frame)}` + (scores
    ? `\nscore ${(scores.values[Math.floor(frame / scores.step)] / 100).toFixed(2)}, predicted from ${scores.threshold.toFixed(2)} on` : ""));
  const made = { action, track, list: [], element: row(plain(action), track, action === null ? "Boxes are on somebody else" : action) };
  track.row = made;
  line.rows.set(action, made);
  line.box.insertBefore(made.element, action === null ? line.found.nextSibling : line.layer);
  return made;
}

function barOf(line, interval) {
  const by = source(interval), { told } = interval.was || {};
  const confidence = by === "predicted" && told ? told.confidence ?? .7 : 1;
  const bar = make("button", { class: "bar" + (by === "predicted" ? "" : " " + by) + (interval.action === null ? " other" : ""),
    type: "button", tabindex: "-1", "aria-label": describe(interval).replaceAll("\n", ", "),
    style: `left:${at(interval.start)};width:${at(interval.stop - interval.start)};--share:${(.25 + .75 * confidence).toFixed(2)}` });
  bar.interval = interval;
  bar.line = line;
  return bar;
}

/* Draws the rows of a person whose intervals have changed. */
function drawPerson(line) {
  const groups = new Map([...line.rows.keys()].map(action => [action, []]));
  for (const interval of doc.persons[line.p].intervals) {
    if (!groups.has(interval.action)) groups.set(interval.action, []);
    groups.get(interval.action).push(interval);
  }
  const focused = document.activeElement?.closest?.(".bar, .end"), held = focused?.line === line ? focused.interval.id : null;
  for (const [action, list] of groups) {
    const made = rowOf(line, action);
    if (list.length === made.list.length && list.every((one, n) => one === made.list[n])) continue;
    made.list = list;
    for (const old of made.track.querySelectorAll(".bar, .end")) old.remove();
    made.track.append(...list.map(interval => barOf(line, interval)));
  }
  hideEmptyRows(line);
  line.order = null;
  keepTabStop(line);
  if (held !== null) {
    const edge = focused.dataset.edge;
    select(find(line.p, held) ? { p: line.p, id: held } : null);
    const again = findBar(line, held);
    if (again) (edge ? again.parentElement.querySelector(`.end[data-edge=${edge}]`) || again : again).focus({ preventScroll: true });
  }
}
/* Rows of actions that nobody predicted and that are gone again. */
function hideEmptyRows(line) {
  for (const made of line.rows.values()) made.element.hidden = !editing && !made.list.length && !made.track.querySelector("svg");
}
const findBar = (line, id) => [...line.box.querySelectorAll(".bar")].find(bar => bar.interval.id === id);
const listOrder = line => line.order ||= doc.persons[line.p].intervals.filter(one => one.action !== null || editing).sort(byTime);

/* Of the bars of a person Tab reaches one: the last that had the focus, or the first. */
function keepTabStop(line, id = line.current) {
  const order = listOrder(line);
  line.current = order.some(one => one.id === id) ? id : order[0]?.id;
  for (const bar of line.box.querySelectorAll(".bar")) {
    const stop = bar.interval.id === line.current ? 0 : -1;
    if (bar.tabIndex !== stop) bar.tabIndex = stop;
  }
}

function buildTimeline(person, p) {
  const axis = make("div", { class: "track" });
  const found = presence(person), now = make("div", { class: "now" });
  const layer = make("div", { class: "layer", "aria-hidden": "true" }, now);
  const box = make("div", { class: "rows" }, make("div", { class: "row axis", "aria-hidden": "true" }, make("div", { class: "label" }), axis), found, layer);
  const scroll = make("div", { class: "scroll", role: "group", "aria-label": `Timeline of person ${person.person}: arrow keys go from interval to interval, Enter goes there in the film` }, box);
  const zoomText = make("span", { class: "soft", "aria-live": "polite" }, "1×");
  const line = { p, person, box, scroll, axis, found, layer, rows: new Map(), zoom: 1, zoomText, order: null, current: undefined };
  box.line = line;
  timelines.push(line);
  for (const scores of person.curves) rowOf(line, data.classes[scores.class]);
  drawPerson(line);
  followers.push(frame => {
    now.style.transform = `translateX(${at(frame)})`;
    if (line.zoom > 1 && !drag) keepInView(line, frame);
  });
  scroll.addEventListener("scroll", () => drawAxis(line), { passive: true });
  scroll.addEventListener("wheel", event => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    setZoom(line, event.deltaY < 0 ? 2 : .5, frameAt(event, axis));
  }, { passive: false });
  new ResizeObserver(() => drawAxis(line)).observe(scroll);
  const tools = make("div", { class: "tools" },
    make("button", { type: "button", "aria-label": "Zoom in", onclick: () => setZoom(line, 2) }, "+"),
    make("button", { type: "button", "aria-label": "Zoom out", onclick: () => setZoom(line, .5) }, "−"), zoomText);
  return [tools, scroll];
}
const labelWidth = line => line.found.firstChild.offsetWidth;
function setZoom(line, factor, frame = playhead) {
  const visible = line.scroll.clientWidth - labelWidth(line);
  const most = 2 ** Math.ceil(Math.log2(Math.max(1, 12 * data.frames / visible)));
  const place = frame / data.frames * line.axis.clientWidth - line.scroll.scrollLeft;
  line.zoom = clamp(line.zoom * factor, 1, most);
  line.box.style.width = 100 * line.zoom + "%";
  line.scroll.scrollLeft = frame / data.frames * line.axis.clientWidth - clamp(place, .1 * visible, .9 * visible);
  line.zoomText.textContent = line.zoom + "×";
  drawAxis(line);
}
function keepInView(line, frame) {
  const place = frame / data.frames * line.axis.clientWidth - line.scroll.scrollLeft, visible = line.scroll.clientWidth - labelWidth(line);
  if (place < 0 || place > visible) line.scroll.scrollLeft += place - .15 * visible;
}

/* Shows an interval as chosen; its ends can then be reached by Tab and moved by arrow keys. */
function select(next) {
  for (const old of document.querySelectorAll(".bar.selected")) old.classList.remove("selected");
  for (const old of document.querySelectorAll(".end")) old.remove();
  selected = next;
  if (next && editing) {
    const line = timelines[next.p], bar = findBar(line, next.id);
    if (bar) {
      bar.classList.add("selected");
      bar.after(endOf(bar, "start"), endOf(bar, "stop"));
      keepTabStop(line, next.id);
    }
  }
  updatePanel();
}
function endOf(bar, edge) {
  const { interval, line } = bar;
  const end = make("div", { class: "end", tabindex: "0", role: "slider", "data-edge": edge, style: `left:${at(interval[edge])}`,
    "aria-label": `${edge === "start" ? "Start" : "End"} of ${plain(interval.action)}`, "aria-valuemin": 0, "aria-valuemax": data.frames,
    "aria-valuenow": interval[edge], "aria-valuetext": clock(interval[edge]) });
  end.interval = interval;
  end.line = line;
  return end;
}
function redraw() {
  for (const line of timelines) {
    if (line.drawn !== doc.persons[line.p]) { drawPerson(line); line.drawn = doc.persons[line.p]; }
    line.check.checked = doc.persons[line.p].checked;
  }
  if (selected && !find(selected.p, selected.id)) select(null);
  else if (selected && !document.querySelector(".bar.selected")) select(selected);
  updatePanel();
}
