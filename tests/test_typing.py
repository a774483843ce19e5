"""What a type checker says of code that uses the package."""

from __future__ import annotations

from pathlib import Path

import pytest

import ocrdigit

PRELUDE = """
from pathlib import Path
import numpy as np
from numpy.typing import NDArray
import ocrdigit
array: NDArray[np.uint8] = np.zeros((28, 28), np.uint8)
"""

RIGHT = [
    'digit: int = ocrdigit.predict("seven.png")',
    'digit: int = ocrdigit.predict(Path("seven.png"), reject=0.5)',
    "digit: int = ocrdigit.predict([[0, 255], [255, 0]])",
    'digits: NDArray[np.int64] = ocrdigit.predict(["a.png", array, b"..."])',
    "either: int | NDArray[np.int64] = ocrdigit.predict(array)",
    "probabilities: NDArray[np.float32] = ocrdigit.predict_proba(array)",
    "text: str = ocrdigit.read(array).text",
    "score: float = ocrdigit.digit_score(b'...')",
    "image: NDArray[np.float32] = ocrdigit.preprocess(array)",
    "image, stages = ocrdigit.preprocess(array, steps=True); gray = stages['gray']",
]
WRONG = [
    'text: str = ocrdigit.predict("seven.png")',
    "text: str = ocrdigit.predict(array)",
    "text: str = ocrdigit.predict([array])",
    "ocrdigit.predict(42)",
    "ocrdigit.read(42)",
    "text: int = ocrdigit.read(array).text",
    "ocrdigit.predict_proba(3.5)",
    "ocrdigit.preprocess(None)",
    "ocrdigit.predict(array, reject='much')",
    "pixels: NDArray[np.float32] = ocrdigit.preprocess(array, steps=True)",
]


def errors_in(lines: list[str], folder: Path) -> dict[str, str]:
    """The errors of mypy by the line that they are in; all lines in one run."""
    api = pytest.importorskip("mypy.api")
    functions = [f"def f{i}() -> None:\n    {line}" for i, line in enumerate(lines)]
    path = folder / "user.py"
    path.write_text(PRELUDE + "\n\n".join(functions) + "\n")
    arguments = ["--strict", "--follow-imports=silent", "--no-error-summary", str(path)]
    report, problems, _ = api.run([*arguments, "--cache-dir", str(folder / "cache")])
    assert not problems
    texts = path.read_text().splitlines()
    errors = {}
    for message in report.splitlines():
        if ": error: " in message and "user.py:" in message:
            line = int(message.split("user.py:")[1].split(":")[0])
            errors[texts[line - 1].strip()] = message
    return errors


def test_overloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(ocrdigit.__file__).parents[1]
    if root.name != "site-packages":  # mypy searches those by itself
        monkeypatch.setenv("MYPYPATH", str(root))
    errors = errors_in([*RIGHT, *WRONG], tmp_path)
    assert not {line: errors[line] for line in RIGHT if line in errors}
    assert [line for line in WRONG if line not in errors] == []
