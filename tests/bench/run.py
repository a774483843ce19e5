"""Measure ocrdigit against Keras, PyTorch, ONNX Runtime and LiteRT; see README.md here."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import machine
import report
from jobs import JOBS, PEERS, Entrant, Job

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
TIMEOUT = 3600
SIZES = {"images": 60_000, "seconds": 1.0}
QUICK_SIZES = {"images": 1_280, "seconds": 0.1}


class MeasurementError(Exception):
    """A worker failed, or its probabilities differ from those of the others."""


def main() -> None:
    options = parse_arguments()
    if options.report:
        results = json.loads(options.report.read_text())
    else:
        results = Run(options).measure_all()
    print(report.markdown(results))
    if options.update_docs:
        guide = REPOSITORY / ".github" / "docs" / "performance.md"
        report.update_document(guide, report.markdown(results))
        report.update_document(REPOSITORY / "README.md", report.markdown(results, summary=True))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/bench/run.py", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a smoke test; the figures mean little"
    )
    parser.add_argument(
        "--full", action="store_true", help="also whole training runs, with accuracy"
    )
    parser.add_argument(
        "--seeds", type=int, default=3, help="whole training runs of each entrant (3)"
    )
    parser.add_argument(
        "--repeats", type=int, help="processes a measurement (training: 3, others: 7)"
    )
    parser.add_argument("--jobs", help=f"only these, of {', '.join(job.name for job in JOBS)}")
    parser.add_argument("--peers", help=f"only these, of {', '.join(PEERS)}")
    parser.add_argument(
        "--python", default=sys.executable, help="interpreter that has the packages (this one)"
    )
    parser.add_argument(
        "--data", type=Path, default=default_data(), help="folder with MNIST's IDX files"
    )
    parser.add_argument("--out", type=Path, help="write the results here, as JSON")
    parser.add_argument("--report", type=Path, metavar="JSON", help="report an earlier run")
    parser.add_argument(
        "--update-docs", action="store_true", help="update README.md and the performance guide"
    )
    options = parser.parse_args()
    options.jobs = names(parser, "--jobs", options.jobs, [job.name for job in JOBS])
    options.peers = names(parser, "--peers", options.peers, list(PEERS))
    if not options.report and not list(options.data.glob("t10k-images-idx3-ubyte*")):
        parser.error(f"no MNIST in {options.data}: set OCRDIGIT_DATA or --data")
    whole = len(options.jobs) == len(JOBS) and len(options.peers) == len(PEERS)
    if options.update_docs and (options.quick or not whole):
        parser.error("--update-docs takes a whole run: without --quick, --jobs and --peers")
    return options


def default_data() -> Path:
    folder = Path(os.environ.get("OCRDIGIT_DATA") or REPOSITORY.parent / "shared" / "data")
    return folder / "mnist" if (folder / "mnist").is_dir() else folder


def names(
    parser: argparse.ArgumentParser, option: str, value: str | None, known: list[str]
) -> list[str]:
    chosen = value.split(",") if value else known
    for name in chosen:
        if name not in known:
            parser.error(f"{option}: expected one of {', '.join(known)}, got {name!r}")
    return chosen


class Run:
    """One run: finds the installed peers, exports the network in all formats, runs the jobs."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.cpus = machine.available_cpus()
        self.probabilities: dict[str, tuple[str, list[list[float]]]] = {}
        self.results: dict[str, Any] = {
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "machine": machine.describe(),
            "peers": {},
            "jobs": {},
            "others_share": 0.0,
        }

    def measure_all(self) -> dict[str, Any]:
        disturbance = machine.Disturbance()
        self.results["load_at_start"] = disturbance.load_at_start
        if disturbance.load_at_start > machine.IDLE_LOAD:
            log(f"warning: the machine is not idle, load average {disturbance.load_at_start:.2f}")
        with tempfile.TemporaryDirectory() as self.folder:
            self.find_peers()
            self.export_network()
            for job in self.chosen_jobs():
                self.run_job(job)
                self.results["others_share"] = disturbance.share()
                self.write()
        return self.results

    def find_peers(self) -> None:
        for name in self.options.peers:
            found = self.run_script("installed.py", *PEERS[name].distributions)
            self.results["peers"][name] = found
            log(f"{PEERS[name].title}: {found.get('version', 'not installed')}")

    def export_network(self) -> None:
        """Write the network in all formats; workers that find no file will fail."""
        present = [PEERS[name] for name, found in self.results["peers"].items() if found]
        for exporter in dict.fromkeys(peer.exporter for peer in present):
            try:
                self.run_worker(PEERS[exporter].worker, {"task": "export", "threads": 2})
            except MeasurementError as error:
                log(f"{PEERS[exporter].title} did not export the network: {error}")

    def chosen_jobs(self) -> Iterator[Job]:
        for job in JOBS:
            due = {"always": True, "normal": not self.options.quick, "full": self.options.full}
            if job.name in self.options.jobs and due[job.when]:
                yield job

    def run_job(self, job: Job) -> None:
        """Measure all entrants in turn, repeatedly; drop an entrant once it has failed."""
        entrants = [each for each in job.entrants if self.results["peers"].get(each.peer)]
        if self.options.quick:
            entrants = [each for each in entrants if each == first_variant(job, each.peer)]
        values: dict[Entrant, dict[str, Any]] = {each: {} for each in entrants}
        for repeat in range(self.repeats(job)):
            for entrant in entrants:
                if "error" in values[entrant]:
                    continue
                try:
                    figures = self.measure(job, entrant, repeat)
                except MeasurementError as error:
                    values[entrant]["error"] = str(error)
                    log(f"{job.name}, {entrant}: failed: {error}")
                    continue
                for figure in job.figures:
                    values[entrant].setdefault(figure.name, []).append(figures[figure.name])
                shown = (
                    report.with_unit(figure.kind, figures[figure.name]) for figure in job.figures
                )
                log(f"{job.name} {repeat + 1}, {entrant}: {', '.join(shown)}")
        self.results["jobs"][job.name] = [
            {"peer": entrant.peer, "variant": entrant.variant, **measured}
            for entrant, measured in values.items()
        ]

    def repeats(self, job: Job) -> int:
        if self.options.quick:
            return 1
        return self.options.seeds if job.when == "full" else self.options.repeats or job.repeats

    def measure(self, job: Job, entrant: Entrant, repeat: int) -> dict[str, Any]:
        """Run a job once, in a process of its own on the job's number of processors."""
        peer = PEERS[entrant.peer]
        machine.pin(self.cpus[-job.threads :])
        try:
            if job.task == "import":
                return self.run_script("import_time.py", peer.module)
            sizes = dict(QUICK_SIZES if self.options.quick else SIZES)
            sizes["images"] -= sizes["images"] % job.options.get("batch", 1)
            request = {"task": job.task, "variant": entrant.variant, "threads": job.threads}
            request |= {"seed": repeat} | sizes | dict(job.options)
            figures = self.run_worker(peer.worker, request)
        finally:
            machine.pin(self.cpus)
        if "probabilities" in figures:
            self.check_probabilities(job, entrant, figures["probabilities"])
        return figures

    def check_probabilities(
        self, job: Job, entrant: Entrant, probabilities: list[list[float]]
    ) -> None:
        """Compare probabilities with those of the job's first entrant."""
        first, expected = self.probabilities.setdefault(job.name, (str(entrant), probabilities))
        pairs = zip(chain(*expected), chain(*probabilities), strict=True)
        difference = max(abs(a - b) for a, b in pairs)
        if not difference <= job.tolerance:
            raise MeasurementError(
                f"probabilities differ by {difference:.2g} from those of {first}"
            )

    def run_worker(self, worker: str, request: dict[str, Any]) -> dict[str, Any]:
        request |= {"folder": self.folder, "data": str(self.options.data)}
        return self.run_script(worker, json.dumps(request | {"started": time.monotonic()}))

    def run_script(self, script: str, *arguments: str) -> dict[str, Any]:
        command = [self.options.python, str(HERE / "workers" / script), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
        except subprocess.TimeoutExpired as error:
            raise MeasurementError(f"no result within {TIMEOUT} s") from error
        if done.returncode != 0:
            raise MeasurementError((done.stderr.strip().splitlines() or ["no message"])[-1])
        result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return result

    def write(self) -> None:
        if self.options.out:
            self.options.out.write_text(json.dumps(self.results, indent=1) + "\n")


def first_variant(job: Job, peer: str) -> Entrant:
    return next(entrant for entrant in job.entrants if entrant.peer == peer)


def log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
