/* The page: film, legend, a section per person. */
const editButton = make("button", { type: "button", class: "edit", "aria-pressed": "false", onclick: () => setEditing(!editing) }, "Correct");

function header() {
  main.append(make("div", { class: "title" }, make("h1", {}, data.film), editButton));
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
      : data.model === "zero_shot"
      ? describeFit(data.labels)
      : "No thresholds were fitted for this model: every class is predicted from score "
        + data.readout.default_threshold + " on, and confidences are unknown."));
  const film = make("div", { class: "film" });
  if (data.overlay) film.append(prepareVideo());
  const strip = make("div", { class: "strip" });
  for (const picture of data.thumbnails) {
    strip.append(make("button", { class: "thumb", type: "button", onclick: () => seek(picture.frame) },
      make("img", { src: picture.picture, alt: "Frame at " + clock(picture.frame, false) }), clock(picture.frame, false)));
  }
  film.append(strip, makePanel());
  main.append(film);
}

function describeFit(labels) {
  if (!labels || !labels.fitted)
    return "The actions were compared with words, without training: scores are not calibrated."
      + (labels ? ` ${counted(labels.intervals, "labelled interval")} did not suffice to fit them.` : "");
  return `The actions were compared with words; their scores were fitted on ${counted(labels.intervals, "labelled interval")} of this film`
    + (labels.unseen ? ` (in ${labels.unseen} of them the person was not found)` : "")
    + `, of: ${labels.actions.join(", ")}.`;
}

function table(head, rows) {
  return make("div", { class: "scroller", tabindex: "0", role: "group", "aria-label": "Table" }, make("table", {},
    make("thead", {}, make("tr", {}, ...head.map(name => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...rows.map(row => make("tr", {}, ...row.map(cell => make("td", {}, cell)))))));
}
/* Long tables are built when they are opened, anew each time: intervals may have been corrected. */
function details(title, head, rows) {
  const box = make("details", {}, make("summary", {}, title));
  box.addEventListener("toggle", () => {
    box.lastChild !== box.firstChild && box.lastChild.remove();
    if (box.open) box.append(table(head, rows()));
  });
  return box;
}

function section(person, p) {
  const { detected, interpolated, missing } = person.frames;
  const where = make("section", {});
  const words = make("div", { class: "words" },
    make("h2", {}, make("span", { class: "number" }, String(person.person)), person.reference));
  words.append(make("p", { class: "soft" },
    `Found in ${percent(1 - missing / data.frames)} of the frames (${detected} detected, ${interpolated} interpolated, ${missing} missing), ${counted(person.intervals.length, "interval")} of ${counted(person.curves.length, "class", "classes")}.`));
  const lost = {};
  for (const gap of person.not_found) lost[gap.reason] = (lost[gap.reason] || 0) + gap.end_frame - gap.start_frame;
  const why = Object.entries(lost).sort((a, b) => b[1] - a[1]);
  if (why.length) words.append(make("p", { class: "soft" }, "Not found: " + why.map(([reason, frames]) => `${clock(frames)} ${reason} (${data.reasons[reason]})`).join("; ") + "."));
  if (!person.found) words.append(make("p", { class: "warning" }, "Never found in this film, so no action is predicted. Try another sentence, or a lower crop.min_score."));
  const strip = (pictures, who) => make("div", { class: "strip crops" }, ...pictures.map(({ frame, picture }) =>
    make("button", { class: "thumb", type: "button", onclick: () => seek(frame) },
      make("img", { src: picture, alt: `${who} at ${clock(frame, false)}` }), clock(frame, false))));
  const alike = (person.lookalikes ?? []).reduce((sum, one) => sum + one.end_frame - one.start_frame, 0);
  if (alike) words.append(make("p", { class: "warning" },
    `For ${clock(alike)} of the film somebody else fits this sentence about as well, so the boxes may change between them. Add what only one of them has or wears, or name the others too.`),
    strip(person.alike, `Fits as well as person ${person.person}`));
  const crops = strip(person.crops, `Person ${person.person}`);
  const [tools, scroll] = buildTimeline(person, p), line = timelines[p];
  line.drawn = doc.persons[p];
  line.check = make("input", { type: "checkbox" });
  line.check.checked = doc.persons[p].checked;
  line.check.addEventListener("change", () => commit(withPerson(p, { checked: line.check.checked }),
    line.check.checked ? `person ${p} is checked: the import takes it` : `person ${p} is not checked`));
  tools.append(make("label", { class: "check" }, line.check, "Checked: all of this person is right"));
  where.append(make("div", { class: "head" }, words, crops), tools, scroll);
  where.append(details("Intervals as a table",
    ["action", "from", "to", "score", "confidence", "person found", "by"],
    () => [...doc.persons[p].intervals].sort(byTime).map(one => {
      const told = one.was && one.was.told;
      return [one.action ?? plain(null), clock(one.start), clock(one.stop), told ? told.score.toFixed(2) : "–",
        told && told.confidence !== null ? percent(told.confidence) : "–", told ? percent(told.seen) : "–", source(one)];
    })));
  if (person.not_found.length) where.append(details("Where the person was not found",
    ["from", "to", "why", "best score"],
    () => person.not_found.map(l => [clock(l.start_frame), clock(l.end_frame), l.reason, l.best_score === null ? "–" : l.best_score.toFixed(2)])));
  main.append(where);
}

function legend() {
  const item = (name, text, style = "") => make("li", {}, make("i", { class: name, style }), text);
  const confident = data.persons.some(person => person.intervals.some(a => a.confidence !== null));
  const used = new Set(data.persons.flatMap(person => person.not_found.map(gap => gap.reason)));
  const editOnly = entry => { entry.classList.add("edit-only"); return entry; };
  main.append(make("ul", { class: "legend", "aria-label": "Legend" },
    confident
      ? item("", "action, darker where the confidence is higher", "background:linear-gradient(90deg, rgba(var(--bar), .25), rgb(var(--bar)))")
      : item("", "action", "background:rgb(var(--bar))"),
    editOnly(item("corrected", "corrected")), editOnly(item("added", "added")), editOnly(item("other", "not this person")),
    item("score", "score over time, each class on its own scale; dashed: its threshold"),
    item("detected", "detected"), item("interpolated", "interpolated"),
    ...reasons.flatMap((reason, n) => used.has(reason) ? [item("r" + n, "not found: " + reason)] : [])));
}

header();
legend();
data.persons.forEach(section);
if (data.save || data.corrections) setEditing(true);
