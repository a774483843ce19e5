// The table of files: thumbnail, text, confidence and status; filtered by status.

const STATUS_WORDS = {
  review: "To check", empty: "Empty", failed: "Failed", read: "Read", checked: "Checked",
  corrected: "Corrected",
};
const FILTERS = { all: "All", ...STATUS_WORDS };

class ReviewList {
  /** ``open`` is called with the id of a file that is clicked. */
  constructor(open) {
    this.open = open;
    this.filter = "all";
    this.order = [];
    this.files = new Map();
    this.rows = new Map();
    this.shown = "";
    this.current = null;
    this.chips = make("div", { class: "od-chips", role: "group", "aria-label": "Filter by status" });
    this.body = make("tbody");
    this.empty = make("p", { class: "od-quiet od-none", hidden: true }, "No file has this status.");
    this.scroller = make(
      "div",
      { class: "od-scroll", tabindex: "0", role: "region", "aria-label": "Files" },
      make(
        "table", { class: "od-table" },
        make("thead", {}, make("tr", {}, ...["Picture", "Text", "Confidence", "Status"].map(
          (name) => make("th", { scope: "col", class: `od-col-${name.toLowerCase()}` }, name)))),
        this.body),
      this.empty);
    this.element = make("section", { class: "od-list", "aria-label": "Files to review" },
      this.chips, this.scroller);
  }

  /** Show files; they keep their places, unless ``sort`` says that they may move. */
  update(files, sort) {
    this.files = new Map(files.map((file) => [file.id, file]));
    const ids = files.map((file) => file.id);
    if (sort) this.order = ids;
    else this.order = [...this.order.filter((id) => this.files.has(id)),
      ...ids.filter((id) => !this.order.includes(id))];
    for (const id of this.rows.keys()) if (!this.files.has(id)) this.rows.delete(id);
    this.render();
  }

  /** Change the status of a file before Python answers. */
  setStatus(id, status) {
    const file = this.files.get(id);
    if (!file || file.status === status) return;
    file.status = status;
    this.render();
  }

  /** Return the ids of files in the order shown. */
  visible() {
    return this.order.filter((id) => this.filter === "all"
      || this.files.get(id).status === this.filter || id === this.current);
  }

  select(id) {
    this.current = id;
    this.render();
    const row = this.rows.get(id)?.element;
    if (!row) return;
    const top = row.offsetTop, bottom = top + row.offsetHeight, head = 36;
    const { scrollTop, clientHeight } = this.scroller;
    if (top - head < scrollTop) this.scroller.scrollTop = top - head;
    else if (bottom > scrollTop + clientHeight) this.scroller.scrollTop = bottom - clientHeight;
  }

  render() {
    this.#renderChips();
    const ids = this.visible();
    for (const id of ids) this.#fill(this.#row(id), this.files.get(id));
    const shown = ids.join();
    if (shown !== this.shown) {
      this.shown = shown;
      const focused = document.activeElement;
      this.body.replaceChildren(...ids.map((id) => this.#row(id).element));
      if (this.body.contains(focused)) focused.focus({ preventScroll: true });
    }
    this.empty.hidden = ids.length > 0;
  }

  #renderChips() {
    const counts = { all: this.files.size };
    for (const { status } of this.files.values()) counts[status] = 1 + (counts[status] ?? 0);
    if (!counts[this.filter]) this.filter = "all";
    for (const [status, word] of Object.entries(FILTERS)) {
      let chip = this.chips.querySelector(`[data-status=${status}]`);
      if (!chip) {
        chip = make("button", { type: "button", class: "od-chip", "data-status": status,
          onclick: () => { this.filter = status; this.render(); } });
        this.chips.append(chip);
      }
      chip.hidden = !counts[status];
      chip.textContent = `${word} ${counts[status] ?? 0}`;
      chip.setAttribute("aria-pressed", this.filter === status);
    }
  }

  #row(id) {
    if (!this.rows.has(id)) {
      const parts = {
        picture: make("img", { alt: "" }),
        text: make("span", { class: "od-text" }),
        name: make("span", { class: "od-name" }),
        confidence: make("td", { class: "od-number" }),
        status: make("span"),
      };
      parts.open = make("button", { type: "button", class: "od-open" }, parts.text, parts.name);
      parts.element = make(
        "tr", { onclick: () => this.open(id) },
        make("td", { class: "od-thumb" }, parts.picture),
        make("td", {}, parts.open), parts.confidence, make("td", {}, parts.status));
      this.rows.set(id, parts);
    }
    return this.rows.get(id);
  }

  #fill(row, file) {
    if (file.thumbnail && row.picture.getAttribute("src") !== file.thumbnail) row.picture.src = file.thumbnail;
    row.picture.hidden = !file.thumbnail;
    row.text.textContent = file.text;
    row.text.classList.toggle("od-message", file.isMessage);
    row.name.textContent = file.name;
    row.confidence.textContent = file.status === "failed" ? "" : percent(file.confidence);
    row.status.className = `od-status od-${file.status}`;
    row.status.textContent = STATUS_WORDS[file.status];
    const current = file.id === this.current;
    row.element.classList.toggle("od-current", current);
    if (current) row.open.setAttribute("aria-current", "true");
    else row.open.removeAttribute("aria-current");
  }
}
