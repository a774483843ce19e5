"""The notebooks run from top to bottom, and keep the outputs of such a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import ocrdigit

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("matplotlib")
pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))


def code_cells(name: str) -> list[object]:
    notebook = nbformat.read(FOLDER / name, 4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_outputs_are_kept(name: str) -> None:
    cells = code_cells(name)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert sum(bool(cell.outputs) for cell in cells) > len(cells) / 2
    for output in (output for cell in cells for output in cell.outputs):
        assert output.output_type != "error"
        assert "Traceback" not in str(output)
    assert (FOLDER / name).stat().st_size < 1_000_000


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_outputs_name_no_folders(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert "/home/" not in text
    assert "site-packages" not in text


def run(name: str, folder: Path) -> None:
    notebook = nbformat.read(FOLDER / name, 4)
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(notebook, timeout=600, resources=resources).execute()


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_runs_on_the_embedded_sample(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OCRDIGIT_DATA", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(ocrdigit.__file__).parents[1]), os.pathsep)
    run(name, tmp_path)


@pytest.mark.parametrize("name", [name for name in NOTEBOOKS if name[0] in "124"])
def test_runs_on_mnist(
    name: str, tmp_path: Path, mnist_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCRDIGIT_DATA", str(mnist_folder))
    monkeypatch.setenv("PYTHONPATH", str(Path(ocrdigit.__file__).parents[1]), os.pathsep)
    run(name, tmp_path)
