"""The shipped models: answers, confidence, the digit score, files, and their training."""

from __future__ import annotations

import copy
import itertools
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import small_model
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

import ocrdigit
from ocrdigit import DigitClassifier, _checkpoint, _core, architectures, models, synth
from ocrdigit.datasets import Dataset
from ocrdigit.evaluation.metrics import auroc
from ocrdigit.models import files
from ocrdigit.models._classes import digits_only
from ocrdigit.training import (
    _augmentation,
    _checkpoints,
    _data,
    _distillation,
    _ensemble,
    _examples,
    _supervised,
    classifier,
    line_images,
    styles,
)

WITH_DIGIT_SCORE = [name for name in models.NAMES if name != "seed"]


@pytest.fixture(scope="module")
def non_digits() -> NDArray[np.uint8]:
    return synth.non_digits(400, kinds=["letters", "scribbles", "textures"], random_state=1)


@pytest.mark.parametrize("name", models.NAMES)
def test_accuracy_and_architecture(name: str, sample: Dataset) -> None:
    model = ocrdigit.load(name)
    assert model.warm_start
    assert model.score(sample.X_test, sample.y_test) > 0.98
    assert model.architecture == name
    assert digits_only(model.network_).layers == _core.Network(architectures.resolve(name)).layers
    assert model.network_.classes == (10 if name == "seed" else 11)
    assert models.path_of(name) != models.path_of("default") or name == "default"


def test_predict_uses_default(sample: Dataset) -> None:
    probabilities = ocrdigit.load("default").predict_proba(sample.X_test)
    assert np.array_equal(ocrdigit.predict_proba(sample.X_test), probabilities)


def test_numbers_of_parameters() -> None:
    def parameters(name: str) -> int:
        return sum(tensor.size for tensor in load_file(models.path_of(name)).values())

    assert parameters("tiny") <= 10_000
    assert parameters("tiny") < parameters("default") < parameters("large")
    assert Path(models.path_of("default")).stat().st_size <= 1_000_000


def test_names_take_precedence_over_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny").write_bytes(b"")
    assert ocrdigit.load("tiny").architecture == "tiny"
    with pytest.raises(ValueError, match="not a safetensors file"):
        ocrdigit.load(Path("tiny"))
    with pytest.raises(FileNotFoundError):
        ocrdigit.load("huge")


@pytest.mark.parametrize("name", WITH_DIGIT_SCORE)
def test_digit_score_separates_non_digits(
    name: str, sample: Dataset, non_digits: NDArray[np.uint8]
) -> None:
    model = ocrdigit.load(name)
    digits, others = model.digit_score(sample.X_test), model.digit_score(non_digits)
    assert digits.dtype == np.float64
    for scores in (digits, others):
        assert scores.min() >= 0
        assert scores.max() <= 1
    assert auroc(digits, others) > 0.99
    blank = model.digit_score(np.zeros((28, 28), np.uint8))
    assert isinstance(blank, float)
    assert blank < np.quantile(digits, 0.01)
    assert np.array_equal(
        ocrdigit.digit_score(sample.X_test[0]),
        ocrdigit.load("default").digit_score(sample.X_test[0]),
    )


@pytest.mark.parametrize("name", models.NAMES)
def test_reject(name: str, sample: Dataset, non_digits: NDArray[np.uint8]) -> None:
    model = ocrdigit.load(name)
    X = np.concatenate([sample.X_test, non_digits])
    answers, confidence = model.predict(X), model.confidence(X)
    assert confidence.min() >= 0
    assert confidence.max() <= 1
    for threshold in (0.0, 0.5, 0.99):
        predicted = model.predict(X, reject=threshold)
        assert np.array_equal(predicted, np.where(confidence < threshold, -1, answers))
    rejected = model.predict(X, reject=0.5) == -1
    assert rejected[: len(sample.X_test)].mean() < 0.05
    if name != "seed":
        assert rejected[len(sample.X_test) :].mean() > 0.7


def test_reject_for_one_image(sample: Dataset) -> None:
    one, blank = sample.X_test[3], np.zeros((28, 28), np.uint8)
    model = ocrdigit.load("default")
    for predict in (model.predict, ocrdigit.predict):
        assert predict(one, reject=0.5) == 3
        assert predict(blank, reject=0.999) == -1
        assert type(predict(one, reject=0.5)) is int
        assert type(predict(blank, reject=0.999)) is int
    assert isinstance(model.confidence(one), float)


def test_rejected_text_labels_are_text(sample: Dataset) -> None:
    model = small_model(epochs=1).fit(sample.X_train[:200], sample.y_train[:200].astype(str))
    confidence = model.confidence(sample.X_test)
    predicted = model.predict(sample.X_test, reject=float(np.median(confidence)))
    assert set(predicted) <= {str(digit) for digit in range(10)} | {"-1"}
    assert np.array_equal(predicted == "-1", confidence < np.median(confidence))
    assert model.predict(sample.X_test[0], reject=1.0) == "-1"


@pytest.mark.parametrize(
    ("threshold", "error"),
    [(1.1, ValueError), (-0.1, ValueError), (np.nan, ValueError), ("0", TypeError)],
)
def test_bad_reject(threshold: object, error: type[Exception], sample: Dataset) -> None:
    with pytest.raises(error, match="reject"):
        ocrdigit.predict(sample.X_test, reject=threshold)  # type: ignore[arg-type]


def test_model_without_a_digit_score(fitted: DigitClassifier, sample: Dataset) -> None:
    with pytest.raises(RuntimeError, match="trained on digits only"):
        fitted.digit_score(sample.X_test)
    best = fitted.predict_proba(sample.X_test).max(axis=1)
    assert np.allclose(fitted.confidence(sample.X_test), best)


def test_training_removes_the_digit_score(sample: Dataset) -> None:
    model = ocrdigit.load("tiny").set_params(epochs=1, verbose=0, augment=False)
    model.fit(sample.X_train[:100], sample.y_train[:100])
    with pytest.raises(RuntimeError, match="trained on digits only"):
        model.digit_score(sample.X_test)


def test_copies_keep_the_digit_score(sample: Dataset, tmp_path: Path) -> None:
    model = ocrdigit.load("tiny")
    scores = model.digit_score(sample.X_test)
    model.save(tmp_path / "again.safetensors")
    for again in (
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        ocrdigit.load(tmp_path / "again.safetensors"),
    ):
        assert np.array_equal(again.digit_score(sample.X_test), scores)
    for model in (pickle.loads(pickle.dumps(ocrdigit.load("seed"))), ocrdigit.load("seed")):
        with pytest.raises(RuntimeError, match="without a non-digit class or digit score"):
            model.digit_score(sample.X_test)


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
@pytest.mark.parametrize("name", models.NAMES)
def test_low_precision(name: str, precision: str, sample: Dataset) -> None:
    reference, low = ocrdigit.load(name), ocrdigit.load(name, precision=precision)
    assert np.mean(reference.predict(sample.X_test) == low.predict(sample.X_test)) > 0.995


class TestFiles:
    def edited(
        self,
        tmp_path: Path,
        metadata: dict[str, str] | None = None,
        tensors: dict[str, NDArray[np.float32]] | None = None,
    ) -> Path:
        """Return the file of "tiny" with some metadata or tensors replaced."""
        from safetensors import safe_open

        with safe_open(models.path_of("tiny"), "numpy") as file:
            original = file.metadata()
        all_tensors = load_file(models.path_of("tiny")) | (tensors or {})
        save_file(all_tensors, tmp_path / "m.safetensors", original | (metadata or {}))
        return tmp_path / "m.safetensors"

    def test_half_precision_files(self, tmp_path: Path, sample: Dataset) -> None:
        model = ocrdigit.load("seed")
        files.write_stored(tmp_path / "h.safetensors", files.Stored(model.network_), half=True)
        assert all(t.dtype == np.float16 for t in load_file(tmp_path / "h.safetensors").values())
        again = ocrdigit.load(tmp_path / "h.safetensors")
        for name, tensor in model.network_.weights().items():
            assert np.array_equal(again.network_.weights()[name], tensor.astype(np.float16))
        assert np.mean(again.predict(sample.X_test) == model.predict(sample.X_test)) > 0.999

    @pytest.mark.parametrize(
        ("metadata", "message"),
        [
            ({"classes": "[0, 1, 2]"}, r"a model of classes \[0, 1, 2\]"),
            ({"classes": str(list(range(10)))}, "11 classes, its metadata name 10"),
            ({"temperature": "0.0"}, "temperature is 0.0, expected a number in 0.001..1000"),
            ({"temperature": '"hot"'}, "temperature is 'hot'"),
            ({"temperature": "NaN"}, "temperature is nan"),
            ({"temperature": "{"}, "no readable 'temperature'"),
            ({"tta": "1"}, "tta is 1, expected true or false"),
        ],
    )
    def test_wrong_metadata(self, metadata: dict[str, str], message: str, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=message):
            ocrdigit.load(self.edited(tmp_path, metadata))

    def test_wrong_tensors(self, tmp_path: Path) -> None:
        kernel = np.zeros((216, 10), np.float32)
        with pytest.raises(ValueError, match=r"dense_1\.kernel"):
            ocrdigit.load(self.edited(tmp_path, tensors={"dense_1.kernel": kernel}))
        bias = np.full(11, np.nan, np.float32)
        with pytest.raises(ValueError, match="finite"):
            ocrdigit.load(self.edited(tmp_path, tensors={"dense_1.bias": bias}))

    def test_metadata(self) -> None:
        from safetensors import safe_open

        for name in WITH_DIGIT_SCORE:
            with safe_open(models.path_of(name), "numpy") as file:
                metadata = file.metadata()
            assert metadata["temperature"] == "1.0"
            assert "folded into the weights" in metadata["calibration"]
            assert "ocrdigit.training.classifier" in metadata["training"]


class TestClassifier:
    """Compare _core.Classifier with its definition."""

    LAYERS = (
        {"type": "conv2d", "filters": 3, "strides": 2, "activation": "relu"},
        {"type": "global_average_pool2d"},
        {"type": "dense", "units": 11},
    )

    @pytest.fixture
    def network(self, sample: Dataset) -> _core.Network:
        network = _core.Network(self.LAYERS, seed=3)
        network.calibrate(sample.X_test, 1 / 255)
        return network

    @pytest.mark.parametrize("temperature", [1.0, 0.4, 2.5])
    def test_definition(self, network: _core.Network, temperature: float, sample: Dataset) -> None:
        X = np.concatenate([sample.X_test[:100], np.full((1, 28, 28), 200, np.uint8)])
        classifier = _core.Classifier(network, temperature=temperature)
        scores = network.scores(X, 1 / 255).astype(float) / temperature
        expected = np.exp(scores[:, :10] - np.logaddexp.reduce(scores[:, :10], axis=1)[:, None])
        np.testing.assert_allclose(classifier.predict_proba(X, 1 / 255), expected, rtol=1e-4)
        is_digit = 1 - np.exp(scores[:, 10] - np.logaddexp.reduce(scores, axis=1))
        is_digit[-1] = 0  # a constant image
        np.testing.assert_allclose(classifier.digit_score(X, 1 / 255), is_digit, atol=1e-6)
        assert classifier.digit_score(X, 1 / 255)[-1] == 0
        confidence = expected.max(axis=1) * is_digit
        np.testing.assert_allclose(classifier.confidence(X, 1 / 255), confidence, atol=1e-5)
        digits = classifier.predict(X, 1 / 255)
        assert digits.tolist() == expected.argmax(axis=1).tolist()
        threshold = float(np.median(confidence))
        rejected = np.where(classifier.confidence(X, 1 / 255) < threshold, -1, digits)
        assert classifier.predict(X, 1 / 255, threshold).tolist() == rejected.tolist()
        assert 0 < (rejected == -1).sum() < len(X)

    def test_ten_classes_have_a_digit_score_of_1(self, sample: Dataset) -> None:
        layers = [*self.LAYERS[:2], {"type": "dense", "units": 10}]
        classifier = _core.Classifier(_core.Network(layers))
        assert classifier.digit_score(sample.X_test[:3], 1 / 255).tolist() == [1, 1, 1]

    def test_new_weights_take_effect(self, network: _core.Network, sample: Dataset) -> None:
        classifier = _core.Classifier(network)
        before = classifier.predict_proba(sample.X_test, 1 / 255)
        network.initialize(8)
        after = classifier.predict_proba(sample.X_test, 1 / 255)
        assert not np.array_equal(before, after)
        assert np.array_equal(
            after, _core.Classifier(network).predict_proba(sample.X_test, 1 / 255)
        )
        assert classifier.network is network

    def test_wrong_arguments(self, network: _core.Network) -> None:
        other = _core.Network([{"type": "flatten"}, {"type": "dense", "units": 3}])
        with pytest.raises(ValueError, match=r"network: got .* expected one from"):
            _core.Classifier(other)
        with pytest.raises(TypeError, match="network: got 3, expected a Network"):
            _core.Classifier(3)  # type: ignore[arg-type]
        for wrong in (0.0, -1.0, 1e-6, 1e6, float("nan"), float("inf")):
            with pytest.raises(ValueError, match="temperature"):
                _core.Classifier(network, temperature=wrong)
        for wrong in (-0.1, 1.1, float("nan")):
            with pytest.raises(ValueError, match="tta_threshold"):
                _core.Classifier(network, tta_threshold=wrong)
        with pytest.raises(ValueError, match="reject"):
            _core.Classifier(network).predict(np.zeros((1, 784), np.uint8), 1.0, 1.5)

    def test_digits_only(self, network: _core.Network, sample: Dataset) -> None:
        digits = digits_only(network, 2.0)
        assert digits.classes == 10
        assert digits.ranges == network.ranges
        expected = _core.Classifier(network, temperature=2.0).predict_proba(sample.X_test, 1 / 255)
        np.testing.assert_allclose(
            digits.predict_proba(sample.X_test, 1 / 255), expected, rtol=1e-5
        )
        again = digits_only(digits)
        assert again is not digits
        for name, tensor in digits.weights().items():
            assert np.array_equal(again.weights()[name], tensor)


class TestTraining:
    """Training of the models, at small scale."""

    @pytest.fixture
    def data(self, sample: Dataset) -> _data.Data:
        digits = _examples.Examples(sample.X_train[:300], sample.y_train[:300].astype(np.uint8))
        non_digits = synth.non_digits(40, random_state=0)
        return _data.Data(digits, digits, non_digits, digits, digits)

    def test_mixture(self, data: _data.Data) -> None:
        images, labels = data.epoch(_data.Mixture(3, 20, 10))
        assert len(images) == len(labels) == 3 * 300 + 20 + 10 + 300
        assert (labels == 10).sum() == 10

    def test_cleaning_removes_improbable_examples(self, data: _data.Data) -> None:
        network = _core.Network(TestClassifier.LAYERS)
        weights = network.weights()
        weights["dense_1.bias"][[3, 10]] = (
            50  # only the digit 3 and the non-digit class are probable
        )
        network.set_weights(weights)
        cleaned = data.cleaned(network)
        assert set(cleaned.crops.labels) == {3}
        assert len(cleaned.non_digits) == len(data.non_digits)
        assert len(cleaned.mnist.labels) == 300

    def test_temperature(self, data: _data.Data) -> None:
        network = _core.Network(TestClassifier.LAYERS, seed=1)
        best = classifier.fit_temperature(network, data.validation)
        scores = network.scores(data.validation.images, 1 / 255)[:, :10].astype(float)

        def loss(temperature: float) -> float:
            logs = scores / temperature
            logs = logs - np.logaddexp.reduce(logs, axis=1)[:, None]
            return float(-logs[np.arange(300), data.validation.labels].mean())

        assert loss(best) <= min(loss(best * 1.05), loss(best / 1.05))

    def test_training_is_deterministic(
        self, data: _data.Data, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Also if it is stopped in a training of each kind, and resumes."""
        self.set_stages(monkeypatch)
        folder, steps = tmp_path / "0", []
        folder.mkdir()
        self.make(classifier.NAMES, folder, data, steps.append)
        assert steps == [
            "teacher ensemble",
            "distillation stages",
            *_distillation.STUDENTS,
            "last distillation stage",
            "tiny",
        ]
        assert self.make_with_stops(tmp_path, data, monkeypatch) == 4
        for name in classifier.NAMES:
            path = folder / f"{name}.safetensors"
            assert (tmp_path / path.name).read_bytes() == path.read_bytes()
        steps.clear()
        self.make(("tiny",), tmp_path, data, steps.append)
        assert steps == ["teacher ensemble", "tiny"]  # "tiny" is not distilled
        path = folder / "tiny.safetensors"
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()
        large = ocrdigit.load(tmp_path / "0" / "large.safetensors")
        assert large.architecture == "large"
        assert large.network_.ranges  # for int8
        assert large.tta
        model = ocrdigit.load(path)
        assert model.network_.classes == 11
        assert np.isfinite(model.digit_score(data.validation.images)).all()

    @staticmethod
    def make(names: Any, folder: Path, data: Any, log: Any, trainings: Any = None) -> None:
        trainings = trainings or _checkpoints.Trainings()
        classifier.make(names, str(folder), data, 4, log, trainings)

    def make_with_stops(
        self, folder: Path, data: _data.Data, monkeypatch: pytest.MonkeyPatch
    ) -> int:
        """Make all models, stopped in a training of each kind; return the number of stops."""
        path = folder / "checkpoints"
        to_stop = {"large-401-phase-1", "domain-405", "student-large-stage-1"}
        to_stop |= {"student-default-last-stage-1"}
        run = _checkpoint.run

        class StopError(Exception):
            pass

        def stop_once(*arguments: Any, **options: Any) -> None:
            def stop(progress: Any) -> None:
                if progress["step"] == 2:
                    raise StopError

            name = Path(arguments[3]).stem
            if name in to_stop:
                to_stop.remove(name)
                options["on_step"] = stop
            run(*arguments, **options)

        with monkeypatch.context() as patched:
            patched.setattr(_checkpoint, "run", stop_once)
            stops, done = 0, False
            while not done:
                trainings = _checkpoints.Trainings(str(path), 1)
                try:
                    self.make(classifier.NAMES, folder, data, lambda step: None, trainings)
                    done = True
                except StopError:
                    stops += 1
        trainings.delete()
        assert not path.exists()
        return stops

    def test_checkpoints_of_another_seed(
        self, data: _data.Data, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        self.set_stages(monkeypatch)
        trainings = _checkpoints.Trainings(str(tmp_path / "c"))
        network = _supervised.train_supervised("tiny", data, 4, trainings)
        path = tmp_path / "c" / "tiny-4-phase-0.checkpoint"
        path.rename(path.with_name("tiny-5-phase-0.checkpoint"))
        with pytest.raises(ValueError, match=r"tiny-5-.*settings\.seed is 4 in the checkp"):
            _supervised.train_supervised("tiny", data, 5, _checkpoints.Trainings(str(path.parent)))
        with pytest.raises(ValueError, match="name: got 'tiny-4-phase-0' again"):
            trainings.run("tiny-4-phase-0", network, {}, ())

    @staticmethod
    def set_stages(monkeypatch: pytest.MonkeyPatch) -> None:
        """Set small phases, two small equal distillation stages, and a small last stage."""
        rates = dict.fromkeys(_distillation.STUDENTS, 1e-3)
        mixture = _data.Mixture(1, 30, 20)
        first = _supervised.Phase(1, 1e-3, mixture, _augmentation.STRONG)
        later = first._replace(augment=_augmentation.moderate(0.5))
        phases = {"large": (first, later), "default": (later,), "tiny": (later,)}
        monkeypatch.setattr(_supervised, "PHASES", phases)
        monkeypatch.setattr(_ensemble, "_DOMAIN_EPOCHS", 1)
        stage = _distillation.Stage(2, mixture, _augmentation.moderate(0.5), rates)
        monkeypatch.setattr(_distillation, "STAGES", (stage, stage))
        monkeypatch.setattr(_distillation, "LAST_STAGE", stage._replace(augment_mnist=()))
        monkeypatch.setattr(_distillation, "_AUGMENT_BATCH", 100)

    @staticmethod
    def ensemble() -> _ensemble.TeacherEnsemble:
        general, other = (_core.Network(TestClassifier.LAYERS, seed=seed) for seed in (1, 2))
        return _ensemble.TeacherEnsemble([general], [digits_only(other)])

    def test_targets_combine_the_ensemble_and_the_labels(
        self, data: _data.Data, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.set_stages(monkeypatch)
        ensemble, stage = self.ensemble(), _distillation.STAGES[0]
        images, labels, targets = _distillation.make_distillation_set(stage, ensemble, data, (7, 0))
        examples = data.epoch(stage.mixture)
        count = len(examples.labels)
        assert len(images) == len(labels) == len(targets) == 2 * count
        assert np.array_equal(labels, np.tile(examples.labels, 2))
        expected = ensemble.general[0].predict_proba(images, 1 / 255)
        from_mnist = np.arange(2 * count) % count < len(data.mnist.labels)
        expected[from_mnist, :10] += ensemble.domain[0].predict_proba(images[from_mnist], 1 / 255)
        expected[from_mnist] /= 2
        expected *= 0.8
        expected[np.arange(2 * count), labels] += 0.2
        expected[labels == 10] = np.eye(11)[10]
        assert np.allclose(targets, expected, atol=1e-5)

    def test_stages_and_versions_are_augmented_anew(
        self, data: _data.Data, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.set_stages(monkeypatch)
        ensemble = self.ensemble()
        sets = [
            _distillation.make_distillation_set(stage, ensemble, data, (7, number)).images
            for number, stage in enumerate(_distillation.STAGES)
        ]
        versions = np.concatenate(sets).reshape(4, -1, 28 * 28)
        for a, b in itertools.combinations(range(4), 2):
            assert (versions[a] == versions[b]).all(axis=1).mean() < 0.05

    def test_the_last_stage_has_its_own_augmentation_of_mnist(
        self, data: _data.Data, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.set_stages(monkeypatch)
        stage = _distillation.LAST_STAGE
        images = _distillation.make_distillation_set(stage, self.ensemble(), data, (7, 2)).images
        count = len(data.mnist.labels)
        versions = images.reshape(stage.versions, -1, 28, 28)
        assert (versions[:, :count] == data.mnist.images).all()  # augment_mnist is empty here
        same = (versions[:, count:] == data.epoch(stage.mixture).images[count:]).all(axis=(2, 3))
        assert same.mean() < 0.1


def test_dust_has_every_density() -> None:
    dust = _examples._dust(np.random.default_rng(0), 200)
    assert dust.shape == (200, 28, 28)
    assert dust.dtype == np.uint8
    density = (dust > 60).mean(axis=(1, 2))
    assert density.min() < 0.03
    assert density.max() > 0.5
    assert np.array_equal(dust, _examples._dust(np.random.default_rng(0), 200))


def test_examples_are_deterministic(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("HersheyFonts")
    folder = str(data_folder)
    # Fewer drawn digits, which take most of the time of the six loads.
    monkeypatch.setattr(line_images, "_DRAWN", 200)
    first, again = _examples.crops(folder, 5, 40), _examples.crops(folder, 5, 40)
    assert first.images.shape == (40, 28, 28)
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.labels, again.labels)
    cut, cut_again = (_examples.recognizer_crops(folder, 5, 300) for _ in range(2))
    assert np.array_equal(cut.images, cut_again.images)
    assert np.array_equal(cut.labels, cut_again.labels)
    # The classifier agrees with most labels.
    classes = ocrdigit.predict(cut.images[cut.labels < 10])
    assert (classes == cut.labels[cut.labels < 10]).mean() > 0.8
    non_digits = _examples.non_digits(folder, 5, 80)
    assert non_digits.shape == (80, 28, 28)
    assert np.array_equal(non_digits, _examples.non_digits(folder, 5, 80))
    assert len({image.tobytes() for image in non_digits}) > 70


def test_full_frame_pictures_are_partly_preprocessed_except_bars() -> None:
    rng = np.random.default_rng(0)
    sample = ocrdigit.datasets.load_sample()
    digits = synth.Digits(sample.X_train[:200], sample.y_train[:200])
    images = _examples._full_frame(rng, digits, 300)
    fitted = 0
    for image in images:
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        fitted += len(rows) > 0 and max(np.ptp(rows), np.ptp(columns)) == 19
    assert 60 < fitted < 160
    bar = np.zeros((28, 28), np.uint8)
    assert _examples._is_bar(bar)
    bar[4:24, 12:16] = 255
    assert _examples._is_bar(bar)
    bar[4:24, 4:24] = 255
    assert not _examples._is_bar(bar)


class TestDrawnDigits:
    def test_deterministic(self) -> None:
        images, labels = styles.drawn_digits(60, seed=2)
        assert images.shape == (60, 28, 28)
        assert images.dtype == np.uint8
        again = styles.drawn_digits(60, seed=2)
        assert np.array_equal(images, again[0])
        assert np.array_equal(labels, again[1])
        assert not np.array_equal(images, styles.drawn_digits(60, seed=3)[0])

    def test_every_shape_is_legible(self) -> None:
        """The large model recognizes most drawn digits."""
        rng = np.random.default_rng(0)
        model = ocrdigit.load("large")
        accuracy = []
        for digit, shapes in styles.SHAPES.items():
            for shape in shapes:
                images = np.stack([styles._draw(shape, rng) for _ in range(20)])
                assert (images.max(axis=(1, 2)) > 127).all()
                accuracy.append(np.mean(model.predict(images) == digit))
                assert accuracy[-1] > 0.5, (digit, shape)
        assert np.mean(accuracy) > 0.95
