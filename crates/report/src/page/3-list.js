// A list of which only the rows in sight are in the page: a hundred thousand cost no more than thirty.

class List {
  /**
   * `heads`: titles of the columns. `row(index)`: attributes and cells of one. `height()`: of a row, in pixels.
   * `act(index, key)`: a row was chosen (Enter, click) or a key pressed on it; true where the key is dealt with.
   */
  constructor({ name, label, heads, row, height, rows, act }) {
    Object.assign(this, { row, height, act, count: 0, current: -1, shown: new Map(), most: rows, printing: false });
    this.body = el("div", { class: "body", role: "rowgroup" });
    this.head = el("div", { class: "head", role: "row" }, heads.map((head) => el("div", { role: "columnheader" }, head)));
    this.node = el("div", { class: `list ${name}`, role: "table", "aria-label": label, tabindex: "0", on: {
      scroll: () => this.later(),
      keydown: (event) => this.key(event),
    } }, el("div", { role: "rowgroup" }, this.head), this.body);
    new ResizeObserver(() => this.refresh()).observe(this.node);
  }

  /** Shows `count` rows from now on. */
  set(count) {
    this.count = count;
    this.node.setAttribute("aria-rowcount", count + 1);
    const tall = Math.max(1, Math.min(count, this.most)) * this.height() + this.head.offsetHeight + 4;
    this.node.style.setProperty("height", `${tall}px`);
    if (this.current >= count) this.current = -1;
    this.refresh();
  }

  /** Draws again what is in sight. */
  refresh() {
    this.shown.clear();
    this.body.replaceChildren();
    this.body.style.setProperty("height", `${this.count * this.height()}px`);
    this.draw();
  }

  later() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  draw() {
    const tall = this.height();
    const first = this.printing ? 0 : Math.max(0, Math.floor(this.node.scrollTop / tall) - 5);
    const seen = Math.ceil(this.node.clientHeight / tall) + 10;
    const last = Math.min(this.count, this.printing ? List.PRINTED : first + seen);
    for (const [index, node] of this.shown) {
      if ((index < first || index >= last) && !node.contains(document.activeElement)) {
        node.remove();
        this.shown.delete(index);
      }
    }
    for (let index = first; index < last; index++) {
      if (this.shown.has(index)) continue;
      const { props, cells, drawn } = this.row(index);
      const node = el("div", {
        ...props, role: "row", "aria-rowindex": index + 2,
        class: `row ${props.class ?? ""}${index === this.current ? " on" : ""}`,
        css: { top: `${index * tall}px`, height: `${tall}px` },
        on: { click: (event) => {
          if (!event.target.closest("a, button")) this.choose(index, "Enter");
        } },
      }, cells.map((cell) => el("div", { role: "cell", ...cell.props }, cell.kids)));
      this.shown.set(index, node);
      this.body.append(node);
      drawn?.(node);
    }
  }

  /** Makes a row the current one and brings it into sight. */
  show(index) {
    this.current = index;
    const tall = this.height();
    const room = this.node.clientHeight - this.head.offsetHeight - tall;
    const top = index * tall;
    if (top < this.node.scrollTop || top > this.node.scrollTop + room) {
      this.node.scrollTop = Math.max(0, top - room / 2);
    }
    this.refresh();
  }

  choose(index, key) {
    this.show(index);
    this.act(index, key);
  }

  key(event) {
    if (event.target !== this.node && event.key !== "Escape") return;
    const page = Math.max(1, Math.floor(this.node.clientHeight / this.height()) - 2);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in moves && this.count > 0) {
      const next = Math.max(0, Math.min(this.count - 1, Math.max(this.current, 0) + moves[event.key]));
      this.show(this.current < 0 && moves[event.key] === 1 ? 0 : next);
      event.preventDefault();
    } else if (this.current >= 0 && this.act(this.current, event.key)) {
      event.preventDefault();
    }
  }

  /** On paper there is no scrolling: the first rows, all of them in the page. */
  print(on) {
    this.printing = on;
    this.refresh();
  }
}
List.PRINTED = 200;
