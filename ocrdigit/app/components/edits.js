// The edits of fields: sent to Python until it acknowledges them, and undone in reverse order.

/** Return the status of a field, as Python computes it. */
function statusOf(field, threshold) {
  if (field.checked) return field.text === field.read ? "checked" : "corrected";
  if (field.key === "page") return "empty";
  return field.doubtful || field.confidence < threshold ? "review" : "read";
}

/** Whether a person should look at a field. */
function isOpen(field, threshold) {
  return ["review", "empty"].includes(statusOf(field, threshold));
}

class Edits {
  constructor() {
    this.last = 0; // the number of the last edit
    this.pending = []; // not yet acknowledged
    this.history = []; // what undo restores
  }

  /** Forget what Python has. */
  synchronize(acknowledged) {
    this.last = Math.max(this.last, acknowledged);
    this.pending = this.pending.filter((edit) => edit.seq > acknowledged);
  }

  /** Give a field a text, and note what it was. */
  set(id, field, text) {
    this.history.push({ id, key: field.key, before: field.text, checked: field.checked });
    this.#send(id, field, text, true, false);
  }

  /** Restore a field as it was before the last edit; ``find`` returns it. */
  undo(find) {
    const last = this.history.at(-1);
    const field = last && find(last.id, last.key);
    if (!field) return null;
    this.history.pop();
    this.#send(last.id, field, last.before, last.checked, true);
    return last;
  }

  #send(id, field, text, checked, undone) {
    const before = field.text, wasChecked = field.checked;
    field.text = text;
    field.checked = checked;
    const { key, label, read, box } = field;
    this.last += 1;
    this.pending.push({
      seq: this.last, id, key, label, read, box, undone,
      before, checked: wasChecked, text: checked ? text : null,
    });
  }
}
