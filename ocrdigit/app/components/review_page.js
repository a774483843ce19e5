// A page: its picture with boxes, and its fields with inputs.

const TYPED = /^[\d.,\-+/: ]*$/; // what a number may consist of
const SHOWN_HEIGHT = 40; // of the crop of a field, in CSS pixels

class ReviewPage {
  /** ``act`` has the functions accept(field, text), change(field, text), undo() and step(count). */
  constructor(act) {
    this.act = act;
    this.page = null;
    this.fields = new Map(); // key -> { field, row, input, status, group }
    this.title = make("h2", { class: "od-title" });
    this.count = make("p", { class: "od-quiet" });
    this.undo = make("button", { type: "button", class: "od-button", onclick: () => act.undo(),
      title: "Undo the last correction (Ctrl+Z)" }, "Undo");
    this.before = make("button", { type: "button", class: "od-button", "aria-label": "Previous file",
      onclick: () => act.step(-1) }, "‹");
    this.after = make("button", { type: "button", class: "od-button", "aria-label": "Next file",
      onclick: () => act.step(1) }, "›");
    this.back = make("button", { type: "button", class: "od-button od-back",
      onclick: () => act.close() }, "‹ All files");
    this.picture = make("img", { alt: "" });
    this.boxes = make("svg", { class: "od-boxes", "aria-hidden": "true", preserveAspectRatio: "none" });
    // Beside the page, whose picture may be lower than the tip.
    this.tip = make("div", { class: "od-tip", role: "tooltip", hidden: true });
    this.canvas = make("div", { class: "od-canvas" }, this.picture, this.boxes);
    this.stage = make("div", { class: "od-stage", tabindex: "0", role: "region",
      "aria-label": "Picture of the page" }, this.canvas);
    this.list = make("ol", { class: "od-fields" });
    this.more = make("button", { type: "button", class: "od-link", onclick: () => this.#showAll() });
    this.note = make("p", { class: "od-note" });
    this.side = make("div", { class: "od-side" }, this.list, this.more);
    this.element = make(
      "section", { class: "od-page", "aria-label": "Page", tabindex: "-1" },
      make("header", { class: "od-head" }, this.back,
        make("div", { class: "od-heading" }, this.title, this.count),
        make("div", { class: "od-tools" }, this.undo, this.before, this.after)),
      this.note, make("div", { class: "od-panes" }, this.stage, this.side));
    this.stage.addEventListener("mouseleave", () => { this.tip.hidden = true; });
  }

  /** Show a page, or only its name and message if it could not be read. */
  open(file, page, threshold) {
    this.page = page;
    this.threshold = threshold;
    this.fields.clear();
    this.title.textContent = file.name;
    this.note.textContent = file.message ?? "";
    this.note.classList.toggle("od-error", file.status === "failed");
    this.note.hidden = !file.message;
    this.element.classList.toggle("od-unread", !page);
    this.tip.hidden = true;
    this.list.replaceChildren();
    this.boxes.replaceChildren();
    this.more.hidden = true;
    this.count.textContent = file.status === "failed" ? "Could not be read" : "Loading…";
    if (!page) return;
    this.picture.src = page.picture;
    this.picture.alt = `Picture of ${file.name}`;
    this.boxes.setAttribute("viewBox", `0 0 ${page.width} ${page.height}`);
    this.canvas.style.setProperty("--od-ratio", page.width / page.height);
    this.element.classList.toggle("od-wide", page.width > 2.2 * page.height);
    this.element.classList.toggle("od-digit", page.fields.every((field) => field.single));
    for (const field of page.fields) this.#add(field);
    this.#hideEmpty();
    this.refresh();
    this.stage.scrollTop = 0;
    this.#bringIntoView(this.nextOpen(null));
  }

  /** Scroll the list of fields, but not the window, to one of them, or to the top. */
  #bringIntoView(field) {
    this.side.scrollTop = 0;
    if (!field) return;
    const row = this.fields.get(field.key).row.getBoundingClientRect();
    this.side.scrollTop = row.top - this.side.getBoundingClientRect().top - this.side.clientTop;
  }

  /** Show what was edited. */
  refresh() {
    if (!this.page) return;
    let open = 0;
    for (const parts of this.fields.values()) {
      const status = statusOf(parts.field, this.threshold);
      if (isOpen(parts.field, this.threshold)) open += 1;
      parts.status.className = `od-status od-${status}`;
      parts.status.textContent = STATUS_WORDS[status];
      parts.group.setAttribute("class", `od-group od-${status}`);
      if (document.activeElement !== parts.input) parts.input.value = parts.field.text;
    }
    this.count.textContent = `${counted(this.fields.size, "field")}, `
      + (open ? `${open} to check` : "all checked or sure");
  }

  /** Move the keyboard to a field. */
  focus(key, place = null) {
    const parts = this.fields.get(key);
    if (!parts) return;
    parts.row.hidden = false;
    parts.input.focus({ preventScroll: true });
    if (place === null) parts.input.select();
    else parts.input.setSelectionRange(place, place + 1);
    parts.row.scrollIntoView({ block: "nearest" });
  }

  /** Return the field after ``key`` that a person should look at, else the first one, or null. */
  nextOpen(key) {
    const fields = [...this.fields.values()].map((parts) => parts.field);
    const start = 1 + fields.findIndex((field) => field.key === key);
    return [...fields.slice(start), ...fields.slice(0, start)]
      .find((field) => field.key !== key && isOpen(field, this.threshold)) ?? null;
  }

  #add(field) {
    const id = `od-${Math.random().toString(36).slice(2)}`;
    const input = make("input", {
      id, type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false",
      maxlength: field.single ? 1 : 60, "aria-describedby": `${id}-hint`, placeholder: "nothing",
    });
    input.value = field.text;
    const status = make("span");
    const hint = make("span", { id: `${id}-hint`, class: "od-hint" }, this.#hint(field));
    const row = make(
      "li", { class: "od-field" },
      field.key === "page" ? null : this.#crop(field),
      make("label", { for: id, class: "od-label" }, field.label), input,
      make("span", { class: "od-state" }, status), hint);
    const group = this.#group(field);
    this.fields.set(field.key, { field, input, status, row, group });
    this.#listen(field, input, row, group);
    this.list.append(row);
    this.boxes.append(group);
  }

  #listen(field, input, row, group) {
    input.addEventListener("beforeinput", (event) => {
      if (event.data && !TYPED.test(event.data)) event.preventDefault();
    });
    input.addEventListener("pointerdown", (event) => { // the first click selects all of the text
      if (document.activeElement === input) return;
      event.preventDefault();
      this.focus(field.key);
    });
    input.addEventListener("focus", () => {
      row.classList.add("od-active");
      group.classList.add("od-active");
      this.#scrollTo(field.box);
    });
    input.addEventListener("blur", () => {
      row.classList.remove("od-active");
      group.classList.remove("od-active");
    });
    const keep = () => {
      if (tidy(input.value) !== field.text) this.act.change(field, tidy(input.value));
    };
    const step = (count) => { keep(); this.act.step(count); };
    input.addEventListener("change", keep);
    input.addEventListener("keydown", (event) => {
      const undo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey);
      if (event.key === "Enter") this.act.accept(field, tidy(input.value));
      else if (event.key === "Escape") { input.value = field.text; input.select(); }
      else if (undo && input.value !== field.text) { input.value = field.text; input.select(); }
      else if (undo) this.act.undo();
      else if (event.key === "PageDown") step(1);
      else if (event.key === "PageUp") step(-1);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    row.addEventListener("click", (event) => { if (event.target !== input) this.focus(field.key); });
  }

  /** Say which digit is least sure, and what else it may be. */
  #hint(field) {
    if (field.doubtful && field.confidence >= this.threshold) {
      return "A part of it was corrected with other options.";
    }
    if (field.confidence >= this.threshold || !field.marks.length) {
      return field.key === "page" ? "Nothing was read. Type what the picture shows." : `${percent(field.confidence)} sure`;
    }
    const worst = field.marks.reduce((a, b) => (b.confidence < a.confidence ? b : a));
    const others = worst.candidates.filter(([value]) => value !== worst.value && value);
    const [other, probability] = others[0] ?? ["", 0];
    const sure = `${percent(field.confidence)} sure`;
    return probability > 0.02 ? `${sure}: the ${worst.value} may be a ${other}` : sure;
  }

  #crop(field) {
    const { width, height, picture } = this.page;
    const [x, y, w, h] = field.box, margin = 0.15 * h;
    const scale = Math.min(SHOWN_HEIGHT / (h + 2 * margin), 132 / (w + 2 * margin));
    const shown = make("div", { class: "od-crop", "aria-hidden": "true" });
    Object.assign(shown.style, {
      width: `${scale * (w + 2 * margin)}px`, height: `${scale * (h + 2 * margin)}px`,
      backgroundImage: `url("${picture}")`, backgroundSize: `${scale * width}px ${scale * height}px`,
      backgroundPosition: `${-scale * (x - margin)}px ${-scale * (y - margin)}px`,
    });
    return make("div", { class: "od-crop-cell" }, shown);
  }

  #group(field) {
    const group = make("g", { class: "od-group" });
    if (field.key !== "page" && !field.single) group.append(this.#rectangle(field.box, "od-whole", field.box[3]));
    for (const [index, mark] of field.marks.entries()) {
      const kind = field.single ? "od-whole" : "od-mark"; // a frame around the picture says nothing
      const box = this.#rectangle(mark.box, kind, field.box[3]);
      box.addEventListener("mouseenter", () => this.#showTip(mark, box));
      box.addEventListener("click", (event) => {
        event.stopPropagation();
        this.focus(field.key, placeOf(field, index));
      });
      group.append(box);
    }
    group.addEventListener("mouseleave", () => { this.tip.hidden = true; });
    group.addEventListener("click", () => this.focus(field.key));
    return group;
  }

  /** Return a rectangle around a box whose line and margin scale with the digits as shown. */
  #rectangle([x, y, w, h], kind, size) {
    const scale = (this.canvas.clientWidth || this.page.width) / this.page.width;
    const line = Math.min(3, Math.max(1.25, scale * size / 40)); // in CSS pixels
    const margin = Math.max(2 * line / scale, size / 16) * (kind === "od-whole" ? 2 : 1);
    return make("rect", { class: kind, x: x - margin, y: y - margin, width: w + 2 * margin,
      height: h + 2 * margin, rx: 3 / scale, "stroke-width": line });
  }

  /** Show the probabilities of a symbol below its box, or above it at the end of the window. */
  #showTip(mark, box) {
    const rows = mark.candidates.map(([value, probability]) => make(
      "div", { class: "od-bar" }, make("b", {}, value),
      make("i", { style: `width:${Math.max(1, Math.round(72 * probability))}px` }),
      make("span", {}, percent(probability))));
    this.tip.replaceChildren(...rows);
    this.tip.hidden = false;
    const frame = this.tip.parentElement.getBoundingClientRect(), around = box.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    const left = (around.left + around.right - width) / 2 - frame.left;
    const above = around.bottom + height + 8 > innerHeight;
    const top = above ? around.top - height - 6 : around.bottom + 6;
    this.tip.style.left = `${Math.min(Math.max(0, left), frame.width - width)}px`;
    this.tip.style.top = `${top - frame.top}px`;
  }

  #scrollTo([, y, , h]) {
    const scale = this.picture.clientHeight / this.page.height;
    this.stage.scrollTop = scale * (y + h / 2) - this.stage.clientHeight / 2;
  }

  /** Leave empty fields that are sure out of the list: most cells of many tables. */
  #hideEmpty() {
    const hidden = [...this.fields.values()].filter(({ field }) => field.read === "" && !field.checked
      && field.text === "" && !isOpen(field, this.threshold));
    for (const { row } of hidden) row.hidden = true;
    this.more.hidden = !hidden.length;
    this.more.textContent = `Show ${counted(hidden.length, "empty field")}`;
  }

  #showAll() {
    for (const { row } of this.fields.values()) row.hidden = false;
    this.more.hidden = true;
  }
}

/** Return a text without spaces at its ends, and with single ones within. */
function tidy(text) { return text.trim().split(/\s+/).join(" "); }

/** Return where the symbol of an index is in the text of its field, which may have spaces. */
function placeOf(field, index) {
  const places = [...field.text].flatMap((character, place) => (character === " " ? [] : [place]));
  return places[index] ?? null;
}
