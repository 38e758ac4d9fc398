// The other rooms of the report, each from its part of the model.

const moods = { critical: "crit", high: "bad", medium: "warn", low: "", informational: "" };
const endings = { attempted: "warn", succeeded: "bad", blocked: "good" };

function section(id, title, ...kids) {
  return el("section", { id, "aria-labelledby": `${id}-title` }, el("h2", { id: `${id}-title` }, title), kids);
}

function top() {
  const { headline, artifact, ending } = report;
  const execute = ending.phases.find((phase) => phase.name === "execute");
  const state = { completed: "good", environment_failed: "bad", sensor_lost: "bad" }[ending.state] ?? "warn";
  const badge = (mood, ...kids) => el("li", { class: `badge ${mood}` }, kids);
  return el("header", { class: `top is-${headline.severity ?? "none"}` }, el("div", {},
    el("div", { class: "brand" }, el("b", {}, "Detektr"), el("span", { class: "mono" }, `run ${report.run}`)),
    el("div", { class: "verdict" }, el("div", { class: "stripe" }), el("div", {},
      el("h1", { class: "wrap" }, headline.sentence),
      el("p", { class: "what wrap mono" }, artifact.command),
      artifact.sha256 ? el("p", { class: "wrap mono dim" }, `sha256 ${artifact.sha256}`) : null,
      el("ul", { class: "badges" },
        headline.severity ? badge(moods[headline.severity], el("b", {}, headline.severity)) : null,
        badge(state, el("b", {}, ending.state.replace("_", " "))),
        ending.exit ? badge("", ending.exit) : null,
        ending.complete ? badge("good", "evidence complete") : badge("bad", el("b", {}, "evidence incomplete")),
        badge("", plural(report.events.total, "event")),
        execute ? badge("", `ran ${duration(execute.end_us - execute.start_us)}`) : null,
        badge("", `${report.environment.sensor} sensor`),
        badge("", artifact.kind))))));
}

function said() {
  const behaviours = report.behaviours.map((behaviour, at) => el("li", {},
    el("p", {},
      el("span", { class: `tag ${moods[behaviour.severity]}` }, behaviour.severity),
      el("span", { class: `tag ${endings[behaviour.outcome]}` }, behaviour.outcome),
      behaviour.techniques.map((technique) => el("span", { class: "tag", title: technique.name }, technique.id)),
      behaviour.sentence),
    el("p", { class: "proof" }, proof(`b${at}`, behaviour.title, behaviour.events), behaviour.processes.slice(0, 5).map(processLink),
      behaviour.count > 1 ? `seen ${number(behaviour.count)} times` : null, behaviour.confidence === "high" ? null : ` ${behaviour.confidence} confidence`)));
  const sentences = report.sentences.map((sentence, at) => el("li", {},
    el("p", {}, sentence.text), proof(`s${at}`, sentence.text, sentence.events, sentence.more)));
  const holes = report.behaviours_incomplete ?? [];
  return section("did", "What it did", el("ul", { class: "said" }, behaviours, sentences),
    holes.length ? el("p", { class: "warn" }, `Behaviours may be missing: ${holes.join("; ")}`) : null);
}

function matrix() {
  const tactics = new Map();
  report.behaviours.forEach((behaviour, at) => behaviour.techniques.forEach((technique) => {
    const tactic = behaviour.tactic ?? { id: "", name: "no tactic named" };
    if (!tactics.has(tactic.id)) tactics.set(tactic.id, { ...tactic, techniques: new Map() });
    const { techniques } = tactics.get(tactic.id);
    if (!techniques.has(technique.id)) techniques.set(technique.id, { ...technique, list: [] });
    techniques.get(technique.id).list.push({ ...behaviour, at });
  }));
  if (tactics.size === 0) return null;
  const order = Object.keys(moods);
  const cell = ({ id, name, list }) => {
    const worst = list.reduce((a, b) => (order.indexOf(b.severity) < order.indexOf(a.severity) ? b : a));
    const key = `m${list[0].at}-${id}`;
    proofs.set(key, { title: `${id} ${name ?? ""}`, list: [...new Set(list.flatMap((it) => it.events))].sort((a, b) => a - b) });
    return el("a", { class: `cell is-${worst.severity}`, href: `#proof-${key}`, title: list.map((it) => it.title).join("; ") },
      el("b", {}, id), ` ${name ?? worst.title}`, list.length > 1 ? ` ×${list.length}` : "");
  };
  return section("attack", "MITRE ATT&CK", el("div", { class: "matrix" }, [...tactics.values()].map(({ id, name, techniques }) =>
    el("div", {}, el("h3", {}, name ?? id), [...techniques.values()].map(cell)))));
}

const changeMoods = { created: "good", modified: "warn", removed: "bad", metadata: "" };

function files() {
  const { changes, compared } = report.files;
  const total = report.files.created + report.files.modified + report.files.removed + report.files.metadata;
  const head = !compared ? "The file system was not compared before and after."
    : total === 0 ? "Nothing in the file system is another than before."
    : `${number(report.files.created)} created, ${number(report.files.modified)} modified, ${number(report.files.removed)} removed, ${number(report.files.metadata)} with other attributes.`;
  const rows = changes.map((change, at) => {
    const node = el("details", {}, el("summary", {},
      el("span", { class: `tag ${changeMoods[change.change]}` }, change.change), el("span", { class: "mono" }, change.path),
      el("span", { class: "dim" }, brief(change))));
    const open = () => {
      if (node.childElementCount > 1) return;
      node.append(change.events.length ? el("p", {}, proof(`f${at}`, change.path, change.events)) : el("p", { class: "dim" }, "No event of this report tells of it."));
      node.append(states(change));
      if (change.diff?.lines.length) {
        const mark = (line) => ({ "+": "add", "-": "del", "@": "place" })[line[0]];
        node.append(lines(change.diff.lines.map((line) => (line[0] === "@" ? line.slice(1) : line)), `Difference of ${change.path}`, mark));
        [...node.querySelectorAll("pre span")].forEach((span, n) => (span.className = mark(change.diff.lines[n]) ?? ""));
        if (change.diff.cut) node.append(el("p", { class: "dim" }, `${plural(change.diff.cut, "line")} more`));
      }
      if (change.note) node.append(el("p", { class: "dim" }, change.note));
    };
    node.addEventListener("toggle", open);
    addEventListener("beforeprint", () => at < 50 && (open(), (node.open = true)));
    if (change.events.length) proofs.set(`f${at}`, { title: change.path, list: change.events });
    return node;
  });
  return section("files", "File changes", el("p", { class: "dim" }, head), rows,
    total > changes.length ? el("p", { class: "dim" }, `${plural(total - changes.length, "change")} more in the bundle`) : null);
}

function brief(change) {
  const state = change.after ?? change.before;
  const kind = state.type === "file" ? "" : state.type.replace("_", " ");
  const long = state.size === undefined || state.type !== "file" ? "" : size(state.size);
  return [kind, state.target ? `→ ${state.target}` : "", long].filter(Boolean).join(" ");
}

function states(change) {
  const fields = [["type", (s) => s.type], ["mode", (s) => s.mode], ["owner", (s) => s.owner],
    ["size", (s) => (s.size === undefined ? "" : number(s.size))], ["target", (s) => s.target ?? ""],
    ["attributes", (s) => (s.xattrs ?? []).join(", ")], ["sha256", (s) => s.sha256 ?? ""]];
  const rows = fields.map(([name, get]) => [name, change.before ? get(change.before) : "", change.after ? get(change.after) : ""])
    .filter(([, before, after]) => before !== "" || after !== "");
  return table(["", "before", "after"], rows, `State of ${change.path}`);
}

function network() {
  const { conversations } = report.network;
  const far = conversations.map((it, at) => ({ ...it, at }));
  const remote = far.filter((it) => it.family === "inet" || it.family === "inet6" || it.family === "packet");
  const local = far.filter((it) => !remote.includes(it));
  const rows = (list) => list.map((it) => [it.act, el("span", { class: "mono" }, it.address), it.process === undefined ? "" : processLink(it.process),
    { num: number(it.succeeded) }, Object.entries(it.failed ?? {}).map(([how, n]) => `${how}${n > 1 ? ` (${number(n)}×)` : ""}`).join(", "),
    { num: it.sent ? size(it.sent) : "" }, proof(`n${it.at}`, `${it.act} ${it.address}`, it.events)]);
  const { exchanges = [] } = report.network;
  const said = (kind) => exchanges.filter((it) => it.kind === kind).map((it) => [
    it.details?.length ? el("details", {}, el("summary", { class: "mono" }, it.what), lines(it.details, it.what)) : el("span", { class: "mono" }, it.what),
    it.process === undefined ? "" : processLink(it.process), { num: number(it.flow) }, proof(`x${it.event}`, it.what, [it.event])]);
  const rooms = [["dns", "Names asked for"], ["http", "Requests"], ["tls", "TLS handshakes"], ["flow", "Conversations"]]
    .map(([kind, title]) => [title, said(kind)]).filter(([, list]) => list.length)
    .map(([title, list]) => [el("h3", {}, title), table(["what", "process", { num: "conversation" }, "event"], list, title)]);
  const heads = ["act", "address", "process", { num: "succeeded" }, "failed", { num: "sent" }, "events"];
  return section("network", "Network",
    remote.length ? table(heads, rows(remote), "Network conversations") : el("p", { class: "dim" }, "It asked for no address of a network."),
    rooms,
    report.network.exchanges_left_out ? el("p", { class: "dim" }, `${plural(report.network.exchanges_left_out, "exchange")} more in the bundle.`) : null,
    local.length ? [el("h3", {}, "Sockets within the environment"), table(heads, rows(local), "Sockets within the environment")] : null,
    report.network.left_out ? el("p", { class: "dim" }, `${plural(report.network.left_out, "act")} of further conversations are not listed.`) : null);
}

function persistence() {
  if (!report.persistence) return null;
  const { phases, entries, left_out } = report.persistence;
  const status = { proven: "bad", installed: "warn", removed: "" };
  const rows = entries.map((it, at) => [
    el("span", { class: `tag ${status[it.status]}` }, it.status), it.mechanism.replaceAll("_", " "), el("span", { class: "tag" }, it.technique),
    [el("span", { class: "mono" }, it.path), it.lines?.length ? lines(it.lines, `Lines of ${it.path}`) : null],
    [it.runs ? el("span", { class: "mono" }, it.runs) : "", it.user ? ` as ${it.user}` : ""], it.why ?? "",
    [proof(`p${at}`, `proof of ${it.path}`, it.proven_by), it.made_by.length ? [" made by ", proof(`q${at}`, `making of ${it.path}`, it.made_by)] : null]]);
  return section("persistence", "Persistence",
    entries.length ? table(["status", "way", "technique", "place", "runs", "why", "events"], rows, "Persistence") : el("p", { class: "dim" }, "Nothing was installed to be started again."),
    phases.length ? el("p", { class: "dim" }, `Trigger phases: ${phases.join("; ")}.`) : null,
    left_out ? el("p", { class: "dim" }, `${plural(left_out, "entry", "entries")} more in the bundle`) : null);
}

function baits() {
  if (report.baits.length === 0) return section("baits", "Planted secrets", el("p", { class: "dim" }, "None were planted."));
  const all = report.baits.map((bait, at) => ({ ...bait, at }));
  const touched = all.filter((bait) => bait.reads.length || bait.exfiltrated.length).sort((a, b) => b.exfiltrated.length - a.exfiltrated.length);
  const quiet = all.filter((bait) => !touched.includes(bait));
  const rows = touched.map((bait) => [
    bait.name, el("span", { class: "mono" }, bait.place),
    bait.reads.length ? el("b", { class: "warn" }, `${number(bait.reads.length)}×`) : "",
    bait.exfiltrated.length ? el("b", { class: "bad" }, `${number(bait.exfiltrated.length)}×`) : "",
    proof(`t${bait.at}`, bait.name, [...bait.reads, ...bait.exfiltrated].sort((a, b) => a - b))]);
  return section("baits", "Planted secrets",
    touched.length ? table(["name", "place", "read", "seen leaving", "events"], rows, "Planted secrets that were touched")
      : el("p", { class: "good" }, `None of the ${number(all.length)} was seen to be touched.`),
    quiet.length ? el("details", {}, el("summary", {}, `${number(quiet.length)} not seen to be touched`),
      table(["name", "place"], quiet.map((bait) => [bait.name, el("span", { class: "mono" }, bait.place)]), "Planted secrets that were not touched")) : null);
}

function output() {
  const one = (name, stream) => [el("h3", {}, `${name} (${size(stream.seen)}${stream.kept < stream.seen ? `, ${size(stream.kept)} kept` : ""})`),
    stream.lines.length ? lines(stream.lines, name) : el("p", { class: "dim" }, "nothing"),
    stream.cut ? el("p", { class: "dim" }, "More is in the bundle.") : null];
  return section("output", "What it printed", one("standard output", report.output.stdout), one("standard error", report.output.stderr));
}

function evidence() {
  const { evidence, ending, signature } = report;
  const sides = { witness: "the witness says, and no event explains", events: "the events say, and the witness does not show" };
  return section("evidence", "Completeness and evidence",
    ending.complete
      ? el("p", { class: "good" }, "Nothing is known to be missing.")
      : el("ul", { class: "said" }, ending.incomplete.map((hole) => el("li", {}, el("p", {}, el("span", { class: "tag bad" }, hole.reason), hole.detail)))),
    el("h3", {}, "Witnesses"),
    el("p", {}, evidence.fsdiff ?? "The file system was not compared before and after."),
    el("p", {}, evidence.processes ?? "The kernel's process accounting was not to be had."),
    evidence.packets ? el("p", {}, evidence.packets) : null,
    el("p", {}, evidence.sentinel ? "The sensor's end mark arrived: nothing was left in its ring." : "The sensor's end mark did not arrive."),
    evidence.unexplained.length ? table(["who", "what"], evidence.unexplained.map((it) => [sides[it.side], it.detail]), "Disagreements") : null,
    el("h3", {}, "Ledger"),
    table(["kind", { num: "attempted" }, { num: "emitted" }, { num: "dropped" }, { num: "received" }, { num: "events" }, "balances"],
      evidence.ledger.map((it) => [it.kind, ...["attempted", "emitted", "dropped", "received", "written"].map((key) => ({ num: number(it[key]) })),
        it.balances && it.dropped === 0 ? el("span", { class: "good" }, "yes") : el("b", { class: "bad" }, it.balances ? "lost" : "no")]), "Ledger"),
    el("h3", {}, "Signature"),
    el("p", { class: "wrap" }, "The bundle was verified before this report was made: its signature is right, and every hash is. Signed by ",
      el("span", { class: "mono" }, signature.signer), "; manifest ", el("span", { class: "mono" }, signature.manifest_sha256),
      ". Whose key that is, ", el("code", {}, `detektr verify ${report.run}`), " tells on the machine that trusts it."),
    el("h3", {}, "Files of the bundle"),
    table(["file", { num: "size" }, "sha256"], evidence.files.map((it) => [it.name, { num: size(it.size) }, el("span", { class: "mono" }, it.sha256)]), "Files of the bundle"));
}

function environment() {
  const { environment } = report;
  const bullets = (title, list) => (list.length ? [el("h3", {}, title), el("ul", {}, list.map((it) => el("li", { class: "wrap" }, it)))] : null);
  return section("environment", "Environment",
    el("dl", { class: "facts" },
      [{ name: "sensor", value: environment.sensor }, { name: "started", value: report.ending.started ?? "?" }, { name: "seed", value: environment.seed },
        { name: "recorded by", value: `detektr ${report.tool_version}` }, ...environment.facts]
        .flatMap((fact) => [el("dt", {}, fact.name.replaceAll("_", " ")), el("dd", {}, fact.value)])),
    environment.controls.length ? [el("h3", {}, "Controls"), el("ul", {}, environment.controls.map((it) => el("li", { class: "wrap" }, el("b", {}, it.name), `: ${it.applied.join("; ")}`)))] : null,
    bullets("What the environment is less than", environment.gaps),
    bullets("What the sensor can't see or do", environment.limitations));
}
