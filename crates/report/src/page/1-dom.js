// Every text reaches the page as a text node: there is no other way in this module.

/** An element with attributes (`on`: listeners, `css`: style properties) and children. */
function el(tag, props = {}, ...kids) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") {
      for (const [type, act] of Object.entries(value)) node.addEventListener(type, act);
    } else if (name === "css") {
      for (const [key, text] of Object.entries(value)) node.style.setProperty(key, text);
    } else {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  for (const kid of kids.flat(3)) {
    if (kid === undefined || kid === null || kid === false) continue;
    node.append(kid instanceof Node ? kid : document.createTextNode(String(kid)));
  }
  return node;
}

const number = (n) => n.toLocaleString("en");
const plural = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

/** Microseconds for people. */
function duration(us) {
  const size = Math.abs(us);
  if (size < 1_000) return `${Math.round(us)} µs`;
  if (size < 1_000_000) return `${(us / 1_000).toFixed(size < 10_000 ? 2 : 1)} ms`;
  if (size < 120_000_000) return `${(us / 1_000_000).toFixed(2)} s`;
  return `${(us / 60_000_000).toFixed(1)} min`;
}

/** Bytes for people. */
function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (bytes >= 1024 && at < units.length - 1) [bytes, at] = [bytes / 1024, at + 1];
  return `${at === 0 ? bytes : bytes.toFixed(1)} ${units[at]}`;
}

/** A table; a cell is a text, a node, or `{ num }`. */
function table(heads, rows, label) {
  const cell = (tag, it, scope) =>
    it !== null && typeof it === "object" && "num" in it
      ? el(tag, { class: "num", scope }, it.num)
      : el(tag, { scope }, it);
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    el("table", {},
      el("thead", {}, el("tr", {}, heads.map((head) => cell("th", head, "col")))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map((it) => cell("td", it)))))));
}

/** Lines of a content; `mark` gives the class of one. */
function lines(list, label, mark = () => undefined) {
  return el("pre", { class: "text", tabindex: "0", role: "region", "aria-label": label },
    list.map((line) => el("span", { class: mark(line) }, line === "" ? " " : line)));
}
