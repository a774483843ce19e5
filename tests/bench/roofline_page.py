"""Format the output of the C program (see roofline/roofline.c) as a page in Markdown."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Lines = list[list[str]]

PART_TITLES = {
    "pack": "packing of kernels",
    "zero output": "output for a zero image",
    "load": "loading: bytes to numbers",
    "augment": "augmentation",
    "forward": "forward",
    "softmax": "softmax",
    "loss": "loss",
    "backward": "backward",
    "weights": "gradient of the kernel",
    "reduce": "reduction of the slices",
    "optimizer": "optimizer",
    "other": "other code of the core",
    "wait": "pool: waking, waiting",
}
PASSES = ("forward", "backward", "weights")  # that are compared with a roof
SMALLEST = 0.002  # of the time: kernels below it are left out
DISTURBING_SHARE = 0.05


# Tasks are named "image:int8" or "seed:bfloat16".


def _recipe(task: str) -> str:
    return task.partition(":")[0]


def _precision(task: str) -> str:
    return task.partition(":")[2]


def _name(task: str) -> str:
    name, _, precision = task.partition(":")
    return name if precision == "float32" else f"{name} in {precision}"


def _numbers(kernel: str) -> str:
    """Return the number type of a kernel's products."""
    kind, dot, _ = kernel.partition(".")
    return kind if dot else "float32"


@dataclass
class Recipe:
    batch: int
    augmentations: list[str]


@dataclass
class Layer:
    name: str
    direct: float  # multiply-adds forward, an image
    first: bool

    def products(self, part: str) -> float:
        """Return the multiply-adds of a pass as direct convolution."""
        both = part == "backward" and self.name.startswith("conv") and not self.first
        return self.direct * (2 if both else 1)


@dataclass
class Counted:
    calls: float
    products: float
    moved: float
    fetched: float
    touched: float


@dataclass
class Run:
    """The results of one run of the C program, for one instruction set and network."""

    isa: str
    title: str
    python: dict[str, float] | None
    recipes: dict[str, Recipe]
    instructions: list[str] = field(default_factory=list)  # for low precision
    peaks: dict[str, float] = field(default_factory=dict)
    caches: dict[str, float] = field(default_factory=dict)
    bandwidths: dict[str, float] = field(default_factory=dict)  # the larger of read and copy
    layers: dict[int, Layer] = field(default_factory=dict)
    whole: dict[tuple[str, int], tuple[float, float, float]] = field(default_factory=dict)
    parts: dict[tuple[str, int], dict[tuple[str, int], float]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    counted: dict[tuple[str, str, int, str], Counted] = field(default_factory=dict)
    timed: dict[tuple[str, str, int, str], float] = field(default_factory=dict)

    def peak(self, numbers: str) -> tuple[str, float]:
        """Return the name and the value of the peak of a number type.

        Without int8 instructions it is that of the instructions which replace them, and without
        bfloat16 instructions that of float32, as its products then are float32's.
        """
        names = (numbers, f"{numbers}, emulated", "float32")
        name = next(name for name in names if name in self.peaks)
        return name, self.peaks[name]

    def images(self, task: str) -> int:
        """Return the images of a step, or 1."""
        recipe = self.recipes.get(_recipe(task))
        return recipe.batch if recipe else 1

    def compute(self, task: str, part: str, place: int, kernel: str) -> tuple[str, float]:
        """Return the peaks of a part's kernels, or of one, and the seconds at them."""
        names, seconds = [], 0.0
        for (t, p, i, k), counted in self.counted.items():
            mine = k != "all" and kernel in ("all", k)
            if (t, p, i) == (task, part, place) and mine and counted.products:
                name, peak = self.peak(_numbers(k))
                names += [name] if name not in names else []
                seconds += 2 * counted.products / peak
        return " and ".join(names), seconds

    def roof(self, task: str, part: str, place: int, kernel: str) -> tuple[str, float]:
        """Return the bound of the work, and the minimum of its seconds.

        All moved bytes are read from the first cache; bytes fetched for the first time come from
        the smallest cache that holds all touched ones.
        """
        counted = self.counted[task, part, place, kernel]
        peaks, seconds = self.compute(task, part, place, kernel)
        level = next((n for n, size in self.caches.items() if counted.touched <= size), "memory")
        first = next(iter(self.caches))
        bounds = [
            (seconds, f"compute: {peaks}"),
            (counted.moved / self.bandwidths[first], first),
            (counted.fetched / self.bandwidths[level], level),
        ]
        seconds, bound = max(bounds)
        return bound, seconds


ORDER = list(PART_TITLES)


def read(
    isa: str,
    title: str,
    lines: Lines,
    python: dict[str, float] | None,
    recipes: dict[str, Recipe],
) -> Run:
    run = Run(isa, title, python, recipes)
    for kind, *words in lines:
        if kind == "instructions":
            run.instructions.append(words[0])
        elif kind == "peak":
            run.peaks[words[0]] = float(words[1])
        elif kind == "cache":
            run.caches[words[0]] = float(words[1])
        elif kind == "bandwidth":
            run.bandwidths[words[0]] = max(run.bandwidths.get(words[0], 0), float(words[2]))
        elif kind == "layer":
            run.layers[int(words[0])] = Layer(words[1], float(words[2]), words[3] == "0")
        elif kind == "whole":
            bare, watched, pool = map(float, words[2:])
            run.whole[words[0], int(words[1])] = (bare, watched, pool)
        elif kind == "part":
            run.parts[words[0], int(words[1])][words[2], int(words[3])] = float(words[4])
        elif kind == "counted":
            key = (words[0], words[1], int(words[2]), words[3])
            run.counted[key] = Counted(*map(float, words[4:]))
        elif kind == "timed":
            run.timed[words[0], words[1], int(words[2]), words[3]] = float(words[4])
    return run


def markdown(runs: list[Run], machine: dict[str, Any], others: float) -> str:
    lines = [
        "# Roofline",
        "",
        f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}, {machine['cores']} cores of "
        f"{machine['cpu']} ({machine['model']}; {', '.join(machine['features'])}). "
        "Means over the fastest tenth of the steps, or of groups of 50 images, so the parts add "
        "up; of the probes the best. K, M, G are powers of ten.",
    ]
    if others > DISTURBING_SHARE:
        lines += ["", f"**The machine was not idle: others took {others:.0%} of its time.**"]
    lines += ["", *_machine(runs)]
    for run in runs:
        instructions = f" with {' and '.join(run.instructions)}" if run.instructions else ""
        lines += ["", f"## {run.isa}{instructions}: {run.title}"]
        tasks = list(dict.fromkeys(task for task, _ in run.whole))
        images = [task for task in tasks if _recipe(task) not in run.recipes]
        lines += ["", *_images(run, images)]
        for task in sorted(set(tasks) - set(images), key=lambda t: (_recipe(t), tasks.index(t))):
            lines += ["", *_step(run, task)]
        lines += ["", *_layers(run), "", *_kernels(run)]
    return "\n".join(lines) + "\n"


def table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    """Yield the lines of a table; the first column is text, the others are numbers."""
    yield f"| {' | '.join(head)} |"
    yield f"| --- |{' ---: |' * (len(head) - 1)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _machine(runs: list[Run]) -> Iterator[str]:
    """The probes: a loop of multiply-adds in registers, reading and copying through caches."""
    yield "## Peaks of the machine, on one thread"
    yield ""
    numbers = list(dict.fromkeys(name for run in runs for name in run.peaks))
    levels = list(runs[0].bandwidths)
    head = ["probe", *(f"{n}, Gop/s" for n in numbers), *(f"{level}, GB/s" for level in levels)]
    rows = {
        run.isa: [
            run.isa,
            *(f"{run.peaks[n] * 1e-9:.1f}" if n in run.peaks else "" for n in numbers),
            *(f"{run.bandwidths[level] * 1e-9:.0f}" for level in levels),
        ]
        for run in runs
    }
    yield from table(head, list(rows.values()))
    yield ""
    sizes = ", ".join(f"{name} {size / 1024:,.0f} KiB" for name, size in runs[0].caches.items())
    yield (
        f"A multiply-add is two operations. Caches: {sizes}. Without int8 instructions, the roof "
        "of int8 products is that of the instructions which replace them if measured, else "
        "float32's; without bfloat16 instructions, bfloat16 products are float32's."
    )


def _us(seconds: float) -> str:
    us = seconds * 1e6
    return f"{us:,.0f}" if us >= 1000 else f"{us:.1f}" if us >= 10 else f"{us:.2f}"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %"


def _si(number: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("K", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.3g}"


def _title(run: Run, task: str, part: str, place: int) -> str:
    if part == "augment":
        return f"augmentation: {run.recipes[_recipe(task)].augmentations[place]}"
    name = f"{run.layers[place].name}: " if part in (*PASSES, "pack") else ""
    return name + PART_TITLES[part]


def _in_order(parts: dict[tuple[str, int], float]) -> list[tuple[str, int]]:
    """Return the parts in the order of a step."""
    return sorted(parts, key=lambda key: (ORDER.index(key[0]), key[1]))


def _executed(run: Run, task: str) -> tuple[float, str, float]:
    """Return the multiply-adds of a task's passes, the names of their peaks, and the seconds
    that they would take at them."""
    products = seconds = 0.0
    names: list[str] = []
    for (t, part, place, kernel), counted in run.counted.items():
        if t == task and part in PASSES and kernel == "all":
            peaks, at_peak = run.compute(task, part, place, "all")
            names += [name for name in peaks.split(" and ") if name and name not in names]
            products += counted.products
            seconds += at_peak
    return products, " and ".join(names), seconds


def _images(run: Run, tasks: list[str]) -> Iterator[str]:
    """One prediction in each precision, from the call in Python to the layers."""
    yield "### One image, one thread"
    yield ""
    head = ["float32 (28, 28) in, probabilities out"]
    rows: dict[str, list[str]] = {}
    together = ["**together**"]
    for column, task in enumerate(tasks):
        head += [f"{_precision(task)}, µs", "share"]
        shares, total = _image_shares(run, task)
        for title, seconds in shares:
            row = rows.setdefault(title, [""] * 2 * column)
            row += [_us(seconds), _share(seconds, total)]
        together += [f"**{_us(total)}**", ""]
    yield from table(head, [*([title, *row] for title, row in rows.items()), together])
    yield ""
    yield from (_image_summary(run, task) for task in tasks)


def _image_shares(run: Run, task: str) -> tuple[list[tuple[str, float]], float]:
    """Return the parts of a prediction with their seconds, and the total."""
    bare, watched, _ = run.whole[task, 1]
    parts = run.parts[task, 1]
    rows = [(_title(run, task, *key), parts[key]) for key in _in_order(parts)]
    rows.append(("the caller's loop, the clock", watched - sum(parts.values())))
    if not run.python:
        return rows, watched
    call, core = (run.python[f"{_precision(task)} float32 {what}"] for what in ("call", "core"))
    rows = [
        ("Python: `predict_proba`, checks of the input", call - core),
        ("binding: array in, array out, locks", core - run.python["empty call"] - bare),
        ("an empty call from the loop that measures", run.python["empty call"]),
        *rows,
        ("the stopwatch's own cost", bare - watched),
    ]
    return rows, call


def _image_summary(run: Run, task: str) -> str:
    bare, _, _ = run.whole[task, 1]
    direct = sum(layer.direct for layer in run.layers.values())
    executed, peaks, at_peak = _executed(run, task)
    text = (
        f"{_precision(task)}: in C alone {_us(bare)} µs, {2e-9 * direct / bare:.0f} Gop/s as "
        f"direct convolution ({_si(direct)} multiply-adds), {2e-9 * executed / bare:.0f} as "
        f"executed ({_si(executed)}, {_share(at_peak, bare)} of the peak of {peaks})"
    )
    if run.python:
        call, core = (run.python[f"{_precision(task)} uint8 {what}"] for what in ("call", "core"))
        text += f"; uint8 from Python {_us(call)} µs, of which {_us(core)} in the core's method"
    return text + ".  "


def _step(run: Run, task: str) -> Iterator[str]:
    """A training step and its parts, which add up to it."""
    runs = [threads for t, threads in run.whole if t == task]
    batch = run.images(task)
    title = f"### A training step of the recipe `{_recipe(task)}`"
    yield f"{title} in {_precision(task)}, batch {batch}"
    yield ""
    head = ["where"]
    rows: dict[str, list[str]] = {}
    sums: list[list[str]] = [["**the step, watched**"], ["the step, bare"], ["images/s"]]
    for column, threads in enumerate(runs):
        bare, watched, pool = run.whole[task, threads]
        head += [f"{threads} thread{'s' * (threads > 1)}, µs", "share"]
        found = run.parts[task, threads]
        alone = (watched - pool) * (threads - 1) / threads
        titles = {_title(run, task, *key): found[key] / threads for key in _in_order(found)}
        if alone:
            titles["one thread works, the others wait"] = alone
        titles["around the step: labels, callback, clock"] = watched - sum(titles.values())
        for title, seconds in titles.items():
            row = rows.setdefault(title, [""] * 2 * column)
            row += [""] * (2 * column - len(row)) + [_us(seconds), _share(seconds, watched)]
        sums[0] += [f"**{_us(watched)}**", ""]
        sums[1] += [_us(bare), ""]
        sums[2] += [f"{batch / bare:,.0f}", ""]
    width = 2 * len(runs)
    cells = [[title, *row, *[""] * (width - len(row))] for title, row in rows.items()]
    yield from table(head, cells + sums)
    direct = sum(_step_products(run)) * batch
    executed, peaks, at_peak = _executed(run, task)
    yield ""
    for threads in runs:
        bare = run.whole[task, threads][0]
        yield (
            f"{threads} thread{'s' * (threads > 1)}: {2e-9 * direct / bare:.0f} Gop/s as direct "
            f"convolution ({_si(direct / batch)} multiply-adds an image); "
            f"{2e-9 * executed / bare:.0f} as executed ({_si(executed / batch)}), "
            f"{_share(at_peak, threads * bare)} of the peak of {peaks}.  "
        )
    yield from _halves(run, task)


def _step_products(run: Run) -> Iterator[float]:
    for layer in run.layers.values():
        yield layer.direct * (2 if layer.first else 3)


def _halves(run: Run, task: str) -> Iterator[str]:
    """The parts of the two gradients in the backward pass of a convolution."""
    halves = run.parts[task, 0]
    for (part, place), seconds in halves.items():
        layer = run.layers[place]
        kernel = halves.get(("weights", place))
        if part == "backward" and kernel and layer.name.startswith("conv") and not layer.first:
            yield (
                f"Of {layer.name}'s backward pass {_share(kernel, seconds)} is the gradient of its "
                f"kernel (run alone), the rest that of its input."
            )


def _layers(run: Run) -> Iterator[str]:
    """Each layer's passes compared with their roof, an image."""
    yield "### Layers under the roof, one thread, an image"
    yield ""
    head = ["pass", "µs", "multiply-adds, direct", "executed", "Gop/s, direct", "executed"]
    head += ["of the peak", "moved, bytes", "touched, bytes", "roof", "reached"]
    rows = []
    for (task, part, place, kernel), counted in run.counted.items():
        seconds = run.parts[task, 1].get((part, place))
        if kernel != "all" or part not in PASSES or not seconds:
            continue
        images = run.images(task)
        direct = run.layers[place].products(part) * images
        bound, at_roof = run.roof(task, part, place, kernel)
        rows.append(
            [
                f"{_name(task)}, {_title(run, task, part, place)}",
                _us(seconds / images),
                _si(direct / images),
                _si(counted.products / images),
                f"{2e-9 * direct / seconds:.0f}",
                f"{2e-9 * counted.products / seconds:.0f}",
                _share(run.compute(task, part, place, kernel)[1], seconds),
                _si(counted.moved / images),
                _si(counted.touched),
                bound,
                _share(at_roof, seconds),
            ]
        )
    yield from table(head, rows)


def _kernels(run: Run) -> Iterator[str]:
    """Each kernel in each part, an image."""
    yield "### Kernels under the roof, one thread, an image"
    yield ""
    head = ["kernel, where", "µs", "calls", "multiply-adds", "Gop/s", "of the peak"]
    head += ["moved, bytes", "GB/s", "touched, bytes", "roof", "reached"]
    rows = []
    for (task, part, place, kernel), seconds in run.timed.items():
        counted = run.counted.get((task, part, place, kernel))
        if not counted or seconds < SMALLEST * run.whole[task, 1][0]:
            continue
        images = run.images(task)
        bound, at_roof = run.roof(task, part, place, kernel)
        rows.append(
            [
                f"`{kernel}`: {_name(task)}, {_title(run, task, part, place)}",
                _us(seconds / images),
                f"{counted.calls / images:.3g}",
                _si(counted.products / images) if counted.products else "",
                f"{2e-9 * counted.products / seconds:.0f}" if counted.products else "",
                _share(run.compute(task, part, place, kernel)[1], seconds)
                if counted.products
                else "",
                _si(counted.moved / images),
                f"{1e-9 * counted.moved / seconds:.0f}",
                _si(counted.touched),
                bound,
                _share(at_roof, seconds),
            ]
        )
    yield from table(head, rows)
