// Processes over time, and the events beneath: one set of filters for both.

const narrow = matchMedia("(max-width: 46rem)");

const wanted = { text: "", kind: "", outcome: "", process: -1, proof: null, from: 0, to: lastUs };
let matches = new Uint32Array(0);
let matched = new Uint32Array(processes.length);
let rows = [];
const folded = new Set();

const search = el("input", { type: "search", id: "search", placeholder: "Search paths, commands, addresses…", "aria-label": "Search events and processes", autocomplete: "off", spellcheck: "false" });
const kinds = el("select", { id: "kind", "aria-label": "Kind of event" });
const outcomes = el("select", { id: "outcome", "aria-label": "Outcome" });
const told = el("p", { class: "dim", id: "told", role: "status" });
const chips = el("div", { class: "chips" });
const detail = el("div", { class: "detail", id: "detail", role: "region", "aria-label": "The chosen event" });
const axis = el("div", { class: "axis", title: "Drag to zoom into a span of time" });

const tree = new List({
  name: "tree", label: "Processes over time", heads: ["process", "events", axis], rows: 14,
  height: () => 28, row: treeRow,
  act(index, key) {
    const process = rows[index];
    if (key === "Enter") location.hash = `#process-${process.at}`;
    else if (key === "ArrowLeft" && process.children.length) folded.add(process.at), update();
    else if (key === "ArrowRight" && process.children.length) folded.delete(process.at), update();
    else return false;
    return true;
  },
});

const list = new List({
  name: "events", label: "Events", heads: ["number", "seconds", "kind", "process", "what", "outcome"], rows: 16,
  height: () => (narrow.matches ? 50 : 28), row: eventRow,
  act(index, key) {
    if (key !== "Enter") return false;
    location.hash = `#event-${events.seq[matches[index]]}`;
    return true;
  },
});

function treeRow(index) {
  const process = rows[index];
  const chosen = process.at === wanted.process;
  const end = process.end ?? "not seen to end";
  const fold = process.children.length === 0 ? el("span", { css: { width: "1.2rem", flex: "none" } }) : el("button", {
    class: "fold", type: "button", "aria-expanded": String(!folded.has(process.at)), "aria-label": `children of ${process.name} (${process.pid})`,
    on: { click: () => (folded.has(process.at) ? folded.delete(process.at) : folded.add(process.at), update()) },
  }, folded.has(process.at) ? "▸" : "▾");
  const mood = process.end === undefined ? "warn" : process.end === "exit 0" ? "" : process.end.startsWith("exit") ? "warn" : "bad";
  const canvas = el("canvas", { class: "life", "aria-hidden": "true" });
  return {
    props: { class: `${chosen ? "on" : ""} ${matched[process.at] ? "" : "off"}` },
    cells: [
      { props: { class: "who", title: process.command }, kids: [
        el("span", { css: { width: `${Math.min(process.depth, 14) * (narrow.matches ? 8 : 14)}px`, flex: "none" } }), fold,
        el("a", { href: `#process-${process.at}` }, process.command),
        el("span", { class: `end ${mood}` }, end)] },
      { props: { class: "num" }, kids: [number(matched[process.at])] },
      { props: { title: `${duration(process.born_us)} – ${process.ended_us === undefined ? "?" : duration(process.ended_us)}` }, kids: [canvas] },
    ],
    drawn: () => life(canvas, process),
  };
}

/** The life of a process as a bar, its matching events as ticks. */
function life(canvas, process) {
  const scale = devicePixelRatio || 1;
  const [wide, tall] = [canvas.clientWidth, canvas.clientHeight];
  if (wide === 0) return;
  [canvas.width, canvas.height] = [wide * scale, tall * scale];
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name);
  const x = (us) => ((us - wanted.from) / (wanted.to - wanted.from)) * wide;
  const [left, right] = [x(process.born_us), x(process.ended_us ?? lastUs)];
  pen.fillStyle = colour("--bar");
  pen.fillRect(left, tall / 2 - 3, Math.max(2, right - left), 6);
  const taken = [new Uint8Array(Math.ceil(wide) + 1), new Uint8Array(Math.ceil(wide) + 1)];
  for (const bad of [0, 1]) {
    pen.fillStyle = colour(bad ? "--bad-tick" : "--tick");
    for (const at of eventsOf(process.at)) {
      const place = Math.round(x(events.time[at]));
      if (place < 0 || place > wide || taken[bad][place]) continue;
      if ((events.outcomes[events.outcome[at]].enforced ? 1 : 0) !== bad || !passes(at)) continue;
      taken[bad][place] = 1;
      pen.fillRect(place, tall / 2 - (bad ? 7 : 5), 1.5, bad ? 14 : 10);
    }
  }
}

function eventRow(index) {
  const at = matches[index];
  const outcome = events.outcomes[events.outcome[at]];
  const process = processes[events.process[at] - 1];
  const mood = outcome.enforced ? "bad" : outcome.result === "success" ? "" : "warn";
  return {
    props: {},
    cells: [
      { kids: [el("a", { href: `#event-${events.seq[at]}` }, number(events.seq[at]))] },
      { kids: [(events.time[at] / 1e6).toFixed(6)] },
      { kids: [events.kinds[events.kind[at]]] },
      { kids: [process ? processLink(process.at) : "–"] },
      { props: { title: events.texts[events.text[at]] }, kids: [events.texts[events.text[at]]] },
      { props: { class: mood, title: outcome.text }, kids: [outcome.text] },
    ],
  };
}

let passes = () => true;

/** Whether an event is one that the filters want, and which processes are. */
function filter() {
  const text = wanted.text.toLowerCase();
  const texts = text && Uint8Array.from(events.texts, (it) => (it.toLowerCase().includes(text) ? 1 : 0));
  const named = text && Uint8Array.from(processes, (it) => (it.command.toLowerCase().includes(text) ? 1 : 0));
  const ofKind = Uint8Array.from(events.kinds, (it) => (wanted.kind === "" || it === wanted.kind || it.startsWith(`${wanted.kind}.`) ? 1 : 0));
  const ended = Uint8Array.from(events.outcomes, (it) =>
    (wanted.outcome === "" || (wanted.outcome === "enforced" ? it.enforced : it.result === wanted.outcome) ? 1 : 0));
  const proven = wanted.proof && new Set(wanted.proof.list);
  const whole = wanted.from <= 0 && wanted.to >= lastUs;
  passes = (at) =>
    ofKind[events.kind[at]] === 1 && ended[events.outcome[at]] === 1
    && (!text || texts[events.text[at]] === 1 || (events.process[at] > 0 && named[events.process[at] - 1] === 1))
    && (!proven || proven.has(events.seq[at]))
    && (whole || (events.time[at] >= wanted.from && events.time[at] <= wanted.to));
  const found = new Uint32Array(events.count);
  let count = 0;
  matched = new Uint32Array(processes.length);
  for (let at = 0; at < events.count; at++) {
    if (!passes(at)) continue;
    const process = events.process[at];
    if (process > 0) matched[process - 1]++;
    if (wanted.process < 0 || process === wanted.process + 1) found[count++] = at;
  }
  matches = found.subarray(0, count);
  const filtered = text || wanted.kind || wanted.outcome || proven || !whole;
  const kept = filtered && new Uint8Array(processes.length);
  if (filtered) {
    for (const process of processes) {
      const hit = matched[process.at] > 0 || (text && named[process.at]);
      for (let up = process; hit && up && !kept[up.at]; up = processes[up.parent]) kept[up.at] = 1;
    }
  }
  rows = [];
  const left = roots.slice().reverse().map((process) => [process, 0]);
  while (left.length) {
    const [process, depth] = left.pop();
    if (kept && !kept[process.at]) continue;
    process.depth = depth;
    rows.push(process);
    if (!folded.has(process.at)) {
      for (let at = process.children.length - 1; at >= 0; at--) left.push([process.children[at], depth + 1]);
    }
  }
}

function chip(text, undo) {
  return el("button", { type: "button", title: "Take this filter away", on: { click: () => (undo(), clearHash(), update()) } }, `${text} ✕`);
}

const clearHash = () => history.replaceState(null, "", location.pathname + location.search);

/** Draws processes and events for what is wanted now. */
function update() {
  filter();
  chips.replaceChildren();
  if (wanted.process >= 0) {
    const process = processes[wanted.process];
    chips.append(chip(`process ${process.name} (${process.pid})`, () => (wanted.process = -1)));
  }
  if (wanted.proof) chips.append(chip(`events of “${wanted.proof.title}”`, () => (wanted.proof = null)));
  if (wanted.from > 0 || wanted.to < lastUs) {
    chips.append(chip(`from ${duration(wanted.from)} to ${duration(wanted.to)}`, () => ([wanted.from, wanted.to] = [0, lastUs])));
  }
  let text = `${plural(matches.length, "event")} of ${number(report.events.total)}, ${plural(rows.length, "process", "processes")} in sight`;
  const left = Object.values(report.events.left_out ?? {}).reduce((sum, n) => sum + n, 0);
  if (left > 0) text += `; ${plural(left, "event")} of the bundle not listed here`;
  if (report.processes_left_out > 0) text += `; ${plural(report.processes_left_out, "process", "processes")} not listed here`;
  told.replaceChildren(text);
  ticks();
  tree.set(rows.length);
  list.set(matches.length);
}

/** Marks of the time axis. */
function ticks() {
  const span = wanted.to - wanted.from;
  const count = narrow.matches ? 2 : 4;
  const all = Array.from({ length: count }, (_, n) => el("span", { css: { left: `${(n / count) * 100}%` } }, duration(wanted.from + (span * n) / count)));
  axis.replaceChildren(...all);
}

/** Shows a span of time; never less than a microsecond. */
function zoom(from, to) {
  wanted.from = Math.max(0, Math.min(from, lastUs - 1));
  wanted.to = Math.min(lastUs, Math.max(to, wanted.from + 1));
  update();
}

function scale(factor) {
  const middle = (wanted.from + wanted.to) / 2;
  const half = ((wanted.to - wanted.from) / 2) * factor;
  zoom(middle - half, middle + half);
}

axis.addEventListener("pointerdown", (down) => {
  const box = axis.getBoundingClientRect();
  const place = (event) => Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  const start = place(down);
  const pick = el("span", { class: "pick" });
  axis.append(pick);
  axis.setPointerCapture(down.pointerId);
  let end = start;
  const move = (event) => {
    end = place(event);
    pick.style.setProperty("left", `${Math.min(start, end) * 100}%`);
    pick.style.setProperty("width", `${Math.abs(end - start) * 100}%`);
  };
  const stop = () => {
    axis.removeEventListener("pointermove", move);
    pick.remove();
    const span = wanted.to - wanted.from;
    if (Math.abs(end - start) > 0.01) zoom(wanted.from + span * Math.min(start, end), wanted.from + span * Math.max(start, end));
  };
  axis.addEventListener("pointermove", move);
  axis.addEventListener("pointerup", stop, { once: true });
  axis.addEventListener("pointercancel", stop, { once: true });
});

function clear() {
  Object.assign(wanted, { text: "", kind: "", outcome: "", process: -1, proof: null, from: 0, to: lastUs });
  search.value = kinds.value = outcomes.value = "";
}

/** Tells of one event all that the page knows. */
function showDetail(at) {
  const outcome = events.outcomes[events.outcome[at]];
  const chain = [];
  for (let up = processes[events.process[at] - 1]; up && chain.length < 20; up = processes[up.parent]) chain.unshift(up);
  detail.replaceChildren(
    el("p", {}, el("b", {}, `Event ${number(events.seq[at])}: ${events.kinds[events.kind[at]]}`), ` at ${(events.time[at] / 1e6).toFixed(6)} s — `,
      el("span", { class: outcome.result === "success" && !outcome.enforced ? "good" : outcome.enforced ? "bad" : "warn" }, outcome.text || "success")),
    el("pre", { class: "mono" }, events.texts[events.text[at]]),
    el("p", { class: "dim" }, "process: ", chain.length === 0 ? "none of the environment" : chain.flatMap((process, n) => [n ? " › " : "", processLink(process.at)])),
    el("p", { class: "dim" }, "all its fields: ", el("code", {}, `detektr events ${report.run} --json`), `, line ${number(events.seq[at])}`),
  );
}

/** Goes to what the address names. */
function follow() {
  const [, what, which] = /^#(event|process|proof)-(.+)$/.exec(location.hash) ?? [];
  if (!what) return;
  if (what === "event") {
    const at = eventAt(Number(which));
    if (at < 0) return;
    if (!passes(at) || (wanted.process >= 0 && events.process[at] !== wanted.process + 1)) {
      clear();
      update();
    }
    const row = matches.indexOf(at);
    list.show(row);
    const process = processes[events.process[at] - 1];
    if (process && rows.includes(process)) tree.show(rows.indexOf(process));
    showDetail(at);
    list.node.scrollIntoView({ block: "center" });
  } else if (what === "process" && processes[which]) {
    wanted.process = Number(which);
    for (let up = processes[processes[which].parent]; up; up = processes[up.parent]) folded.delete(up.at);
    update();
    if (!rows.includes(processes[which])) {
      clear();
      wanted.process = Number(which);
      update();
    }
    tree.show(rows.indexOf(processes[which]));
    document.getElementById("explorer").scrollIntoView();
  } else if (what === "proof" && proofs.has(which)) {
    clear();
    wanted.proof = proofs.get(which);
    update();
    document.getElementById("explorer").scrollIntoView();
  }
}

/** The room of processes and events. */
function explorer() {
  const option = (value, text) => el("option", { value }, text);
  const used = events.kinds.slice().sort();
  const families = [...new Set(used.map((kind) => kind.split(".")[0]))];
  kinds.append(option("", "every kind"), ...families.map((family) => el("optgroup", { label: family },
    option(family, `${family}: all`), used.filter((kind) => kind.startsWith(`${family}.`)).map((kind) => option(kind, kind)))));
  outcomes.append(option("", "every outcome"), option("success", "success"), option("failure", "failure"), option("enforced", "stopped by a control or wall"), option("unfinished", "unfinished"));
  let waiting = 0;
  search.addEventListener("input", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => ((wanted.text = search.value), update()));
  });
  kinds.addEventListener("change", () => ((wanted.kind = kinds.value), update()));
  outcomes.addEventListener("change", () => ((wanted.outcome = outcomes.value), update()));
  narrow.addEventListener("change", update);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => tree.refresh());
  const button = (text, label, act) => el("button", { type: "button", "aria-label": label, title: label, on: { click: act } }, text);
  return el("section", { id: "explorer", "aria-labelledby": "explorer-title" },
    el("h2", { id: "explorer-title" }, "Processes and events"),
    el("div", { class: "bar", role: "search" }, search, kinds, outcomes,
      button("+", "Zoom in", () => scale(0.5)), button("−", "Zoom out", () => scale(2)),
      button("◂", "Earlier", () => zoom(wanted.from - (wanted.to - wanted.from) / 2, wanted.to - (wanted.to - wanted.from) / 2)),
      button("▸", "Later", () => zoom(wanted.from + (wanted.to - wanted.from) / 2, wanted.to + (wanted.to - wanted.from) / 2)),
      button("Clear", "Clear all filters", () => (clear(), clearHash(), update()))),
    chips, tree.node, el("div", { css: { height: ".6rem" } }), told, list.node, detail);
}
