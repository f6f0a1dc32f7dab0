/* Editing: what the pointer and the keys do. */
let editing = false, drag = null;
const here = { p: 0, action: undefined };  // where the focus was last

function chosenSpan() {
  if (stretch) return stretch;
  const one = selected && find(selected.p, selected.id);
  return one ? { p: selected.p, start: one.start, stop: one.stop } : null;
}
function setStretch(next) {
  stretch = next;
  for (const line of timelines) line.layer.querySelector(".stretch")?.remove();
  if (next) timelines[next.p].layer.append(make("div", { class: "stretch", style: `left:${at(next.start)};width:${at(next.stop - next.start)}` }));
  updatePanel();
}
/* Chooses what is at a place after an edit, and puts the focus there. */
function settle(p, action, frame, focus = true) {
  const one = doc.persons[p].intervals.find(i => i.action === action && i.start <= frame && frame < i.stop);
  setStretch(null);
  select(one ? { p, id: one.id } : null);
  if (one && focus) findBar(timelines[p], one.id)?.focus({ preventScroll: true });
}

const commands = {
  add() {
    const { p, start, stop, action } = stretch || { p: here.p, start: playhead, stop: Math.min(data.frames, playhead + Math.round(data.fps)), action: here.action };
    choose("Add an action", p, action, name => {
      commit(replace(p, null, [makeInterval(name, start, stop)]), `added ${plain(name)}, ${clock(start)} to ${clock(stop)}`);
      settle(p, name, start);
    });
  },
  rename() {
    const one = selected && find(selected.p, selected.id);
    if (!one || one.action === null) return say("choose an action first");
    const { p } = selected;
    choose("Another action", p, one.action, name => {
      if (name === one.action) return;
      commit(replace(p, one.id, [Object.freeze({ ...one, action: name })]), `${plain(one.action)} is ${plain(name)} now`);
      settle(p, name, one.start);
    });
  },
  split() {
    const one = selected && find(selected.p, selected.id);
    if (!one) return say("choose an interval first");
    if (playhead <= one.start || playhead >= one.stop) return say("move the film to a place inside the interval first");
    const parts = [Object.freeze({ ...one, stop: playhead }), makeInterval(one.action, playhead, one.stop, one.was)];
    commit(replace(selected.p, one.id, parts), `split at ${clock(playhead)}`);
    settle(selected.p, one.action, playhead);
  },
  remove() {
    const one = selected && find(selected.p, selected.id);
    if (!one) return say("choose an interval first");
    const { p } = selected, order = listOrder(timelines[p]), n = order.indexOf(one), next = order[n + 1] || order[n - 1];
    commit(replace(p, one.id, []), `removed ${plain(one.action)}`);
    if (next) settle(p, next.action, next.start);
    else { select(null); timelines[p].scroll.focus({ preventScroll: true }); }
  },
  other() {
    const span = chosenSpan();
    if (!span) return say("choose an interval, or drag over a stretch first");
    commit(markOther(span.p, span.start, span.stop), `not this person, ${clock(span.start)} to ${clock(span.stop)}`);
    settle(span.p, null, span.start);
  },
  markIn() { setStretch({ p: here.p, action: here.action, start: playhead, stop: Math.max(playhead + 1, stretch?.p === here.p ? stretch.stop : 0) }); say(`stretch from ${clock(playhead)}`); },
  markOut() { setStretch({ p: here.p, action: here.action, start: Math.min(playhead, stretch?.p === here.p ? stretch.start : playhead), stop: playhead + 1 }); say(`stretch to ${clock(playhead)}`); },
  startHere() { moveEdge("start", playhead); },
  stopHere() { moveEdge("stop", playhead + 1); },
  undo, redo, save,
  play() { if (video) video.paused ? video.play() : video.pause(); },
};

/* Moves an end of the chosen interval, as far as its neighbours allow. */
function moveEdge(edge, frame) {
  const one = selected && find(selected.p, selected.id);
  if (!one) return say("choose an interval first");
  const [low, high] = limits(selected.p, one);
  const value = edge === "start" ? clamp(frame, low, one.stop - 1) : clamp(frame, one.start + 1, high);
  if (value !== one[edge]) changeTo({ ...one, [edge]: value }, edge);
  seek(edge === "start" ? value : value - 1);
}
function moveBy(frames) {
  const one = find(selected.p, selected.id), [low, high] = limits(selected.p, one), by = clamp(frames, low - one.start, high - one.stop);
  if (by) changeTo({ ...one, start: one.start + by, stop: one.stop + by }, "move");
  seek(one.start + by);
}
function changeTo(next, what) {
  const intervals = doc.persons[selected.p].intervals.map(one => one.id === next.id ? Object.freeze(next) : one);
  commit(withPerson(selected.p, { intervals }), `${plain(next.action)}, ${clock(next.start)} to ${clock(next.stop)}`, `${what} ${next.id}`);
}

/* The pointer: a bar is moved, its ends are dragged, and an empty place gives a stretch. */
const EDGE = 7;  // pixels
function edgeAt(bar, x) {
  const box = bar.getBoundingClientRect(), reach = Math.min(EDGE, box.width / 3);
  return x - box.left < reach ? "start" : box.right - x < reach ? "stop" : "move";
}
const frameUnder = (x, track) => { const box = track.getBoundingClientRect(); return data.frames * (x - box.left) / box.width; };

main.addEventListener("pointerdown", event => {
  const target = event.target.closest(".end, .bar, .track"), line = target?.closest(".rows")?.line;
  if (!line || event.button || !event.isPrimary) return;
  const track = target.closest(".track");
  here.p = line.p;
  if (track.row) here.action = track.row.action ?? undefined;
  if (!editing) return;
  const { interval } = target;
  const kind = target.dataset.edge || (interval ? edgeAt(target, event.clientX) : track.row ? "stretch" : "scrub");
  drag = { kind, line, track, x: event.clientX, from: frameUnder(event.clientX, track), interval, moved: false, next: null };
  if (interval) {
    setStretch(null);
    select({ p: line.p, id: interval.id });
    drag.limits = limits(line.p, interval);
    drag.bar = findBar(line, interval.id);
    drag.bar.focus({ preventScroll: true });
  } else if (kind === "stretch") line.scroll.focus({ preventScroll: true });
  else seek(Math.floor(drag.from));
  event.preventDefault();
  try { main.setPointerCapture(event.pointerId); } catch { /* an event made by a script */ }
});
let lastMove = null;
main.addEventListener("pointermove", event => {
  const bar = event.target.closest?.(".bar");
  if (!drag) {
    if (!bar) return;
    show(describe(bar.interval), event.clientX, event.clientY);
    if (editing) bar.style.cursor = edgeAt(bar, event.clientX) === "move" ? "grab" : "ew-resize";
    return;
  }
  if (!lastMove) requestAnimationFrame(() => { if (drag && lastMove) dragTo(lastMove); lastMove = null; });
  lastMove = event;
});
function dragTo(event) {
  if (!drag.moved && Math.abs(event.clientX - drag.x) < 4) return;
  drag.moved = true;
  const { kind, line, interval } = drag, frame = frameUnder(event.clientX, drag.track);
  if (kind === "scrub") return seek(Math.floor(frame));
  if (kind === "stretch") {
    const [a, b] = [drag.from, frame].sort((x, y) => x - y), start = clamp(Math.floor(a), 0, data.frames - 1);
    setStretch({ p: line.p, action: drag.track.row?.action ?? undefined, start, stop: clamp(Math.ceil(b), start + 1, data.frames) });
    seek(clamp(frame, 0, data.frames - 1));
    show(`${clock(start)} to ${clock(stretch.stop)}`, event.clientX, event.clientY);
    return;
  }
  const [low, high] = drag.limits, by = Math.round(frame - drag.from);
  const move = clamp(by, low - interval.start, high - interval.stop);
  drag.next = kind === "start" ? { ...interval, start: clamp(interval.start + by, low, interval.stop - 1) }
    : kind === "stop" ? { ...interval, stop: clamp(interval.stop + by, interval.start + 1, high) }
    : { ...interval, start: interval.start + move, stop: interval.stop + move };
  placeBar(drag.bar, drag.next);
  seek(kind === "stop" ? drag.next.stop - 1 : drag.next.start);
  show(`${plain(interval.action)}\n${clock(drag.next.start)} to ${clock(drag.next.stop)}`, event.clientX, event.clientY);
}
function placeBar(bar, { start, stop }) {
  bar.style.left = at(start);
  bar.style.width = at(stop - start);
  for (const end of bar.parentElement.querySelectorAll(".end")) end.style.left = at(end.dataset.edge === "start" ? start : stop);
}
function endDrag(event, keep) {
  if (!drag) return;
  if (keep && event) dragTo(event);
  const { moved, next, interval, kind, bar } = drag;
  lastMove = null;
  const from = drag.from;
  drag = null;
  hide();
  if (interval && moved && keep && !isSame(next, interval)) changeTo(next, "drag");
  else if (interval) placeBar(bar, interval);
  if (!keep && kind === "stretch") setStretch(null);
  if (moved || !keep) return;
  if (interval && kind === "move") seek(interval.start);
  if (kind === "stretch") { setStretch(null); select(null); seek(Math.floor(from)); }
}
main.addEventListener("pointerup", event => endDrag(event, true));
main.addEventListener("pointercancel", event => endDrag(event, false));
main.addEventListener("pointerout", event => { if (!drag && event.target.closest?.(".bar")) hide(); });
main.addEventListener("click", event => {
  const bar = event.target.closest(".bar"), track = event.target.closest(".track");
  if (bar && (!editing || event.detail === 0)) seek(bar.interval.start);
  else if (track && !bar && !editing && track.closest(".rows")) seek(frameAt(event, track));
});

main.addEventListener("focusin", event => {
  const line = event.target.closest(".bar, .end")?.line || event.target.closest(".scroll")?.querySelector(".rows")?.line;
  if (line) here.p = line.p;
  const bar = event.target.closest(".bar");
  if (!bar) return;
  here.action = bar.interval.action ?? undefined;
  if (editing && selected?.id !== bar.interval.id) select({ p: bar.line.p, id: bar.interval.id });
  keepTabStop(bar.line, bar.interval.id);
  const box = bar.getBoundingClientRect();
  if (!editing && bar.matches(":focus-visible")) show(describe(bar.interval), box.left, box.bottom - 10);
});
main.addEventListener("focusout", event => { if (event.target.closest(".bar") && !drag) hide(); });

/* The keys. */
const KEYS = {
  n: "add", c: "rename", F2: "rename", s: "split", Delete: "remove", Backspace: "remove", x: "other",
  i: "markIn", o: "markOut", "[": "startHere", "]": "stopHere",
};
addEventListener("keydown", event => {
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    hide();
    if (drag) return endDrag(null, false);
    if (event.target.matches(".end")) return findBar(event.target.line, event.target.interval.id).focus();
    if (stretch) return setStretch(null);
    if (selected) return select(null);
  }
  if (editing && (event.ctrlKey || event.metaKey) && !event.altKey) {
    const name = { z: event.shiftKey ? "redo" : "undo", y: "redo", s: "save" }[event.key.toLowerCase()];
    if (name) { event.preventDefault(); commands[name](); return; }
  }
  const step = event.target.closest?.(".bar, .end") && moveByKey(event);
  if (step || !editing || event.target.matches?.("input, select, textarea, video, summary")) { if (step) event.preventDefault(); return; }
  if (event.ctrlKey || event.metaKey) return;
  const frames = { ",": -1, ".": 1, "<": -Math.round(data.fps), ">": Math.round(data.fps), ";": -Math.round(data.fps), ":": Math.round(data.fps) }[event.key];
  const name = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (frames) { video?.pause(); seek(playhead + frames); }
  else if (event.key === "+" || event.key === "-") setZoom(timelines[here.p], event.key === "+" ? 2 : .5);
  else if (event.key === " " && video && (event.target === document.body || event.target.closest(".bar, .end, .scroll"))) commands.play();
  else if (event.key === "?") document.querySelector(".keys").open ^= true;
  else if (name) commands[name]();
  else return;
  event.preventDefault();
});
addEventListener("keyup", event => { if (editing && event.key === " " && event.target.closest?.(".bar")) event.preventDefault(); });

/* Arrows: from bar to bar; with Shift they move the interval, on an end they move the end. */
function moveByKey(event) {
  const element = event.target.closest(".bar, .end"), { line, interval } = element;
  const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const second = Math.round(data.fps);
  if (element.matches(".end")) {
    if (!way) return false;
    const { edge } = element.dataset;
    moveEdge(edge, interval[edge] + way * (event.shiftKey ? second : 1));
    return true;
  }
  if (editing && event.shiftKey && way) {
    moveBy(way * (event.ctrlKey || event.metaKey ? second : 1));
    return true;
  }
  if (event.shiftKey || event.ctrlKey || event.metaKey) return false;
  const order = listOrder(line), now = order.indexOf(interval);
  const next = order[way ? now + way : { Home: 0, End: order.length - 1 }[event.key]];
  if (!way && event.key !== "Home" && event.key !== "End") return false;
  const bar = next && findBar(line, next.id);
  if (bar) { bar.focus(); bar.scrollIntoView({ block: "nearest", inline: "nearest" }); }
  return true;
}
