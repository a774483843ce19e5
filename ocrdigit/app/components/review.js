// The review of files: the list, the page, and the way of the keyboard through them.

const views = new WeakMap();

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  let view = views.get(parentElement);
  if (!view) views.set(parentElement, view = new Review(parentElement));
  view.update(data, setStateValue);
}

class Review {
  constructor(parent) {
    this.token = null;
    this.pages = new Map(); // id -> page, as Python sent it, then as it is edited
    this.edits = new Edits();
    this.current = null;
    this.focusWhenLoaded = this.undoWhenLoaded = false;
    this.list = new ReviewList((id) => this.open(id, true));
    this.page = new ReviewPage({
      accept: (field, text) => this.accept(field, text),
      change: (field, text) => this.change(field, text),
      undo: () => this.undo(),
      step: (count) => this.step(count),
      close: () => this.root.classList.remove("od-opened"),
    });
    this.said = make("div", { class: "od-said", role: "status", "aria-live": "polite" });
    this.help = make("p", { class: "od-quiet od-help" });
    this.help.innerHTML = "<kbd>Enter</kbd> accept and go to the next doubtful field · "
      + "<kbd>Tab</kbd> next field · <kbd>Ctrl</kbd>+<kbd>Z</kbd> undo · "
      + "<kbd>PgUp</kbd> <kbd>PgDn</kbd> other files";
    this.root = make("div", { class: "od-grid" }, this.list.element, this.page.element);
    parent.append(make("div", { class: "od-frame" }, this.root,
      make("div", { class: "od-foot" }, this.help, this.said), this.page.tip));
    parent.addEventListener("keydown", (event) => {
      const undo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey);
      if (undo && event.target.tagName !== "INPUT") { event.preventDefault(); this.undo(); }
    });
    // Corrections are lost with the page: the browser asks before it is left.
    window.addEventListener("beforeunload", (event) => {
      if (parent.isConnected && this.edits.history.length) event.preventDefault();
    });
  }

  update(data, setStateValue) {
    this.send = setStateValue;
    if (data.token !== this.token) {
      this.token = data.token;
      this.pages.clear();
      this.edits.history = data.history;
      this.current = null;
      this.touched = false;
      this.list.shown = "";
      this.list.order = [];
      this.root.classList.remove("od-opened");
    }
    this.threshold = data.threshold;
    this.edits.synchronize(data.acknowledged);
    for (const [id, page] of Object.entries(data.pages)) {
      if (!this.pages.has(id)) this.pages.set(id, page);
    }
    this.list.update(data.files, !this.touched);
    for (const [id, page] of this.pages) this.list.setStatus(id, this.statusOf(id, page));
    this.root.classList.toggle("od-single", data.files.length < 2);
    if (!this.list.files.has(this.current)) this.current = null;
    const [first] = this.list.order;
    const moved = !this.touched && this.current !== first; // while files are read
    if (first && (this.current === null || moved)) this.open(first, false);
    else this.showCurrent();
    if (this.undoWhenLoaded && this.pages.has(this.current)) {
      this.undoWhenLoaded = false;
      this.undo();
    }
  }

  /** Return the status of a page by its fields, as Python computes it. */
  statusOf(id, page) {
    const found = new Set(page.fields.map((field) => statusOf(field, this.threshold)));
    return ["review", "empty", "corrected", "checked"].find((status) => found.has(status)) ?? "read";
  }

  /** Open a file; ``byPerson`` moves the keyboard to its first open field. */
  open(id, byPerson) {
    this.current = id;
    this.shown = null;
    this.focusWhenLoaded = byPerson;
    this.touched ||= byPerson;
    if (byPerson) this.root.classList.add("od-opened");
    this.list.select(id);
    if (byPerson || !this.pages.has(id)) this.send("open", id);
    // Until the page is there, keys such as Ctrl+Z need an element of the review.
    if (byPerson) this.page.element.focus({ preventScroll: true });
    this.showCurrent();
  }

  showCurrent() {
    const file = this.list.files.get(this.current);
    if (!file) return;
    const page = this.pages.get(this.current) ?? null;
    const state = `${this.current} ${page !== null} ${this.threshold}`;
    if (this.shown !== state) {
      this.shown = state;
      this.page.open(file, page, this.threshold);
      if (page && this.focusWhenLoaded) {
        this.focusWhenLoaded = false;
        this.page.focus((this.page.nextOpen(null) ?? page.fields[0])?.key);
      }
    }
    this.page.refresh();
    this.page.undo.disabled = !this.edits.history.length;
    const ids = this.list.visible(), index = ids.indexOf(this.current);
    this.page.before.disabled = index <= 0;
    this.page.after.disabled = index >= ids.length - 1;
  }

  change(field, text) {
    this.touched = true;
    this.edits.set(this.current, field, text);
    this.edited();
  }

  accept(field, text) {
    if (text !== field.text || !field.checked) this.change(field, text);
    const next = this.page.nextOpen(field.key);
    const file = next ? null : this.nextFile();
    const saved = `Saved ${text || "nothing"}.`;
    if (next) {
      this.page.focus(next.key);
      this.say(saved);
    } else if (file) {
      this.open(file, true);
      this.say(`${saved} Next file: ${this.list.files.get(file).name}.`);
    } else {
      this.say(`${saved} Everything is checked.`);
    }
  }

  /** Return the id of the next file that a person should look at, or null. */
  nextFile() {
    const { order } = this.list, start = 1 + order.indexOf(this.current);
    return [...order.slice(start), ...order.slice(0, start)].find((id) => id !== this.current
      && ["review", "empty"].includes(this.list.files.get(id).status)) ?? null;
  }

  undo() {
    const last = this.edits.history.at(-1);
    if (last && this.list.files.has(last.id) && !this.pages.has(last.id)) {
      this.undoWhenLoaded = true;
      this.open(last.id, true);
      return;
    }
    const undone = this.edits.undo((id, key) => this.find(id, key));
    if (!undone) return;
    if (undone.id === this.current) document.activeElement?.blur?.();
    else this.open(undone.id, true);
    this.edited();
    this.page.focus(undone.key);
    this.say("Undone.");
  }

  find(id, key) {
    return this.pages.get(id)?.fields.find((field) => field.key === key);
  }

  edited() {
    this.list.setStatus(this.current, this.statusOf(this.current, this.pages.get(this.current)));
    this.send("edits", this.edits.pending);
    this.showCurrent();
  }

  /** Open the file some places away. */
  step(count) {
    const ids = this.list.visible(), id = ids[ids.indexOf(this.current) + count];
    if (id) this.open(id, true);
  }

  say(text) { this.said.textContent = text; }
}
