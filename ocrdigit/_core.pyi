"""Types of the compiled core. Public functions wrap it: see the package's docstrings."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, final

import numpy as np
from numpy.typing import NDArray

__version__: str

# An augmentation step: "type" and that type's keys as in ocrdigit/augmentations.py, where a number
# stands for itself and a range is a pair (low, high). Only "probability" (1), "fill" ("constant")
# and "value" (0) are optional.
AugmentStep = Mapping[str, str | float | tuple[float, float]]

class LayerDescription(TypedDict):
    name: str
    type: str
    output_shape: tuple[int, ...]
    parameters: int  # moving statistics included

class Progress(TypedDict):
    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float
    seconds: float

@final
class Network:
    """A sequential network and its weights.

    ``layers`` is a list of dicts, each with a ``"type"`` and that type's keys:
    conv2d (filters, kernel_size=3, strides=1, dilation_rate=1, padding="same", use_bias=True,
    groups=1, activation=None), dense (units, use_bias=True, activation=None), relu, activation
    (function, alpha=1), max_pool2d and average_pool2d (pool_size=2, strides=pool_size,
    padding="valid"), global_average_pool2d, global_max_pool2d, batch_norm (momentum=0.99,
    epsilon=0.001), layer_norm (epsilon=0.001), zero_padding2d (padding=1), dropout (rate),
    flatten, map_to_sequence. The last dense layer may have activation="softmax", which changes
    nothing. Kernels start Glorot-uniform from ``seed``. Layers with more than ``max_weights``
    numbers, moving statistics included, raise ValueError before any memory is allocated.

    Without flatten, dense, global_average_pool2d and map_to_sequence the output is a map of class
    scores: the network labels pixels, and ``predict_map`` runs it on pictures of any size.
    """

    def __new__(
        cls,
        layers: Sequence[Mapping[str, Any]],
        input_shape: tuple[int, int, int] = (28, 28, 1),
        *,
        seed: int = 0,
        max_weights: int | None = None,
    ) -> Network: ...
    @property
    def layers(self) -> list[dict[str, Any]]:
        """The layers with all keys; ``Network(net.layers)`` has the same architecture."""
    @property
    def input_shape(self) -> tuple[int, int, int]: ...
    @property
    def output_shape(self) -> tuple[int, int, int]:
        """(1, 1, classes), (1, steps, classes) or, of a map, (h', w', classes)."""
    @property
    def classes(self) -> int: ...
    @property
    def sequence_length(self) -> int:
        """Time steps of the scores; 1 if they are no sequence."""

    @property
    def parameter_count(self) -> int:
        """Trainable numbers."""
    def describe(self) -> list[LayerDescription]: ...
    def copy(self) -> Network: ...
    def initialize(self, seed: int) -> None: ...
    @property
    def precision(self) -> str:
        """The number type of products: "float32", "bfloat16" or "int8"."""
    @precision.setter
    def precision(self, precision: str) -> None: ...
    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The observed ranges of layers' inputs, by which int8 quantizes; by layer name.

        ``calibrate`` and a trainer's run observe them, ``set_weights`` clears them.
        """
    @ranges.setter
    def ranges(self, ranges: Mapping[str, Sequence[float]]) -> None: ...
    def calibrate(self, images: NDArray[Any], scale: float) -> None: ...
    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Copies of all tensors by name ("conv2d_1.kernel"), moving statistics included."""
    def set_weights(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        """Set all tensors or, with an error, none: same names, same shapes, finite."""
    # images: C-contiguous uint8 or float32, (n, h * w * c) numbers in any shape that starts
    # with n; the network sees value * scale.
    def predict(self, images: NDArray[Any], scale: float) -> NDArray[np.int64]: ...
    def predict_proba(self, images: NDArray[Any], scale: float) -> NDArray[np.float32]: ...
    def scores(self, images: NDArray[Any], scale: float) -> NDArray[np.float32]:
        """Class scores before softmax."""
    def predict_map(
        self, picture: NDArray[np.uint8], scale: float, *, output: str = "probabilities"
    ) -> NDArray[Any]:
        """The map of one picture (h, w), or (h, w, channels) of several, of any size.

        ``output``: "scores" or "probabilities", float32 (h', w', classes); "bytes", probabilities
        times 255, rounded, uint8 (h', w', classes); or "labels", uint8 (h', w'). As for the whole
        picture in one run, up to rounding, in memory that does not depend on it.
        """
    def explain(
        self,
        images: NDArray[Any],
        scale: float,
        *,
        digit: int | None = None,
        layer: int | None = None,
        classes: int | None = None,
    ) -> tuple[
        NDArray[np.int64],
        NDArray[np.float32],
        NDArray[np.float32],
        NDArray[np.float32],
        int,
    ]:
        """Grad-CAM of each image, for a class and a layer's output.

        Without ``digit`` the class is the one with the largest score of the first ``classes``.

        Classes (n,), class scores (n, classes), activation maps (n, h, w) of the layer, these
        upsampled to the input's size (n, H, W), their maximum 1, and the
        layer. None takes the last convolution with the batch norm and ReLU that follow it.
        """
    def layer_output(self, images: NDArray[Any], scale: float, layer: int) -> NDArray[np.float32]:
        """The output of the layer of this index for every image: (n, h, w, c)."""
    def gradient(
        self,
        images: NDArray[Any],
        labels: NDArray[np.uint8],
        scale: float,
        *,
        label_smoothing: float = 0.0,
        seed: int = 0,
    ) -> tuple[float, int, dict[str, NDArray[np.float32]]]:
        """The mean loss, the number of correct images, and the gradients of trainable tensors.

        Labels are uint8: (n,), (n, length) of sequences, or (n, h', w') of maps, where 255 marks
        pixels that are ignored. Of maps the loss and the number are those of the pixels.
        """

@final
class Trainer:
    """Trains a network; keeps the optimizer's state from one run to the next."""

    def __new__(
        cls,
        network: Network,
        *,
        epochs: int,
        batch_size: int,
        seed: int,
        precision: str = "float32",  # "bfloat16"
        optimizer: str,  # "sgd", "adam", "adamw"
        learning_rate: float,
        momentum: float = 0.0,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float = 0.0,
        clip_norm: float = 0.0,
        ema: float = 0.0,
        schedule: str = "constant",  # "constant", "cosine", "one_cycle"
        warmup: float = 0.0,
        divisor: float = 25.0,
        final_divisor: float = 1e4,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,  # in the loss of a map's pixels
        augment: Sequence[AugmentStep] = (),
        patience: int = 0,
        restore_best: bool = False,
    ) -> Trainer: ...
    def run(
        self,
        images: NDArray[Any],
        labels: NDArray[np.uint8],
        scale: float,
        validation_images: NDArray[Any] | None = None,
        validation_labels: NDArray[np.uint8] | None = None,
        *,
        targets: NDArray[np.float32] | None = None,
        on_step: Callable[[Progress], object] | None = None,
        on_epoch: Callable[[Progress], object] | None = None,
        interval: float = 0.0,
    ) -> bool:
        """True when all epochs ran, False when a callback returned False.

        ``targets`` (n, classes), rows with sum 1, stand in for the labels in the loss.
        ``on_step`` is called at most every ``interval`` seconds. An exception in a
        callback, KeyboardInterrupt included, ends the run after the step under way, or
        within a validation, and comes out here; the network keeps the last finished step.
        During a run, callbacks and other threads may use the network, but not change its
        weights or start another run: that is a RuntimeError.
        """

    def state(self) -> dict[str, Any]:
        """Return the state between two steps: ints, floats, and float32 arrays of one dimension.

        In a callback it is that of the run: in ``on_epoch`` that at the start of the next epoch.
        """

    def restore(self, state: Mapping[str, Any], /) -> None:
        """Set a state, from which the next run continues to the bit.

        The trainer must have the same settings, and the run the same data. ValueError or
        TypeError, with nothing changed, if the state is not one of such a trainer; RuntimeError
        during a run.
        """

@final
class Classifier:
    """A network of the ten digits, or of these and "non-digit", as a classifier.

    Scores are divided by ``temperature`` before softmax. Images whose maximum probability is below
    ``tta_threshold`` get test-time augmentation. It follows the network's weights and precision.
    ``images`` and ``scale`` are as for :class:`Network`.
    """

    def __new__(
        cls, network: Network, *, temperature: float = 1.0, tta_threshold: float = 0.0
    ) -> Classifier: ...
    @property
    def network(self) -> Network: ...
    @property
    def temperature(self) -> float: ...
    @property
    def tta_threshold(self) -> float: ...
    def predict(self, images: NDArray[Any], scale: float, reject: float = 0.0) -> NDArray[np.int64]:
        """Digits (n,); -1 where the confidence is below ``reject``."""
    def predict_proba(self, images: NDArray[Any], scale: float) -> NDArray[np.float32]:
        """Probabilities (n, 10) of the ten digits."""
    def digit_score(self, images: NDArray[Any], scale: float) -> NDArray[np.float64]:
        """The probability (n,) that an image shows a digit; 1 without a non-digit class."""
    def confidence(self, images: NDArray[Any], scale: float) -> NDArray[np.float64]:
        """The largest probability times the digit score, (n,)."""
    def predict_canonical(self, images: object, /) -> Any:
        """An int for one canonical image, int64 (n,) for a batch; None for other input."""
    def predict_proba_canonical(self, images: object, /) -> NDArray[np.float32] | None:
        """(10,) for one canonical image, (n, 10) for a batch; None for other input."""

def instruction_set() -> str:
    """The active one: scalar, avx2, avx512, neon or simd128 (``OCRDIGIT_ISA`` forces one)."""

def cpu_features() -> tuple[str, ...]: ...
def get_num_threads() -> int: ...
def set_num_threads(threads: int) -> None:
    """For all networks; a trainer keeps the threads it was made with."""

def augment(
    images: NDArray[np.float32], steps: Sequence[AugmentStep], seed: int
) -> NDArray[np.float32]:
    """Augmented copies of images (n, h, w) in [0, 1]; image i draws from stream (seed, i)."""

def canonical_scale(images: object, /) -> float | None:
    """The scale that maps the values of canonical input to 0..1, or None for other input.

    Canonical is a plain C-contiguous array of one image (28, 28), or of a batch (n, 28, 28),
    (n, 28, 28, 1) or (n, 784): uint8, or float32 all in 0..1 or all in 0..255, with light strokes
    on black in nine of ten images of a sample of up to 32.
    """

# Pictures of single digits, C-contiguous uint8 or float32, (h, w) or (h, w, 1|3|4). The scale of
# floats maps them to 0..1; uint8 is 0..255, or 0..1 where the largest value is at most 1.
def preprocess_images(
    pictures: tuple[NDArray[Any], ...], scales: tuple[float, ...]
) -> NDArray[np.float32]:
    """(n, 28, 28) in [0, 1], light on black; canonical pictures are not changed."""

def picture_to_gray(picture: NDArray[Any], scale: float) -> NDArray[np.uint8]:
    """(h, w); alpha is composited over white, or over black where the picture is drawn in white."""

def are_canonical(images: NDArray[np.uint8], /) -> bool:
    """Whether nine in ten of a sample of up to 32 of a batch (n, 28, 28) are canonical."""

# Gray images, C-contiguous uint8.
def is_canonical(image: NDArray[np.uint8]) -> bool:
    """Whether (h, w) has light foreground, and black along at least two sides."""

def preprocess_digit(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(h, w) of one digit -> (28, 28) in [0, 1], a light digit on black."""

def normalize_line_image(image: NDArray[np.uint8], /) -> NDArray[np.uint8]:
    """Gray levels (h, w) of a line of dark writing to foreground levels, as in line images."""

def page_foreground(
    image: NDArray[np.uint8], *, dark: bool | None = None
) -> tuple[NDArray[np.uint8], bool]:
    """The foreground levels (h, w) of a gray image (h, w), and whether the foreground is dark.

    It is found whether it is, unless ``dark`` says so.
    """

class Automaton:
    """A deterministic finite automaton over the digits; state 0 is initial.

    ``accepting`` has a flag for each state, ``transitions`` a (state, symbol, target) for each
    transition, in ascending order.
    """

    def __new__(
        cls, accepting: tuple[bool, ...], transitions: tuple[tuple[int, int, int], ...]
    ) -> Automaton: ...
    @classmethod
    def from_words(cls, words: tuple[str, ...], /) -> Automaton:
        """The automaton of a lexicon, in strictly ascending order."""

    @property
    def states(self) -> int: ...

def read_symbols(
    recognizer: Network,
    image: NDArray[np.uint8],
    *,
    classifier: Classifier | None = None,
    fusion: Mapping[str, float] | None = None,
    automaton: Automaton | None = None,
    detector: Network | None = None,
    shortcuts: Mapping[str, bool] | None = None,
    parallel: bool = True,
    seconds: dict[str, float] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float64]]:
    """The digits and separators in an image (h, w), line by line.

    The recognizer is a network from (32, 1024, 1) to time steps of 17 classes. The
    classifier verifies each digit on a crop, without test-time augmentation; ``fusion``, which it
    requires, has the fields of ``models.recognizer.FusionWeights``. The detector is a network from
    (h, w, 1) to (h / 4, w / 4, 4): only foreground that it finds to be of numbers is read. With an
    automaton, each line is the most probable text that it accepts; lines that cannot be one are
    left out. ``shortcuts`` is one of ``_recognizers.RECOGNIZERS``. Without ``parallel`` the page is
    read on the caller's thread alone. The dict ``seconds`` gets the seconds that each stage took:
    segment, recognize, classify.

    Returns (n, 6): line, value, an index into ``_symbols.SYMBOLS``, left, top, width, height;
    (n, 18): confidence, probability of being a symbol, probability of each symbol; and, with a
    classifier, the qualities (lines, 4) of all lines: the log probability that no digit is among
    the symbols that were dropped, the log proportion of the foreground that is in symbols, and of
    the votes for as many symbols, and whether the line reaches a side of the image.
    """

def read_alternatives(
    recognizer: Network,
    image: NDArray[np.uint8],
    *,
    automaton: Automaton,
    count: int,
    classifier: Classifier | None = None,
    fusion: Mapping[str, float] | None = None,
    detector: Network | None = None,
    shortcuts: Mapping[str, bool] | None = None,
    parallel: bool = True,
    seconds: dict[str, float] | None = None,
) -> tuple[
    NDArray[np.int32], NDArray[np.float32], NDArray[np.float64], list[tuple[int, int, float]]
]:
    """Up to ``count`` (32) different texts of each line that the automaton accepts.

    Returns what ``read_symbols`` does, the symbols of all texts one after another; and line, number
    of symbols and log probability of each text. The texts of a line are in descending order
    of probability; empty ones are left out.
    """

def crop_digits(
    recognizer: Network, image: NDArray[np.uint8], *, detector: Network | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The symbols that ``read_symbols`` verifies, and their crops, the classifier's input.

    Returns (n, 6): line, value, left, top, width, height; and (n, 28, 28), 0..1. Low-confidence
    symbols are included, symbols without foreground of their own are not.
    """

class FusionFeatures(TypedDict):
    symbols: NDArray[np.int32]  # (n, 6): line, value, left, top, width, height
    recognizer: NDArray[np.float64]  # (n, 10): log probability of each digit
    classifier: NDArray[np.float64]  # (n, 10): log probability of each digit
    recognizer_odds: NDArray[np.float64]  # (n,): log odds of being a digit
    classifier_odds: NDArray[np.float64]  # (n,): log odds of being a digit
    foreground: NDArray[np.float64]  # (n,): log proportion of the line's foreground in symbols
    detector_odds: NDArray[np.float64]  # (n,): log odds of number against other writing
    surroundings_odds: NDArray[np.float64]  # (n,): the same in and around the symbol's box
    isolated: NDArray[np.bool_]  # (n,): no neighbour in the line overlaps it
    verified: NDArray[np.bool_]  # (n,): the classifier was run; else its features are meaningless

def fusion_features(
    recognizer: Network,
    image: NDArray[np.uint8],
    *,
    classifier: Classifier,
    detector: Network | None = None,
) -> FusionFeatures:
    """The features that score fusion combines, of the symbols that ``read_symbols`` finds."""

def preprocess_steps(
    image: NDArray[np.uint8],
) -> tuple[
    NDArray[np.uint8],
    NDArray[np.uint8],
    NDArray[np.uint8],
    NDArray[np.uint8],
    NDArray[np.float32],
    tuple[float, float, float],
]:
    """Gray, background, foreground, the digit's foreground, and the result of preprocess_digit.

    Last, the position of the result in the image, in the image's pixels: its left and top edge and
    the side of one of its pixels, which is 0 without foreground.
    """

def register_page(
    form: NDArray[np.uint8], page: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], float, float]:
    """The homography (3, 3) from a form to a page, both as foreground levels.

    With the proportion of the form's print that was found, and its residual in pixels of the form.
    """

def warp_perspective(
    image: NDArray[np.uint8], matrix: Sequence[float], h: int, w: int
) -> NDArray[np.uint8]: ...
def erase_print(
    image: NDArray[np.uint8], foreground: NDArray[np.uint8], print: NDArray[np.uint8], slack: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]: ...
def find_table(image: NDArray[np.uint8], rows: int, columns: int) -> dict[str, Any] | None:
    """The table in an image (h, w), with any number of rows or columns if 0; None without.

    "nodes" ((rows + 1) * (columns + 1), 2) are the intersections of its lines, x and y; "spans"
    (rows * columns, 2) the rows and columns of the cell that starts at a place, or 0, 0.
    "rectified" is the foreground of its cells as upright rectangles, without lines, and "gray" the
    image's levels; row i begins at "tops"[0, i], column j at "lefts"[0, j], and the last "gap"
    pixels of each are empty.
    """

# OpenCV's functions, for ocrdigit/image.py; they take uint8 images of any strides.
def image_gray(image: NDArray[np.uint8], bgr: bool, background: int) -> NDArray[np.uint8]: ...
def image_threshold(
    image: NDArray[np.uint8], thresh: float, maxval: float, type: str
) -> tuple[float, NDArray[np.uint8]]: ...
def image_adaptive_threshold(
    image: NDArray[np.uint8], gaussian: bool, block_size: int, bound: int, above: int, below: int
) -> NDArray[np.uint8]: ...
def image_connected_components(
    image: NDArray[np.uint8], connectivity: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """Labels (h, w), statistics (n, 5) and centroids (n, 2)."""

def image_morphology(
    image: NDArray[np.uint8],
    operation: str,
    kernel: NDArray[np.generic] | None,
    anchor: tuple[int, int] | None,
    iterations: int,
    border: str,
    border_value: float | None,
) -> NDArray[np.uint8]: ...
def image_structuring_element(shape: str, h: int, w: int) -> NDArray[np.uint8]: ...
def image_gaussian_blur(
    image: NDArray[np.uint8],
    ksize_y: int,
    ksize_x: int,
    sigma_y: float,
    sigma_x: float,
    border: str,
) -> NDArray[np.uint8]: ...
def image_resize(
    image: NDArray[np.uint8], dsize: tuple[int, int], interpolation: str
) -> NDArray[np.uint8]: ...
def image_moments(image: NDArray[np.uint8], binary: bool) -> tuple[float, ...]:
    """m00, m10, m01, m20, m11, m02, m30, m21, m12, m03, then mu20 to mu03 and nu20 to nu03."""

def image_warp_affine(
    image: NDArray[np.uint8],
    matrix: Sequence[float],
    inverse: bool,
    h: int,
    w: int,
    border: str,
    border_value: int,
) -> NDArray[np.uint8]: ...
def image_deskew(image: NDArray[np.uint8]) -> NDArray[np.uint8]: ...
def image_normalize(image: NDArray[np.uint8], alpha: float, beta: float) -> NDArray[np.uint8]: ...
