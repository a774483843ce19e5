"""Results as Markdown tables, and their places in README.md and the performance guide."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobs import JOBS, PEERS, Entrant, Figure, Job

MAX_OTHERS_SHARE = 0.02  # of all processor time; above it a note reports other processes
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"

Measured = dict[str, Any]  # of one entrant: "peer", "variant", and a list of values by figure


def markdown(results: dict[str, Any], summary: bool = False) -> str:
    """Return the table under a description of the run, with notes below.

    With ``summary``, only the figures marked so, without ranges and notes.
    """
    peers = [name for name in PEERS if name in results["peers"]]
    lines = [_heading(results, summary), ""]
    lines.append(_row("", [PEERS[name].title for name in peers], "ocrdigit : best peer"))
    lines.append(_row("---", ["---:"] * len(peers), "---:"))
    for job in JOBS:
        if job.name in results["jobs"]:
            best = _best_variants(job, results["jobs"][job.name])
            figures = [figure for figure in job.figures if figure.summary or not summary]
            lines += [_figure_row(figure, best, peers, results, summary) for figure in figures]
    lines.append(_size_row(peers, results))
    return "\n".join(lines if summary else [*lines, "", *_notes(results)])


def update_document(path: Path, table: str) -> None:
    """Replace what is between the two marks of a document by a table.

    Raises
    ------
    ValueError
        The document does not have the two marks once, in this order.
    """
    text = path.read_text()
    pattern = re.compile(f"{BEGIN}.*?{END}", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError(f"{path} must have {BEGIN} and {END}, once")
    path.write_text(pattern.sub(lambda _: f"{BEGIN}\n{table}\n{END}", text))


def with_unit(kind: str, *values: float) -> str:
    """Return values in the unit of the first, the others in parentheses: "137 s (135-140)"."""
    scale, digits, unit = _unit(kind, values[0])
    first, *others = (f"{value * scale:,.{digits}f}" for value in values)
    spread = f" ({'-'.join(others)})" if others else ""
    return f"{first}{unit}{spread}"


def _unit(kind: str, value: float) -> tuple[float, int, str]:
    """Return the factor, the number of decimals, and the unit."""
    if kind == "rate":
        return 1, 0, ""
    if kind == "fraction":
        return 100, 2, " %"
    if kind == "bytes":
        return 1e-6, 0 if value >= 1e7 else 2, " MB"
    for factor, unit in ((1e6, "µs"), (1e3, "ms")):
        if value * factor < 1000:
            return factor, 0 if value * factor >= 100 else 1, f" {unit}"
    return 1, 0 if value >= 100 else 2, " s"


def _heading(results: dict[str, Any], summary: bool) -> str:
    machine, peers = results["machine"], results["peers"]
    versions = ", ".join(
        f"{PEERS[name].title} {found['version']}" for name, found in peers.items() if found
    )
    return (
        f"{results['date']}, {machine['cores']} cores of {machine['cpu']} "
        f"({', '.join(machine['features'])}), Python {machine['python']}. {versions}. "
        f"Medians{'' if summary else ' (smallest-largest)'} over processes, of accuracies the "
        "mean; the entrants take turns on the same cores."
    )


def _row(title: str, cells: list[str], last: str) -> str:
    return f"| {' | '.join([title, *cells, last])} |"


def _best_variants(job: Job, measured: list[Measured]) -> dict[str, Measured]:
    """Return the measurements of each peer's best variant; of any, if all have failed."""
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
    """Return the mean of accuracies, the median of other figures."""
    middle = statistics.mean if figure.kind == "fraction" else statistics.median
    return float(middle(measured[figure.name]))


def _figure_row(
    figure: Figure,
    best: dict[str, Measured],
    peers: list[str],
    results: dict[str, Any],
    summary: bool,
) -> str:
    cells = [
        _cell(figure, best.get(peer), summary) if results["peers"][peer] else "not installed"
        for peer in peers
    ]
    return _row(figure.title, cells, _comparison(figure, best))


def _cell(figure: Figure, measured: Measured | None, summary: bool = False) -> str:
    if measured is None:
        return ""
    if "error" in measured:
        return "failed"
    values = measured[figure.name]
    extremes = (min(values), max(values)) if len(values) > 1 and not summary else ()
    return with_unit(figure.kind, _middle(figure, measured), *extremes)


def _comparison(figure: Figure, best: dict[str, Measured]) -> str:
    """Return the ratio of ocrdigit to the best peer, above 1 if ocrdigit is better."""
    middles = {peer: _middle(figure, each) for peer, each in best.items() if "error" not in each}
    ours = middles.pop("ocrdigit", None)
    if not figure.compared or ours is None or not middles:
        return ""
    theirs = max(middles.values()) if figure.more_is_better else min(middles.values())
    if figure.kind == "fraction":
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
        dependencies = sum(size or 0 for size in found["dependencies"].values())
        return f"{with_unit('bytes', found['own_size'])} + {with_unit('bytes', dependencies)}"

    title = "Installed size, package + dependencies"
    return _row(title, [cell(results["peers"][peer]) for peer in peers], "")


def _notes(results: dict[str, Any]) -> Iterator[str]:
    """Report variants that the table does not show, failures, and load by other processes."""
    for job in JOBS:
        measured = results["jobs"].get(job.name, [])
        best = _best_variants(job, measured)
        for each in measured:
            title, peer = job.figures[0].title, PEERS[each["peer"]].title
            if "error" in each:
                yield f"- {title}: {Entrant(each['peer'], each['variant'])} failed: {each['error']}"
            elif each["variant"] and len([x for x in measured if x["peer"] == each["peer"]]) > 1:
                shown = (
                    "in the table" if each is best[each["peer"]] else _cell(job.figures[0], each)
                )
                yield f'- {title}: {peer}, variant "{each["variant"]}": {shown}'
    if results["others_share"] > MAX_OTHERS_SHARE:
        yield (
            f"- The machine was not idle: load average {results['load_at_start']:.2f} at the "
            f"start, and other processes took {results['others_share']:.0%} of all processor time."
        )
