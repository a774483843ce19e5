"""The models that come with the package: what they answer, how sure, and that it is a digit."""

from __future__ import annotations

import copy
import itertools
import pickle
from pathlib import Path

import numpy as np
import pytest
from conftest import small_model
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

import ocrdigit
from ocrdigit import DigitClassifier, _core, architectures, models, synth
from ocrdigit.datasets import Dataset
from ocrdigit.evaluation.metrics import auroc
from ocrdigit.models import files
from ocrdigit.models._classes import digits_only
from ocrdigit.training import (
    _augmentation,
    _data,
    _distillation,
    _ensemble,
    _examples,
    _labels,
    classifier,
    styles,
)

JUDGED = [name for name in models.NAMES if name != "seed"]


@pytest.fixture(scope="module")
def none() -> NDArray[np.uint8]:
    return synth.not_digits(400, kinds=["letters", "scribbles", "textures"], random_state=1)


@pytest.mark.parametrize("name", models.NAMES)
def test_reads(name: str, sample: Dataset) -> None:
    model = ocrdigit.load(name)
    assert model.warm_start
    assert model.score(sample.X_test, sample.y_test) > 0.98
    assert model.architecture == name
    assert digits_only(model.network_).layers == _core.Network(architectures.resolve(name)).layers
    assert model.network_.classes == (10 if name == "seed" else 11)
    assert models.path_of(name) != models.path_of("default") or name == "default"


def test_default_is_what_predict_uses(sample: Dataset) -> None:
    probabilities = ocrdigit.load("default").predict_proba(sample.X_test)
    assert np.array_equal(ocrdigit.predict_proba(sample.X_test), probabilities)


def test_sizes() -> None:
    def parameters(name: str) -> int:
        return sum(tensor.size for tensor in load_file(models.path_of(name)).values())

    assert parameters("tiny") <= 10_000
    assert parameters("tiny") < parameters("default") < parameters("large")
    assert Path(models.path_of("default")).stat().st_size <= 1_000_000


def test_names_come_before_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny").write_bytes(b"")
    assert ocrdigit.load("tiny").architecture == "tiny"
    with pytest.raises(ValueError, match="not a safetensors file"):
        ocrdigit.load(Path("tiny"))
    with pytest.raises(FileNotFoundError):
        ocrdigit.load("huge")


@pytest.mark.parametrize("name", JUDGED)
def test_digits_are_told_from_the_rest(name: str, sample: Dataset, none: NDArray[np.uint8]) -> None:
    model = ocrdigit.load(name)
    digits, others = model.digit_score(sample.X_test), model.digit_score(none)
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
def test_reject(name: str, sample: Dataset, none: NDArray[np.uint8]) -> None:
    model = ocrdigit.load(name)
    X = np.concatenate([sample.X_test, none])
    answers, sure = model.predict(X), model.confidence(X)
    assert sure.min() >= 0
    assert sure.max() <= 1
    for least in (0.0, 0.5, 0.99):
        given = model.predict(X, reject=least)
        assert np.array_equal(given, np.where(sure < least, -1, answers))
    rejected = model.predict(X, reject=0.5) == -1
    assert rejected[: len(sample.X_test)].mean() < 0.05
    if name != "seed":
        assert rejected[len(sample.X_test) :].mean() > 0.7


def test_reject_of_one(sample: Dataset) -> None:
    one, blank = sample.X_test[3], np.zeros((28, 28), np.uint8)
    model = ocrdigit.load("default")
    for predict in (model.predict, ocrdigit.predict):
        assert predict(one, reject=0.5) == 3
        assert predict(blank, reject=0.999) == -1
        assert type(predict(one, reject=0.5)) is int
        assert type(predict(blank, reject=0.999)) is int
    assert isinstance(model.confidence(one), float)


def test_text_labels_reject_as_text(sample: Dataset) -> None:
    model = small_model(epochs=1).fit(sample.X_train[:200], sample.y_train[:200].astype(str))
    sure = model.confidence(sample.X_test)
    given = model.predict(sample.X_test, reject=float(np.median(sure)))
    assert set(given) <= {str(digit) for digit in range(10)} | {"-1"}
    assert np.array_equal(given == "-1", sure < np.median(sure))
    assert model.predict(sample.X_test[0], reject=1.0) == "-1"


@pytest.mark.parametrize(
    ("least", "error"),
    [(1.1, ValueError), (-0.1, ValueError), (np.nan, ValueError), ("0", TypeError)],
)
def test_bad_reject(least: object, error: type[Exception], sample: Dataset) -> None:
    with pytest.raises(error, match="reject"):
        ocrdigit.predict(sample.X_test, reject=least)  # type: ignore[arg-type]


def test_without_a_score(fitted: DigitClassifier, sample: Dataset) -> None:
    with pytest.raises(RuntimeError, match="trained on digits only"):
        fitted.digit_score(sample.X_test)
    best = fitted.predict_proba(sample.X_test).max(axis=1)
    assert np.allclose(fitted.confidence(sample.X_test), best)


def test_training_forgets_the_score(sample: Dataset) -> None:
    model = ocrdigit.load("tiny").set_params(epochs=1, verbose=0, augment=False)
    model.fit(sample.X_train[:100], sample.y_train[:100])
    with pytest.raises(RuntimeError, match="trained on digits only"):
        model.digit_score(sample.X_test)


def test_copies_keep_the_score(sample: Dataset, tmp_path: Path) -> None:
    model = ocrdigit.load("tiny")
    scores = model.digit_score(sample.X_test)
    model.save(tmp_path / "again.safetensors")
    for again in (
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        ocrdigit.load(tmp_path / "again.safetensors"),
    ):
        assert np.array_equal(again.digit_score(sample.X_test), scores)
    for kept in (pickle.loads(pickle.dumps(ocrdigit.load("seed"))), ocrdigit.load("seed")):
        with pytest.raises(RuntimeError, match="has no digit score"):
            kept.digit_score(sample.X_test)


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
@pytest.mark.parametrize("name", models.NAMES)
def test_narrow_precisions(name: str, precision: str, sample: Dataset) -> None:
    wide, narrow = ocrdigit.load(name), ocrdigit.load(name, precision=precision)
    assert np.mean(wide.predict(sample.X_test) == narrow.predict(sample.X_test)) > 0.995


class TestFiles:
    def changed(
        self,
        tmp_path: Path,
        metadata: dict[str, str] | None = None,
        tensors: dict[str, NDArray[np.float32]] | None = None,
    ) -> Path:
        """The file of "tiny" with other metadata or tensors."""
        from safetensors import safe_open

        with safe_open(models.path_of("tiny"), "numpy") as file:
            of_tiny = file.metadata()
        all_tensors = load_file(models.path_of("tiny")) | (tensors or {})
        save_file(all_tensors, tmp_path / "m.safetensors", of_tiny | (metadata or {}))
        return tmp_path / "m.safetensors"

    def test_half_numbers_are_read(self, tmp_path: Path, sample: Dataset) -> None:
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
            ocrdigit.load(self.changed(tmp_path, metadata))

    def test_wrong_tensors(self, tmp_path: Path) -> None:
        kernel = np.zeros((216, 10), np.float32)
        with pytest.raises(ValueError, match=r"dense_1\.kernel"):
            ocrdigit.load(self.changed(tmp_path, tensors={"dense_1.kernel": kernel}))
        bias = np.full(11, np.nan, np.float32)
        with pytest.raises(ValueError, match="finite"):
            ocrdigit.load(self.changed(tmp_path, tensors={"dense_1.bias": bias}))

    def test_notes(self) -> None:
        from safetensors import safe_open

        for name in JUDGED:
            with safe_open(models.path_of(name), "numpy") as file:
                metadata = file.metadata()
            assert metadata["temperature"] == "1.0"
            assert "folded into the weights" in metadata["calibration"]
            assert "ocrdigit.training.classifier" in metadata["training"]


class TestClassifier:
    """The classifier of the core against its definition."""

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
        found = _core.Classifier(network, temperature=temperature)
        scores = network.scores(X, 1 / 255).astype(float) / temperature
        expected = np.exp(scores[:, :10] - np.logaddexp.reduce(scores[:, :10], axis=1)[:, None])
        np.testing.assert_allclose(found.predict_proba(X, 1 / 255), expected, rtol=1e-4)
        is_digit = 1 - np.exp(scores[:, 10] - np.logaddexp.reduce(scores, axis=1))
        is_digit[-1] = 0  # an image of one level
        np.testing.assert_allclose(found.digit_score(X, 1 / 255), is_digit, atol=1e-6)
        assert found.digit_score(X, 1 / 255)[-1] == 0
        confidence = expected.max(axis=1) * is_digit
        np.testing.assert_allclose(found.confidence(X, 1 / 255), confidence, atol=1e-5)
        digits = found.predict(X, 1 / 255)
        assert digits.tolist() == expected.argmax(axis=1).tolist()
        limit = float(np.median(confidence))
        rejected = np.where(found.confidence(X, 1 / 255) < limit, -1, digits)
        assert found.predict(X, 1 / 255, limit).tolist() == rejected.tolist()
        assert 0 < (rejected == -1).sum() < len(X)

    def test_ten_classes_have_a_digit_score_of_1(self, sample: Dataset) -> None:
        layers = [*self.LAYERS[:2], {"type": "dense", "units": 10}]
        found = _core.Classifier(_core.Network(layers))
        assert found.digit_score(sample.X_test[:3], 1 / 255).tolist() == [1, 1, 1]

    def test_it_follows_the_weights(self, network: _core.Network, sample: Dataset) -> None:
        found = _core.Classifier(network)
        before = found.predict_proba(sample.X_test, 1 / 255)
        network.initialize(8)
        after = found.predict_proba(sample.X_test, 1 / 255)
        assert not np.array_equal(before, after)
        assert np.array_equal(
            after, _core.Classifier(network).predict_proba(sample.X_test, 1 / 255)
        )
        assert found.network is network

    def test_wrong_arguments(self, network: _core.Network) -> None:
        other = _core.Network([{"type": "flatten"}, {"type": "dense", "units": 3}])
        with pytest.raises(ValueError, match="network: got .* expected one from"):
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
    """The command that makes the models, in small."""

    @pytest.fixture
    def data(self, sample: Dataset) -> _data.Data:
        digits = _examples.Examples(sample.X_train[:300], sample.y_train[:300].astype(np.uint8))
        none = synth.not_digits(40, random_state=0)
        return _data.Data(digits, digits, np.asarray(none), digits, digits)

    def test_mix(self, data: _data.Data) -> None:
        images, labels = data.mixed(_data.Mix(3, 20, 10))
        assert len(images) == len(labels) == 3 * 300 + 20 + 10 + 300
        assert (labels == 10).sum() == 10

    def test_cleaning_leaves_out_what_a_network_cannot_read(self, data: _data.Data) -> None:
        judge = _core.Network(TestClassifier.LAYERS)
        weights = judge.weights()
        weights["dense_1.bias"][[3, 10]] = 50  # sure of threes and of no digit, of nothing else
        judge.set_weights(weights)
        cleaned = data.cleaned(judge)
        assert set(cleaned.crops.labels) == {3}
        assert len(cleaned.no_digits) == len(data.no_digits)
        assert len(cleaned.mnist.labels) == 300

    def test_temperature(self, data: _data.Data) -> None:
        judge = _core.Network(TestClassifier.LAYERS, seed=1)
        best = classifier.temperature_of(judge, data.validation)
        scores = judge.scores(data.validation.images, 1 / 255)[:, :10].astype(float)

        def loss(temperature: float) -> float:
            logs = scores / temperature
            logs = logs - np.logaddexp.reduce(logs, axis=1)[:, None]
            return float(-logs[np.arange(300), data.validation.labels].mean())

        assert loss(best) <= min(loss(best * 1.05), loss(best / 1.05))

    def test_a_run(self, data: _data.Data, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        mix = _data.Mix(1, 30, 20)
        rough = _labels.Phase(1, 1e-3, mix, _augmentation.STRONG)
        later = rough._replace(augment=_augmentation.handled(0.5))
        phases = {"large": (rough, later), "default": (later,), "tiny": (later,)}
        monkeypatch.setattr(_labels, "ON_LABELS", phases)
        monkeypatch.setattr(_ensemble, "_SPECIALISTS_EPOCHS", 1)
        self.set_lessons(monkeypatch)
        files_made = []
        for run in range(2):
            folder = tmp_path / str(run)
            folder.mkdir()
            said: list[str] = []
            classifier.make(classifier.NAMES, str(folder), data, 4, said.append)
            assert said == [
                "the council",
                "lessons",
                *_distillation.TAUGHT,
                "the last lesson",
                "tiny",
            ]
            files_made += [
                (folder / f"{name}.safetensors").read_bytes() for name in classifier.NAMES
            ]
        assert files_made[:3] == files_made[3:]
        alone: list[str] = []
        classifier.make(("tiny",), str(tmp_path), data, 4, alone.append)
        assert alone == ["the council", "tiny"]  # which has no lessons
        assert (tmp_path / "tiny.safetensors").read_bytes() == files_made[2]
        large = ocrdigit.load(tmp_path / "0" / "large.safetensors")
        assert large.architecture == "large"
        assert large.network_.ranges  # for int8
        assert large.tta
        model = ocrdigit.load(tmp_path / "0" / "tiny.safetensors")
        assert model.network_.classes == 11
        assert np.isfinite(model.digit_score(data.validation.images)).all()

    @staticmethod
    def set_lessons(monkeypatch: pytest.MonkeyPatch) -> None:
        """Two lessons of one mix and the same changes, and the last, in small."""
        rates = dict.fromkeys(_distillation.TAUGHT, 1e-3)
        lesson = _distillation.Lesson(2, _data.Mix(1, 30, 20), _augmentation.handled(0.5), rates)
        monkeypatch.setattr(_distillation, "LESSONS", (lesson, lesson))
        monkeypatch.setattr(_distillation, "LAST_LESSON", lesson._replace(of_mnist=()))
        monkeypatch.setattr(_distillation, "_CHANGED_AT_ONCE", 100)

    @staticmethod
    def council() -> _ensemble.Council:
        general, other = (_core.Network(TestClassifier.LAYERS, seed=seed) for seed in (1, 2))
        return _ensemble.Council([general], [digits_only(other)])

    def test_lessons_are_what_the_council_and_the_labels_say(
        self, data: _data.Data, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.set_lessons(monkeypatch)
        council = self.council()
        images, labels, answers = _distillation.prepare(
            _distillation.LESSONS[0], council, data, (7, 0)
        )
        examples = data.mixed(_distillation.LESSONS[0].mix)
        count = len(examples.labels)
        assert len(images) == len(labels) == len(answers) == 2 * count
        assert np.array_equal(labels, np.tile(examples.labels, 2))
        expected = council.general[0].predict_proba(images, 1 / 255)
        of_mnist = np.arange(2 * count) % count < len(data.mnist.labels)
        specialist = council.specialists[0].predict_proba(images[of_mnist], 1 / 255)
        expected[of_mnist, :10] += specialist
        expected[of_mnist] /= 2
        expected *= 0.8
        expected[np.arange(2 * count), labels] += 0.2
        expected[labels == 10] = np.eye(11)[10]
        assert np.allclose(answers, expected, atol=1e-5)

    def test_every_lesson_changes_images_anew(
        self, data: _data.Data, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.set_lessons(monkeypatch)
        council = self.council()
        lessons = [
            _distillation.prepare(lesson, council, data, (7, number)).images
            for number, lesson in enumerate(_distillation.LESSONS)
        ]
        versions = np.concatenate(lessons).reshape(4, -1, 28 * 28)
        for a, b in itertools.combinations(range(4), 2):
            assert (versions[a] == versions[b]).all(axis=1).mean() < 0.05

    def test_the_last_lesson_changes_mnist_in_its_own_way(
        self, data: _data.Data, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.set_lessons(monkeypatch)
        lesson = _distillation.LAST_LESSON
        images = _distillation.prepare(lesson, self.council(), data, (7, 2)).images
        count = len(data.mnist.labels)
        versions = images.reshape(lesson.versions, -1, 28, 28)
        assert (versions[:, :count] == data.mnist.images).all()  # here not at all
        same = (versions[:, count:] == data.mixed(lesson.mix).images[count:]).all(axis=(2, 3))
        assert same.mean() < 0.1


def test_dust_is_thin_and_dense_and_no_bar() -> None:
    dust = _examples._dust(np.random.default_rng(0), 200)
    assert dust.shape == (200, 28, 28)
    assert dust.dtype == np.uint8
    inked = (dust > 60).mean(axis=(1, 2))
    assert inked.min() < 0.03
    assert inked.max() > 0.5
    assert np.array_equal(dust, _examples._dust(np.random.default_rng(0), 200))


def test_examples_are_the_same_every_time(data_folder: Path) -> None:
    pytest.importorskip("HersheyFonts")
    folder = str(data_folder)
    first, again = _examples.crops(folder, 5, 40), _examples.crops(folder, 5, 40)
    assert first.images.shape == (40, 28, 28)
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.labels, again.labels)
    cut, cut_again = _examples.read_crops(folder, 5, 300), _examples.read_crops(folder, 5, 300)
    assert np.array_equal(cut.images, cut_again.images)
    assert np.array_equal(cut.labels, cut_again.labels)
    # most of it can be read, as the labels say
    classes = ocrdigit.predict(cut.images[cut.labels < 10])
    assert (classes == cut.labels[cut.labels < 10]).mean() > 0.8
    none = _examples.no_digits(folder, 5, 80)
    assert none.shape == (80, 28, 28)
    assert np.array_equal(none, _examples.no_digits(folder, 5, 80))
    assert len({image.tobytes() for image in none}) > 70


def test_filling_pictures_come_prepared_too_but_for_bars() -> None:
    rng = np.random.default_rng(0)
    sample = ocrdigit.datasets.load_sample()
    digits = synth.Digits(sample.X_train[:200], sample.y_train[:200])
    images = _examples._filling(rng, digits, 300)
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
    def test_the_same_every_time(self) -> None:
        images, labels = styles.drawn_digits(60, seed=2)
        assert images.shape == (60, 28, 28)
        assert images.dtype == np.uint8
        again = styles.drawn_digits(60, seed=2)
        assert np.array_equal(images, again[0])
        assert np.array_equal(labels, again[1])
        assert not np.array_equal(images, styles.drawn_digits(60, seed=3)[0])

    def test_every_way_is_a_digit(self) -> None:
        """What is drawn is read as what it is meant to be, mostly."""
        rng = np.random.default_rng(0)
        model = ocrdigit.load("large")
        right = []
        for digit, ways in styles.SHAPES.items():
            for way in ways:
                images = np.stack([styles._written(way, rng) for _ in range(20)])
                assert (images.max(axis=(1, 2)) > 127).all()
                right.append(np.mean(model.predict(images) == digit))
                assert right[-1] > 0.5, (digit, way)
        assert np.mean(right) > 0.95
