// A pad to draw digits on, by mouse, finger or keyboard; and a box to paste a picture into.

const LINE_WIDTH = 12, KEY_STEP = 8;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const pads = new WeakMap();

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const known = pads.get(parentElement);
  if (known) return known.update(data, setStateValue);
  const pad = data.mode === "draw" ? new DrawingPad(parentElement) : new PasteBox(parentElement);
  pads.set(parentElement, pad);
  pad.update(data, setStateValue);
}

class DrawingPad {
  constructor(parent) {
    this.strokes = [];
    this.stroke = null; // the one that is being drawn
    this.cursor = null; // the keyboard's
    this.canvas = make("canvas", { tabindex: "0", role: "application", "aria-describedby": "od-pad-help",
      "aria-label": "Drawing pad. Draw digits with the mouse, a finger or the arrow keys." });
    this.context = this.canvas.getContext("2d");
    this.undoButton = make("button", { type: "button", class: "od-button", onclick: () => this.undo() }, "Undo");
    this.clearButton = make("button", { type: "button", class: "od-button", onclick: () => this.clear() }, "Clear");
    parent.append(make("div", { class: "od-frame od-pad" }, this.canvas,
      make("div", { class: "od-pad-row" }, this.undoButton, this.clearButton,
        make("span", { id: "od-pad-help", class: "od-quiet" }, "Keyboard: arrow keys move, Space starts or ends a stroke, "
          + "Backspace takes the last one back."))));
    this.canvas.addEventListener("pointerdown", (event) => this.down(event));
    this.canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) this.canvas.addEventListener(name, () => this.up());
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("focus", () => this.draw());
    this.canvas.addEventListener("blur", () => this.blur());
    new ResizeObserver(() => this.resize()).observe(parent);
    this.parent = parent;
  }

  update(data, setStateValue) {
    this.send = (picture) => setStateValue("picture", picture);
    this.wide = data.wide;
    this.resize();
  }

  resize() {
    const available = this.parent.clientWidth ?? 0;
    const width = Math.min(available - 2, this.wide ? 640 : 280);
    if (width < 1 || (width === this.canvas.width && this.canvas.dataset.wide === String(this.wide))) return;
    this.canvas.width = width;
    this.canvas.height = this.wide ? 220 : 280;
    this.canvas.dataset.wide = this.wide;
    this.draw();
  }

  draw() {
    const { canvas, context } = this;
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.strokeStyle = "#111";
    context.lineWidth = LINE_WIDTH;
    context.lineCap = context.lineJoin = "round";
    for (const points of this.strokes) {
      context.beginPath();
      context.moveTo(...points[0]);
      for (const point of points) context.lineTo(...point);
      context.stroke();
    }
    if (this.cursor && document.activeElement === canvas) {
      context.lineWidth = 2;
      context.strokeStyle = this.cursor.down ? "#b3261e" : "#1d5fad";
      context.beginPath();
      context.arc(this.cursor.x, this.cursor.y, LINE_WIDTH, 0, 7);
      context.stroke();
    }
    this.undoButton.disabled = this.clearButton.disabled = !this.strokes.length;
  }

  /** Send the picture without the cursor. */
  sendPicture() {
    const { cursor } = this;
    this.cursor = null;
    this.draw();
    this.send(this.strokes.length ? this.canvas.toDataURL("image/png") : null);
    this.cursor = cursor;
    this.draw();
  }

  position(event) {
    const frame = this.canvas.getBoundingClientRect();
    return [event.clientX - frame.left - 1, event.clientY - frame.top - 1];
  }

  down(event) {
    if (event.button) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.cursor = null;
    this.stroke = [this.position(event)];
    this.strokes.push(this.stroke);
    this.draw();
  }

  move(event) {
    if (!this.stroke) return;
    for (const part of event.getCoalescedEvents?.() ?? [event]) this.stroke.push(this.position(part));
    this.draw();
  }

  up() {
    if (!this.stroke) return;
    this.stroke = null;
    this.sendPicture();
  }

  key(event) {
    const { canvas } = this, arrow = ARROWS[event.key];
    this.cursor ??= { x: canvas.width / 2, y: canvas.height / 2, down: false };
    if (arrow) {
      this.cursor.x = Math.min(canvas.width, Math.max(0, this.cursor.x + KEY_STEP * arrow[0]));
      this.cursor.y = Math.min(canvas.height, Math.max(0, this.cursor.y + KEY_STEP * arrow[1]));
      if (this.cursor.down) this.strokes.at(-1).push([this.cursor.x, this.cursor.y]);
      this.draw();
    } else if (event.key === " ") {
      this.cursor.down = !this.cursor.down;
      if (this.cursor.down) this.strokes.push([[this.cursor.x, this.cursor.y]]);
      if (this.cursor.down) this.draw();
      else this.sendPicture();
    } else if (event.key === "Backspace") {
      this.undo();
    } else {
      return;
    }
    event.preventDefault();
  }

  blur() {
    if (!this.cursor?.down) return this.draw();
    this.cursor.down = false;
    this.sendPicture();
  }

  undo() {
    if (this.cursor) this.cursor.down = false;
    this.strokes.pop();
    this.sendPicture();
  }

  clear() {
    this.strokes = [];
    this.cursor = null;
    this.sendPicture();
  }
}

class PasteBox {
  constructor(parent) {
    this.status = make("span", { role: "status" });
    this.box = make("div", { class: "od-paste", tabindex: "0", role: "button" },
      "Click here, then paste a picture with Ctrl+V (Cmd+V on a Mac) or Enter. ", this.status);
    parent.append(make("div", { class: "od-frame od-pad" }, this.box));
    this.box.addEventListener("paste", (event) => {
      const file = [...event.clipboardData.files].find((each) => each.type.startsWith("image/"));
      if (file) this.sendFile(file);
      else this.say("There is no picture in the clipboard.");
    });
    this.box.addEventListener("keydown", (event) => { if (event.key === "Enter") this.readClipboard(); });
  }

  update(data, setStateValue) {
    this.send = (picture) => setStateValue("picture", picture);
  }

  async readClipboard() {
    try {
      for (const item of await navigator.clipboard.read()) {
        const type = item.types.find((each) => each.startsWith("image/"));
        if (type) return this.sendFile(await item.getType(type));
      }
      this.say("There is no picture in the clipboard.");
    } catch {
      this.say("The browser denied access to the clipboard; press Ctrl+V instead.");
    }
  }

  sendFile(blob) {
    const reader = new FileReader();
    reader.onload = () => this.send(reader.result);
    reader.readAsDataURL(blob);
    this.say("Picture pasted.");
  }

  say(text) { this.status.textContent = text; }
}
