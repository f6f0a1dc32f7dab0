/* What holds: per person its intervals, and whether somebody checked them. Every edit makes a new
   `doc` that shares what has not changed, so undo is a list of them. An interval without an action
   (null) says that the boxes are on somebody else. `was` is what had been predicted. */
let lastId = 0;
const makeInterval = (action, start, stop, was = null) => Object.freeze({ id: ++lastId, action, start, stop, was });
const predicted = data.persons.map(person => person.intervals.map(told => Object.freeze(
  { action: told.action, start: told.start_frame, stop: told.end_frame, told })));
const makePrediction = () => ({ persons: predicted.map(list => ({
  checked: false, intervals: list.map(was => makeInterval(was.action, was.start, was.stop, was)) })) });
const isSame = (a, b) => a.action === b.action && a.start === b.start && a.stop === b.stop;
const source = interval => !interval.was ? "added" : isSame(interval, interval.was) ? "predicted" : "corrected";

let doc = makePrediction(), savedDoc = doc, revision = 0;
let undone = [], done = [], lastKey = null, lastTime = 0;

/* Puts a person's new intervals in place. Edits of one `key` within a second are undone together. */
function commit(next, text, key = null) {
  if (next === doc) return;
  const together = key !== null && key === lastKey && Date.now() - lastTime < 1000;
  if (!together) done.push(doc);
  [undone, lastKey, lastTime, doc] = [[], key, Date.now(), next];
  redraw();
  say(text);
}
function step(from, to, text) {
  if (!from.length) { say("nothing to " + text); return; }
  to.push(doc);
  [doc, lastKey] = [from.pop(), null];
  redraw();
  say(text);
}
const undo = () => step(done, undone, "undo"), redo = () => step(undone, done, "redo");

const withPerson = (p, change) => ({ persons: doc.persons.map((person, n) => n === p ? { ...person, ...change } : person) });
const find = (p, id) => doc.persons[p].intervals.find(interval => interval.id === id);

/* The doc with `put` in the place of interval `id` (null: of none). What overlaps a new interval of
   the same action becomes one with it. */
function replace(p, id, put) {
  let intervals = doc.persons[p].intervals.filter(other => other.id !== id);
  for (let one of put) {
    const hit = intervals.filter(o => o.action === one.action && o.start < one.stop && one.start < o.stop);
    if (hit.length) {
      one = Object.freeze({ ...one, start: Math.min(one.start, ...hit.map(o => o.start)), stop: Math.max(one.stop, ...hit.map(o => o.stop)),
        was: one.was || hit.map(o => o.was).find(Boolean) || null });
      intervals = intervals.filter(o => !hit.includes(o));
    }
    intervals.push(one);
  }
  return withPerson(p, { intervals });
}

/* Frames [start, stop) belong to somebody else: nothing of this person's is left there. */
function markOther(p, start, stop) {
  const intervals = doc.persons[p].intervals.flatMap(one => {
    if (one.action === null || one.stop <= start || one.start >= stop) return [one];
    const rest = [];
    if (one.start < start) rest.push(Object.freeze({ ...one, stop: start }));
    if (one.stop > stop) rest.push(makeInterval(one.action, stop, one.stop, one.was));
    return rest;
  });
  const before = doc;
  doc = withPerson(p, { intervals });
  const next = replace(p, null, [makeInterval(null, start, stop)]);
  doc = before;
  return next;
}

/* How far an interval's ends may go: to its neighbours of the same action. */
function limits(p, interval) {
  const others = doc.persons[p].intervals.filter(o => o.action === interval.action && o.id !== interval.id);
  return [Math.max(0, ...others.filter(o => o.stop <= interval.start).map(o => o.stop)),
    Math.min(data.frames, ...others.filter(o => o.start >= interval.stop).map(o => o.start))];
}

const span = one => ({ start_frame: one.start, end_frame: one.stop });
const named = one => ({ action: one.action, ...span(one) });
const byTime = (a, b) => a.start - b.start || a.stop - b.stop || (a.action < b.action ? -1 : 1);

/* corrections.json (rhas.stores.corrections). */
function writeRecord() {
  return { format: "rhas corrections", version: 1, revision, film: data.film, frames: data.frames, fps: data.fps, classes: data.classes,
    persons: doc.persons.map((person, p) => {
      const list = [...person.intervals].sort(byTime), used = new Set(list.map(one => one.was));
      return { person: p, reference: data.persons[p].reference, checked: person.checked,
        intervals: list.filter(one => one.action !== null).map(one => {
          const by = source(one);
          return { ...named(one), by, ...(by === "corrected" ? { was: named(one.was) } : {}) };
        }),
        removed: predicted[p].filter(was => !used.has(was)).map(named),
        not_this_person: list.filter(one => one.action === null).map(span) };
    }) };
}

/* The doc of a record; throws where it is of another film. */
function readRecord(record) {
  const same = record && record.format === "rhas corrections" && record.frames === data.frames && record.fps === data.fps
    && record.persons.length === data.persons.length && record.persons.every((person, p) => person.reference === data.persons[p].reference);
  if (!same) throw new Error("the file is not the corrections of this film");
  return { persons: record.persons.map((person, p) => {
    const former = one => {
      const was = { action: one.action, start: one.start_frame, stop: one.end_frame };
      return predicted[p].find(known => isSame(known, was)) || { ...was, told: null };
    };
    return { checked: person.checked, intervals: [
      ...person.intervals.map(one => makeInterval(one.action, one.start_frame, one.end_frame,
        one.by === "added" ? null : former(one.was || one))),
      ...person.not_this_person.map(one => makeInterval(null, one.start_frame, one.end_frame))] };
  }) };
}
if (data.corrections) {
  doc = savedDoc = readRecord(data.corrections);
  revision = data.corrections.revision;
}
