// Making of elements, shared by the components.

/** Return an element with attributes, properties and listeners, and its children. */
function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "g", "rect"].includes(tag);
  const element = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    const isState = name.startsWith("aria-"); // whose values are words
    if (value === null || value === undefined || (value === false && !isState)) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true && !isState ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Return a probability in percent, "98%", rounded down, so that none looks like a limit it is below. */
function percent(probability) {
  return `${Math.floor(100 * probability + 1e-6)}%`;
}

/** Return one of two words by a number: "1 file", "3 files". */
function counted(count, word) {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

/** Call a function after the last of several calls. */
function debounced(milliseconds, call) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...values), milliseconds);
  };
}
