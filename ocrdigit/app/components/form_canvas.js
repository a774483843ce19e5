// Templates of forms: fields are drawn on a picture, moved and resized; their format is typed.

const MIN_SIDE = 8; // pixels of the picture, as ocrdigit.FormField has it
const KINDS = { field: "Numbers", comb: "Comb: a digit in each box", table: "Table" };
const CORNERS = [[0, 0], [1, 0], [0, 1], [1, 1]];
const canvases = new WeakMap();

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  let canvas = canvases.get(parentElement);
  if (!canvas) canvases.set(parentElement, canvas = new FormCanvas(parentElement));
  canvas.update(data, setStateValue);
}

class FormCanvas {
  constructor(parent) {
    this.token = null;
    this.fields = [];
    this.history = []; // earlier fields, for undo
    this.selected = null; // an index
    this.drag = null;
    this.picture = make("img", { alt: "Picture of the empty form" });
    this.svg = make("svg", { class: "od-boxes", preserveAspectRatio: "none", role: "group",
      "aria-label": "Fields on the form" });
    this.canvas = make("div", { class: "od-canvas" }, this.picture, this.svg);
    this.list = make("ol", { class: "od-names" });
    this.details = make("form", { class: "od-details", "aria-label": "Selected field",
      onsubmit: (event) => event.preventDefault() });
    this.error = make("p", { class: "od-error", role: "alert", hidden: true });
    this.undoButton = make("button", { type: "button", class: "od-button", onclick: () => this.undo() }, "Undo");
    const add = make("button", { type: "button", class: "od-button", onclick: () => this.addDefault() }, "Add a field");
    const panel = make("div", { class: "od-panel" },
      make("div", { class: "od-tools" }, add, this.undoButton), this.error, this.list, this.details);
    this.root = make("div", { class: "od-frame od-form" },
      make("div", { class: "od-drawing" }, this.canvas), panel);
    parent.append(this.root);
    this.svg.addEventListener("pointerdown", (event) => this.down(event));
    this.svg.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) this.svg.addEventListener(name, () => this.up());
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.save = debounced(250, () => this.send("drawn", { token: this.token, fields: this.fields }));
  }

  update(data, setStateValue) {
    this.send = setStateValue;
    this.patterns = data.patterns;
    if (data.token !== this.token) {
      this.token = data.token;
      this.fields = data.fields;
      this.history = [];
      this.selected = this.fields.length ? 0 : null;
      [this.width, this.height] = data.size;
      this.picture.src = data.picture;
      this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
      this.canvas.style.setProperty("--od-ratio", this.width / this.height);
      this.render();
    }
    this.error.textContent = data.error ?? "";
    this.error.hidden = !data.error;
  }

  // -- changes --

  /** Note the fields as they are, before they change. */
  note() {
    this.history.push(JSON.stringify(this.fields));
    if (this.history.length > 100) this.history.shift();
  }

  undo() {
    if (!this.history.length) return;
    this.fields = JSON.parse(this.history.pop());
    if (this.selected !== null && this.selected >= this.fields.length) this.selected = null;
    this.changed();
  }

  changed() {
    this.render();
    this.save();
  }

  add(box) {
    const names = this.fields.map((field) => field.name);
    let number = 1;
    while (names.includes(`field ${number}`)) number += 1;
    this.fields.push({ name: `field ${number}`, kind: "field", box });
    this.selected = this.fields.length - 1;
  }

  addDefault() {
    this.note();
    const w = Math.round(this.width / 4), h = Math.max(MIN_SIDE, Math.round(this.height / 25));
    const bottoms = this.fields.map(({ box }) => box[1] + box[3]);
    const y = Math.min(this.height - h, Math.max(h, ...bottoms) + Math.round(h / 2));
    this.add([Math.round(this.width / 10), y, w, h]);
    this.changed();
    this.focusName();
  }

  remove() {
    if (this.selected === null) return;
    this.note();
    this.fields.splice(this.selected, 1);
    this.selected = this.fields.length ? Math.min(this.selected, this.fields.length - 1) : null;
    this.changed();
  }

  select(index) {
    this.selected = index;
    this.render();
  }

  focusName() {
    const input = this.details.querySelector("input");
    input?.focus({ preventScroll: true });
    input?.select();
  }

  // -- the mouse --

  point(event) {
    const frame = this.svg.getBoundingClientRect();
    return [
      (event.clientX - frame.left) * this.width / frame.width,
      (event.clientY - frame.top) * this.height / frame.height,
    ];
  }

  down(event) {
    if (event.button) return;
    event.preventDefault();
    this.svg.setPointerCapture(event.pointerId);
    const { index, corner } = event.target.dataset, point = this.point(event);
    this.drag = { start: point, before: JSON.stringify(this.fields), corner: null, moved: false };
    if (index === undefined) {
      this.drag.corner = 3;
      this.drag.isNew = true;
      return;
    }
    this.selected = Number(index);
    this.drag.corner = corner === undefined ? null : Number(corner);
    this.drag.box = [...this.fields[this.selected].box];
    this.render();
  }

  move(event) {
    if (!this.drag) return;
    const { start, corner } = this.drag, [x, y] = this.point(event);
    const change = [x - start[0], y - start[1]];
    if (!this.drag.moved && Math.hypot(...change) < 4) return;
    if (this.drag.isNew && !this.drag.box) {
      this.add([0, 0, 0, 0]);
      this.drag.box = [start[0], start[1], 0, 0];
    }
    this.drag.moved = true;
    this.fields[this.selected].box = corner === null
      ? this.shifted(this.drag.box, change) : this.resized(this.drag.box, change, corner);
    this.renderBoxes();
  }

  up() {
    const drag = this.drag;
    this.drag = null;
    if (!drag?.moved) return;
    const [, , w, h] = this.fields[this.selected].box;
    if (Math.min(w, h) < MIN_SIDE) {
      this.fields = JSON.parse(drag.before); // too small to be meant
      this.selected = null;
      return this.render();
    }
    this.history.push(drag.before);
    this.changed();
    if (drag.isNew) this.focusName();
  }

  /** Return a box that is moved, within the picture, in whole pixels. */
  shifted([x, y, w, h], [dx, dy]) {
    return [clamp(x + dx, 0, this.width - w), clamp(y + dy, 0, this.height - h), w, h];
  }

  /** Return a box of which a corner is moved; its sides may change places. */
  resized([x, y, w, h], [dx, dy], corner) {
    const [right, lower] = CORNERS[corner];
    const xs = [right ? x : x + w, clamp((right ? x + w : x) + dx, 0, this.width)];
    const ys = [lower ? y : y + h, clamp((lower ? y + h : y) + dy, 0, this.height)];
    const left = Math.round(Math.min(...xs)), top = Math.round(Math.min(...ys));
    return [left, top, Math.round(Math.max(...xs)) - left, Math.round(Math.max(...ys)) - top];
  }

  // -- the keyboard --

  key(event) {
    const typing = ["INPUT", "SELECT"].includes(event.target.tagName);
    if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !typing) this.undo();
    else if (!typing && event.target.dataset.index !== undefined) this.boxKey(event);
    else return;
    event.preventDefault();
  }

  /** Arrow keys move a box, with Shift they resize it; Delete removes it. */
  boxKey(event) {
    const step = Math.max(1, Math.round(this.width / 300));
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const index = Number(event.target.dataset.index);
    if (event.key === "Delete" || event.key === "Backspace") { this.selected = index; return this.remove(); }
    if (event.key === "Enter") { this.select(index); return this.focusName(); }
    if (!arrow) return;
    this.note();
    this.selected = index;
    const field = this.fields[index], change = arrow.map((side) => side * step);
    const box = event.shiftKey ? this.resized(field.box, change, 3) : this.shifted(field.box, change);
    if (Math.min(box[2], box[3]) >= MIN_SIDE) field.box = box;
    this.changed();
    this.svg.querySelector(`g[data-index="${index}"]`).focus();
  }

  // -- display --

  render() {
    this.renderBoxes();
    this.list.replaceChildren(...this.fields.map((field, index) => make("li", {}, make(
      "button",
      { type: "button", class: "od-chip", "aria-pressed": index === this.selected,
        onclick: () => { this.select(index); this.focusName(); } },
      field.name || "(no name)"))));
    this.list.hidden = !this.fields.length;
    this.undoButton.disabled = !this.history.length;
    this.renderDetails();
  }

  renderBoxes() {
    const line = Math.max(1, this.width / 700);
    this.svg.replaceChildren(...this.fields.map((field, index) => {
      const selected = index === this.selected, [x, y, width, height] = field.box;
      const group = make("g", { tabindex: "0", role: "button", "data-index": index,
        class: selected ? "od-box od-active" : "od-box",
        "aria-label": `${field.name}: arrow keys move it, with Shift they resize it` });
      group.append(make("rect", { x, y, width, height, "stroke-width": line, "data-index": index }));
      for (const side of ["rows", "columns"]) this.addLines(group, field, side, line, index);
      if (selected) {
        for (const [corner, [right, lower]] of CORNERS.entries()) {
          group.append(make("rect", { class: `od-handle od-handle-${right === lower ? "a" : "b"}`,
            x: x + right * width - 5 * line, y: y + lower * height - 5 * line,
            width: 10 * line, height: 10 * line, "stroke-width": line,
            "data-index": index, "data-corner": corner }));
        }
      }
      return group;
    }));
  }

  /** Draw the lines between the boxes of a comb or table. */
  addLines(group, field, side, line, index) {
    const [x, y, w, h] = field.box, count = field[side] ?? 1;
    for (let i = 1; i < count && count < 200; i += 1) {
      const place = side === "columns"
        ? { x: x + i * w / count, y, width: line / 2, height: h }
        : { x, y: y + i * h / count, width: w, height: line / 2 };
      group.append(make("rect", { class: "od-line", ...place, "data-index": index }));
    }
  }

  renderDetails() {
    const field = this.fields[this.selected];
    if (!field) {
      this.details.replaceChildren(make("p", { class: "od-quiet" },
        "Drag on the picture to draw a field. Drag a field to move it, or its corners to resize it."));
      return;
    }
    const kind = make("select", { id: "od-kind" }, ...Object.entries(KINDS).map(
      ([value, label]) => make("option", { value, selected: value === field.kind }, label)));
    kind.addEventListener("change", () => this.setKind(field, kind.value));
    const parts = [this.text("Name", field, "name"), this.labelled("Holds", kind)];
    if (field.kind !== "table") {
      const options = make("datalist", { id: "od-patterns" },
        ...this.patterns.map((value) => make("option", { value })));
      parts.push(this.text("Pattern", field, "pattern", "any number", "od-patterns"), options);
    }
    if (field.kind === "field") parts.push(this.number("Digits", field, "length", "any"));
    if (field.kind === "table") parts.push(this.number("Rows", field, "rows"));
    if (field.kind !== "field") parts.push(this.number("Columns", field, "columns"));
    const places = ["x", "y", "width", "height"].map((name, place) => this.place(name, field, place));
    parts.push(make("fieldset", {}, make("legend", {}, "Place in pixels"), ...places));
    parts.push(make("button", { type: "button", class: "od-button", onclick: () => this.remove() }, "Delete the field"));
    this.details.replaceChildren(...parts);
  }

  setKind(field, kind) {
    this.note();
    field.kind = kind;
    for (const name of ["pattern", "length", "rows", "columns"]) delete field[name];
    if (kind !== "field") field.columns = kind === "comb" ? 8 : 3;
    if (kind === "table") field.rows = 4;
    this.changed();
    this.details.querySelector("select").focus();
  }

  labelled(label, input) {
    return make("label", {}, make("span", {}, label), input);
  }

  text(label, field, name, placeholder = "", list = null) {
    const input = make("input", { type: "text", placeholder, list, autocomplete: "off", spellcheck: "false" });
    input.value = field[name] ?? "";
    return this.labelled(label, this.listened(input, field, name, (value) => value || undefined));
  }

  number(label, field, name, placeholder = "") {
    const input = make("input", { type: "number", min: 1, max: 1000, placeholder });
    input.value = field[name] ?? "";
    return this.labelled(label, this.listened(input, field, name, (value) => (value ? Number(value) : undefined)));
  }

  place(label, field, index) {
    const input = make("input", { type: "number", min: 0 });
    input.value = field.box[index];
    input.addEventListener("change", () => {
      this.note();
      field.box[index] = Math.round(Number(input.value));
      this.renderBoxes();
      this.save();
    });
    return this.labelled(label, input);
  }

  /** Let an input change a property of a field; the panel stays, so that Tab goes on. */
  listened(input, field, name, parse) {
    input.addEventListener("change", () => {
      this.note();
      field[name] = parse(input.value);
      if (name === "name") field.name = input.value;
      this.renderBoxes();
      this.list.children[this.fields.indexOf(field)].firstChild.textContent = input.value || "(no name)";
      this.undoButton.disabled = false;
      this.save();
    });
    return input;
  }
}

function clamp(value, lowest, highest) {
  return Math.round(Math.min(Math.max(value, lowest), highest));
}
