// Puts the rooms together.

{
  const rooms = [said(), matrix(), explorer(), files(), network(), persistence(), baits(), output(), evidence(), environment()].filter(Boolean);
  const names = { did: "What it did", attack: "ATT&CK", explorer: "Processes & events", files: "Files", network: "Network", persistence: "Persistence", baits: "Secrets", output: "Output", evidence: "Evidence", environment: "Environment" };
  const touched = report.baits.filter((bait) => bait.reads.length || bait.exfiltrated.length).length;
  const counts = { explorer: report.events.total, files: report.files.changes.length, network: report.network.conversations.length + (report.network.exchanges?.length ?? 0), baits: touched, persistence: report.persistence?.entries.length ?? 0 };
  document.body.prepend(
    el("a", { class: "skip", href: "#did" }, "Skip to what it did"),
    top(),
    el("nav", { "aria-label": "Rooms of the report" }, el("div", {}, rooms.map((room) =>
      el("a", { href: `#${room.id}` }, names[room.id], counts[room.id] ? el("span", { class: "n" }, number(counts[room.id])) : null)))),
    el("main", {}, rooms),
    el("footer", {}, `Made by Detektr from the sealed evidence of run ${report.run}. This page asks nothing of any network. Names and contents that the artifact chose are shown with control characters and direction marks written out.`),
  );
  update();
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", () => (tree.print(true), list.print(true)));
  addEventListener("afterprint", () => (tree.print(false), list.print(false)));
  follow();
  document.documentElement.dataset.ready = "yes";
}
