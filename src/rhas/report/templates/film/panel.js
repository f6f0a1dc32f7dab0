/* The panel beside the film: buttons, what is chosen, saving; and the list of actions. */
const status = make("p", { class: "status", role: "status" });
const chosenText = make("p", { class: "chosen" });
const buttons = {};
const say = text => { status.textContent = text; };

function makePanel() {
  const button = (name, text, key, title) => buttons[name] = make("button",
    { type: "button", title: title || text, onclick: () => commands[name]() }, text, ...(key ? [make("kbd", { "aria-hidden": "true" }, key)] : []));
  const group = (...parts) => make("div", { class: "group" }, ...parts);
  video?.addEventListener("play", () => { buttons.play.firstChild.data = "Pause"; });
  video?.addEventListener("pause", () => { buttons.play.firstChild.data = "Play"; });
  const load = make("input", { type: "file", accept: ".json,application/json", hidden: "", "aria-label": "A corrections file" });
  load.addEventListener("change", () => loadFile(load));
  const keys = [
    ["click, arrows", "choose an interval"], ["Tab", "from an interval to its ends"],
    ["drag; arrows on an end", "move it by a frame (Shift: a second)"], ["Shift + arrows", "move the interval (Ctrl: a second)"],
    ["[ ]", "its start, its end at the film's frame"], ["drag on an empty place; I, O", "choose a stretch"],
    ["Space", "play, pause"], [", .", "a frame back, on (Shift: a second)"], ["+ −", "zoom; or Ctrl and the wheel"],
    ["Ctrl Z, Ctrl Shift Z", "undo, redo"], ["Ctrl S", "save"], ["Esc", "choose nothing"],
  ];
  return make("div", { class: "panel", role: "group", "aria-label": "Corrections" },
    chosenText,
    group(button("add", "Add", "N", "Add an action at the film's frame, or over the stretch"), button("rename", "Rename", "C"),
      button("split", "Split", "S", "Split the interval at the film's frame"), button("remove", "Delete", "Del"),
      button("other", "Not this person", "X", "The boxes are on somebody else here")),
    group(...(video ? [button("play", "Play", "Space")] : []), button("undo", "Undo"), button("redo", "Redo"), button("save", data.save ? "Save" : "Save as a file"),
      ...(data.save ? [] : [make("button", { type: "button", onclick: () => load.click() }, "Load a file"), load])),
    status,
    make("details", { class: "keys" }, make("summary", {}, "Keys and mouse"),
      make("dl", {}, ...keys.flatMap(([key, text]) => [make("dt", {}, key), make("dd", {}, text)]))));
}
function updatePanel() {
  if (!buttons.add) return;
  const one = selected && find(selected.p, selected.id), span = stretch && !one ? stretch : one;
  chosenText.textContent = stretch ? `stretch of person ${stretch.p}, ${clock(stretch.start)} to ${clock(stretch.stop)}`
    : one ? `person ${selected.p}: ${describe(one).split("\n").slice(0, 2).join(", ")}` : "Nothing is chosen.";
  const off = { rename: !one || one.action === null, split: !one, remove: !one, other: !span || one?.action === null,
    undo: !done.length, redo: !undone.length };
  for (const [name, value] of Object.entries(off)) buttons[name].setAttribute("aria-disabled", value);
  buttons.save.classList.toggle("primary", doc !== savedDoc);
}

function setEditing(on) {
  editing = on;
  document.body.classList.toggle("editing", on);
  editButton.setAttribute("aria-pressed", on);
  if (video) video.controls = !on;  // they would cover what the film says below
  for (const line of timelines) {
    if (on) { rowOf(line, null); line.scroll.tabIndex = 0; } else line.scroll.removeAttribute("tabindex");
    hideEmptyRows(line);
    line.order = null;
  }
  if (!on) { select(null); setStretch(null); }
  updatePanel();
}

/* Saves to the server of `rhas review`; without one, as a download. */
async function save() {
  const saved = doc, text = JSON.stringify(writeRecord(), null, 1) + "\n";
  const checked = `${doc.persons.filter(person => person.checked).length} of ${counted(doc.persons.length, "person")} marked as checked`;
  if (!data.save) {
    const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: "corrections.json" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    savedDoc = saved;
    say(`Saved as corrections.json among the downloads; ${checked}.`);
    return updatePanel();
  }
  say("Saving …");
  try {
    const answer = await fetch(data.save, { method: "PUT", headers: { "Content-Type": "application/json" }, body: text });
    if (!answer.ok) return offerDownload(text, await answer.text());
    revision = (await answer.json()).revision;
    savedDoc = saved;
    say(`Saved, revision ${revision}; ${checked}.`);
  } catch {
    offerDownload(text, "the server does not answer; is `rhas review` still running?");
  }
  updatePanel();
}
function offerDownload(text, why) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: "corrections.json" }, "Keep yours as a file");
  status.replaceChildren("Not saved: " + why + " ", link);
}
async function loadFile(input) {
  const [file] = input.files;
  if (!file) return;
  try {
    const record = JSON.parse(await file.text());
    commit(readRecord(record), `loaded ${file.name}`);
    revision = record.revision;
  } catch (error) {
    say(`${file.name}: ${error.message}`);
  }
  input.value = "";
}
addEventListener("beforeunload", event => { if (doc !== savedDoc) event.preventDefault(); });

/* Asks for an action: those of this person first, then of the film, then all. */
function choose(title, p, action, then) {
  const of = persons => persons.flatMap(person => person.intervals.map(one => one.action)).filter(name => name !== null);
  const names = [...new Set([...of([doc.persons[p]]), ...of(doc.persons), ...data.classes])];
  const list = make("ul", { role: "listbox", id: "names", "aria-label": "Actions" });
  const input = make("input", { role: "combobox", "aria-expanded": "true", "aria-controls": "names", "aria-label": title, autocomplete: "off", spellcheck: "false" });
  const dialog = make("dialog", { "aria-label": title }, make("h3", {}, title), input, list,
    make("p", { class: "soft" }, "Type a part of the name; arrows choose, Enter takes, Esc leaves."));
  let active = 0, shown = [];
  const mark = () => [...list.children].forEach((item, n) => {
    item.setAttribute("aria-selected", n === active);
    if (n !== active) return;
    input.setAttribute("aria-activedescendant", item.id);
    item.scrollIntoView({ block: "nearest" });
  });
  const filter = () => {
    const typed = input.value.trim().toLowerCase().replaceAll("_", " ");
    const rank = name => plain(name).toLowerCase().startsWith(typed) ? 0 : plain(name).toLowerCase().includes(typed) ? 1 : 2;
    shown = names.filter(name => rank(name) < 2).sort((a, b) => rank(a) - rank(b));
    list.replaceChildren(...shown.map((name, n) => make("li", { role: "option", id: "name" + n, onclick: () => take(n) }, plain(name))));
    active = Math.max(0, typed ? 0 : shown.indexOf(action));
    mark();
  };
  const take = n => {
    const name = shown[n];
    if (name === undefined) return;
    dialog.close();
    then(name);
  };
  input.addEventListener("input", filter);
  input.addEventListener("keydown", event => {
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (way) { active = clamp(active + way, 0, shown.length - 1); mark(); event.preventDefault(); }
    if (event.key === "Enter") { event.preventDefault(); take(active); }
  });
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
  filter();
}
