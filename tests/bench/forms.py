"""Alignment and reading of forms: how many fields are placed, and read, on made-up pages.

    python tests/bench/forms.py --pages 240
    python tests/bench/forms.py --pages 60 --peer orb    # OpenCV's ORB and RANSAC, for comparison

Pages are of forms with corner marks, with ruling lines only and with print only; scans are skewed
by up to 3 degrees, shifted by up to 5 % and scaled by up to 3 %, photos have perspective and
shadows; see form_pages.py. A field is placed if none of its corners is more than 3 pixels from its
place, in pixels of the form at 150 dpi. All runs on one thread; times are of the processor.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np
from form_pages import CAPTURES, KINDS, MadeUpField, MadeUpForm, MadeUpPage, make_form, make_page
from numpy.typing import NDArray

import ocrdigit
from ocrdigit import image
from ocrdigit.forms import Form, FormField, FormReading

Floats = NDArray[np.float64]

MAX_ERROR = 3.0  # pixels of the form


def field_of(field: MadeUpField) -> FormField:
    """Return a made-up field as a template has it."""
    rows = field.rows if field.kind == "table" else None
    columns = None if field.kind == "field" else field.columns
    return FormField(field.name, field.box, field.kind, rows=rows, columns=columns)


def template_of(form: MadeUpForm, source: str) -> Form:
    """Return the template of a made-up form.

    ``source`` is "empty", the picture of the empty form; "filled", the same for alignment only; or
    "outlines", no picture.
    """
    fields = map(field_of, form.fields)
    height, width = form.picture.shape
    if source == "outlines":
        return Form(fields, size=(width, height))
    return Form(fields, picture=form.picture, empty=source == "empty")


def placement_errors(page: MadeUpPage, matrix: Floats) -> Floats:
    """Return for each field the largest distance of a corner from its place in the form."""
    back = np.linalg.inv(page.matrix) @ matrix
    errors = []
    for field in page.form.fields:
        x, y, w, h = field.box
        corners = np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)], float)
        mapped = np.column_stack([corners, np.ones(4)]) @ back.T
        moved = mapped[:, :2] / mapped[:, 2:] - corners
        errors.append(float(np.hypot(*moved.T).max()))
    return np.array(errors)


class Score:
    """Counts over pages: fields placed and cells read, times."""

    def __init__(self) -> None:
        self.pages = self.refused = 0
        self.errors: list[float] = []
        self.seconds: list[float] = []
        self.found: list[float] = []
        self.right: dict[str, list[bool]] = defaultdict(list)

    def add_reading(self, page: MadeUpPage, reading: FormReading) -> None:
        """Compare a reading with what is written on a page."""
        for field in page.form.fields:
            texts, found = page.texts[field.name], reading[field.name]
            if field.kind == "table":
                lists = found.table.to_lists() if found.table else []
                for i, row in enumerate(texts):
                    for j, text in enumerate(row):
                        self._count(field.kind, text, lists[i][j] if lists else None)
            else:
                self._count(field.kind, "".join(texts[0]), found.text)

    def _count(self, kind: str, text: str, found: str | None) -> None:
        self.right[kind if text else f"empty {kind}"].append(text == found)

    def lines(self) -> list[str]:
        """Return what was counted."""
        placed = np.array(self.errors) <= MAX_ERROR
        lines = [
            f"  {self.pages} pages, {self.refused} refused; {placed.mean():.2%} of {len(placed)} "
            f"fields within {MAX_ERROR:g} pixels, median error {np.median(self.errors):.2f}",
            f"  {np.median(self.seconds):.2f} s a page, 95th percentile "
            f"{np.percentile(self.seconds, 95):.2f} s; print found "
            f"{np.min(self.found, initial=1):.2f} to {np.max(self.found, initial=0):.2f}",
        ]
        for kind, right in sorted(self.right.items()):
            lines.append(f"  {kind}: {np.mean(right):.1%} of {len(right)} right")
        return lines


def read_page(form: Form, page: MadeUpPage, score: Score) -> Floats | None:
    """Read a page; return where the form was found, or None if it was refused."""
    try:
        reading = form.read(page.image)
    except ValueError:
        return None
    score.add_reading(page, reading)
    score.found.append(reading.alignment.found)
    return reading.alignment.matrix


def align_by_orb(form: Form, page: MadeUpPage, score: Score) -> Floats | None:
    """Return where OpenCV's ORB features and RANSAC find a form, or None if they do not."""
    import cv2

    gray = image.to_gray(page.image)
    detector = cv2.ORB_create(5000)
    assert form.picture is not None
    (keys, descriptors), (others, more) = (
        detector.detectAndCompute(picture, None) for picture in (form.picture, gray)
    )
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(descriptors, more)
    if len(matches) < 4:
        return None
    source = np.array([keys[match.queryIdx].pt for match in matches], np.float32)
    target = np.array([others[match.trainIdx].pt for match in matches], np.float32)
    matrix, inliers = cv2.findHomography(source, target, cv2.RANSAC, 4.0)
    if matrix is None:
        return None
    score.found.append(float(inliers.mean()))
    return np.asarray(matrix, float)


def measure(
    kind: str,
    capture: str,
    options: argparse.Namespace,
    find: Callable[[Form, MadeUpPage, Score], Floats | None],
) -> Score:
    """Return the score for a kind of form and of picture."""
    score = Score()
    per_set = options.pages // (len(KINDS) * len(CAPTURES))
    for design in range(options.designs):
        made_up = make_form(kind, options.seed + design)
        form = template_of(made_up, options.template)
        for index in range(design, per_set, options.designs):
            page = make_page(made_up, capture, index, curl=options.curl)
            start = time.process_time()
            matrix = find(form, page, score)
            score.seconds.append(time.process_time() - start)
            score.pages += 1
            if matrix is None:
                score.refused += 1
                score.errors += [np.inf] * len(made_up.fields)
            else:
                score.errors += placement_errors(page, matrix).tolist()
            if options.verbose and (matrix is None or max(score.errors[-1:]) > MAX_ERROR):
                print(f"  {kind} {made_up.seed} {capture} {index}: {score.errors[-1]:.1f} pixels")
    return score


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=240, help="pages of all sets together")
    parser.add_argument("--designs", type=int, default=10, help="designs of each kind of form")
    parser.add_argument("--seed", type=int, default=1000, help="of the first design")
    parser.add_argument("--curl", type=float, default=0.0, help="bend of the sheet in photos")
    parser.add_argument("--template", choices=("empty", "filled", "outlines"), default="empty")
    parser.add_argument("--peer", choices=("orb",), help="align by OpenCV instead")
    parser.add_argument("--verbose", action="store_true", help="list pages that are not aligned")
    options = parser.parse_args(arguments)
    ocrdigit.set_num_threads(1)
    errors: list[float] = []
    for kind in KINDS:
        for capture in CAPTURES:
            score = measure(kind, capture, options, align_by_orb if options.peer else read_page)
            errors += score.errors
            print(f"{kind}, {capture}", *score.lines(), sep="\n", flush=True)
    placed = np.array(errors) <= MAX_ERROR
    print(f"all: {placed.mean():.2%} of {len(placed)} fields placed within {MAX_ERROR:g} pixels")


if __name__ == "__main__":
    main(sys.argv[1:])
