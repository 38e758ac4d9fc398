// The report as it stands in the page, its event columns unfolded.

const report = JSON.parse(document.getElementById("model").textContent);

const events = (() => {
  const columns = report.events;
  const count = columns.seq.length;
  const seq = new Float64Array(count);
  const time = new Float64Array(count);
  for (let at = 0, s = 0, t = 0; at < count; at++) {
    s += columns.seq[at];
    t += columns.time[at];
    seq[at] = s;
    time[at] = t;
  }
  const ints = (list) => Uint32Array.from(list);
  return {
    count, seq, time,
    kind: ints(columns.kind), process: ints(columns.process), outcome: ints(columns.outcome), text: ints(columns.text),
    kinds: columns.kinds, outcomes: columns.outcomes, texts: columns.texts,
  };
})();

/** Position of the event with this number, or -1 where it is not listed. */
function eventAt(seq) {
  let low = 0, high = events.count - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (events.seq[middle] === seq) return middle;
    if (events.seq[middle] < seq) low = middle + 1; else high = middle - 1;
  }
  return -1;
}

const processes = report.processes.map((process, at) => ({ ...process, at, children: [], depth: 0 }));
const roots = [];
for (const process of processes) {
  const parent = processes[process.parent];
  (parent && parent !== process ? parent.children : roots).push(process);
}

/** When the last thing happened, in microseconds since the first event. */
const lastUs = (() => {
  let last = 1;
  for (const time of events.time) if (time > last) last = time;
  for (const process of processes) last = Math.max(last, process.ended_us ?? 0);
  return last;
})();

/** Positions of each process's events, in their order. */
const eventsOf = (() => {
  const starts = new Uint32Array(processes.length + 2);
  for (const process of events.process) starts[process + 1]++;
  for (let at = 1; at < starts.length; at++) starts[at] += starts[at - 1];
  const places = new Uint32Array(events.count);
  const next = starts.slice();
  for (let at = 0; at < events.count; at++) places[next[events.process[at]]++] = at;
  return (process) => places.subarray(starts[process + 1], starts[process + 2]);
})();

/** What a link `#proof-…` stands for: a title and the numbers of events. */
const proofs = new Map();

/** Links to events that prove something: the first ones, and all together. */
function proof(key, title, list, more = 0) {
  if (list.length === 0) return null;
  proofs.set(key, { title, list });
  const first = list.slice(0, 3).map((seq) => el("a", { href: `#event-${seq}` }, `event ${number(seq)}`));
  const all = list.length > 3 || more > 0
    ? el("a", { href: `#proof-${key}` }, more > 0 ? `all of the first ${number(list.length)}` : `all ${number(list.length)}`)
    : null;
  return el("span", { class: "proof" }, first, all, more > 0 ? `and ${number(more)} more in the bundle` : null);
}

const processLink = (at) => {
  const process = processes[at];
  return process ? el("a", { href: `#process-${at}` }, `${process.name} (${process.pid})`) : null;
};
