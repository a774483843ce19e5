"""Results as a Markdown table, and its place in the README."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobs import JOBS, PEERS, Figure, Job

DISTURBING_SHARE = 0.02  # of all processor time, taken by other processes
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"

Measured = dict[str, Any]  # of one entrant: "peer", "way", and by figure a list of values


def markdown(results: dict[str, Any]) -> str:
    """Return the table, with what is needed to understand it above and below."""
    peers = [name for name in PEERS if name in results["peers"]]
    lines = [_heading(results), ""]
    lines.append(_row("", [PEERS[name].title for name in peers], "ocrdigit : best peer"))
    lines.append(_row("---", ["---:"] * len(peers), "---:"))
    for job in JOBS:
        if job.name in results["jobs"]:
            best = _best_ways(job, results["jobs"][job.name])
            lines += [_figure_row(figure, best, peers, results) for figure in job.figures]
    lines.append(_size_row(peers, results))
    return "\n".join([*lines, "", *_notes(results)])


def update_readme(path: Path, results: dict[str, Any]) -> None:
    """Put the table between the two marks.

    Raises
    ------
    ValueError
        The file does not have them, one pair in this order.
    """
    text = path.read_text()
    pattern = re.compile(f"{BEGIN}.*?{END}", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError(f"{path} must have {BEGIN} and {END}, once")
    table = f"{BEGIN}\n{markdown(results)}\n{END}"
    path.write_text(pattern.sub(lambda _: table, text))


def in_words(kind: str, *values: float) -> str:
    """Return numbers with the unit that suits the first: "67 µs", "137 s (135-140)"."""
    scale, digits, unit = _unit(kind, values[0])
    first, *others = (f"{value * scale:,.{digits}f}" for value in values)
    spread = f" ({'-'.join(others)})" if others else ""
    return f"{first}{unit}{spread}"


def _unit(kind: str, value: float) -> tuple[float, int, str]:
    """Return factor, digits after the point, and unit."""
    if kind == "rate":
        return 1, 0, ""
    if kind == "share":
        return 100, 2, " %"
    if kind == "bytes":
        return 1e-6, 0 if value >= 1e7 else 2, " MB"
    for factor, unit in ((1e6, "µs"), (1e3, "ms")):
        if value * factor < 1000:
            return factor, 0 if value * factor >= 100 else 1, f" {unit}"
    return 1, 0 if value >= 100 else 2, " s"


def _heading(results: dict[str, Any]) -> str:
    machine, peers = results["machine"], results["peers"]
    versions = ", ".join(
        f"{PEERS[name].title} {found['version']}" for name, found in peers.items() if found
    )
    return (
        f"{results['date']}, {machine['cores']} cores of {machine['cpu']} "
        f"({', '.join(machine['features'])}), Python {machine['python']}. {versions}. "
        "Median, of accuracies the mean (smallest-largest), of processes of their own, all on the "
        "same cores, in turn."
    )


def _row(title: str, cells: list[str], last: str) -> str:
    return f"| {' | '.join([title, *cells, last])} |"


def _best_ways(job: Job, measured: list[Measured]) -> dict[str, Measured]:
    """Return by peer what its best way achieved, or that all its ways failed."""
    best: dict[str, Measured] = {}
    for each in measured:
        other = best.get(each["peer"])
        if other is None or "error" in other or _is_better(job.figures[0], each, other):
            best[each["peer"]] = each
    return best


def _is_better(figure: Figure, one: Measured, other: Measured) -> bool:
    if "error" in one:
        return False
    difference = _middle(figure, one) - _middle(figure, other)
    return difference > 0 if figure.more_is_better else difference < 0


def _middle(figure: Figure, measured: Measured) -> float:
    """Return the mean of accuracies, which is what a recipe is judged by, else the median."""
    middle = statistics.mean if figure.kind == "share" else statistics.median
    return float(middle(measured[figure.name]))


def _figure_row(
    figure: Figure, best: dict[str, Measured], peers: list[str], results: dict[str, Any]
) -> str:
    cells = [
        _cell(figure, best.get(peer)) if results["peers"][peer] else "not installed"
        for peer in peers
    ]
    return _row(figure.title, cells, _comparison(figure, best))


def _cell(figure: Figure, measured: Measured | None) -> str:
    if measured is None:
        return ""
    if "error" in measured:
        return "failed"
    values = measured[figure.name]
    spread = (min(values), max(values)) if len(values) > 1 else ()
    return in_words(figure.kind, _middle(figure, measured), *spread)


def _comparison(figure: Figure, best: dict[str, Measured]) -> str:
    """Return how many times better than the best peer ocrdigit is."""
    middles = {peer: _middle(figure, each) for peer, each in best.items() if "error" not in each}
    ours = middles.pop("ocrdigit", None)
    if not figure.compared or ours is None or not middles:
        return ""
    theirs = max(middles.values()) if figure.more_is_better else min(middles.values())
    if figure.kind == "share":
        return f"{100 * (ours - theirs):+.2f} points"
    return _times(ours / theirs if figure.more_is_better else theirs / ours)


def _times(ratio: float) -> str:
    return f"{ratio:.1f}x" if ratio < 100 else f"{ratio:,.0f}x"


def _size_row(peers: list[str], results: dict[str, Any]) -> str:
    def cell(found: dict[str, Any]) -> str:
        if not found:
            return "not installed"
        if found["own_size"] is None:
            return "editable install"
        needed = sum(size or 0 for size in found["dependencies"].values())
        return f"{in_words('bytes', found['own_size'])} + {in_words('bytes', needed)}"

    title = "Installed size, itself + what it depends on"
    return _row(title, [cell(results["peers"][peer]) for peer in peers], "")


def _notes(results: dict[str, Any]) -> Iterator[str]:
    """Name the way that each cell shows and the other ways, what failed, and what disturbed."""
    for job in JOBS:
        measured = results["jobs"].get(job.name, [])
        best = _best_ways(job, measured)
        for each in measured:
            who = f"{PEERS[each['peer']].title}"
            if "error" in each:
                yield f"- {job.figures[0].title}: {who} {each['way']} failed: {each['error']}"
            elif each["way"] and len([x for x in measured if x["peer"] == each["peer"]]) > 1:
                shown = "shown" if each is best[each["peer"]] else _cell(job.figures[0], each)
                yield f'- {job.figures[0].title}: {who} as "{each["way"]}": {shown}'
    if results["others_share"] > DISTURBING_SHARE:
        yield (
            f"- The machine was not idle: load average {results['load_at_start']:.2f} at the "
            f"start, and others took {results['others_share']:.0%} of all processor time."
        )
