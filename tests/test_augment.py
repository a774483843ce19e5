"""Each augmentation against tests/augment_reference.py and, where it is installed, Keras."""

import math
import os

import augment_reference as reference
import numpy as np
import pytest

from ocrdigit._core import augment

SIZES = [(1, 1), (1, 9), (9, 1), (2, 2), (5, 7), (28, 28), (33, 64)]
FILLS = ["reflect", "constant", "nearest"]


GEOMETRIC = ("rotation", "translation", "zoom", "shear", "affine", "elastic")
# The parameters of each type, and whether they are ranges.
PARAMETERS = {
    "rotation": {"factor": True},
    "translation": {"height": True, "width": True},
    "zoom": {"factor": True},
    "contrast": {"factor": True},
    "shear": {"factor": True},
    "affine": {"degrees": False, "translate": False, "scale": True, "shear": False},
    "elastic": {"displacement": False, "sigma": False},
    "stroke": {"amount": True},
    "brightness": {"amount": True},
    "noise": {"sigma": True},
    "erase": {"area": True},
    "blur": {"sigma": True},
    "background": {"tone": True, "uneven": False},
    "texture": {"amount": True, "spacing": False},
    "stray_stroke": {"width": True, "reach": False},
    "invert": {},
}


def step(kind, *numbers, probability=1.0, fill="reflect", value=0.0):
    """The core's form of a step; numbers that are not given are 0."""
    left = [float(x) for x in numbers]
    result = {"type": kind, "probability": probability}
    for name, is_range in PARAMETERS[kind].items():
        given, left = left[: 1 + is_range], left[1 + is_range :]
        given += [0.0] * (1 + is_range - len(given))
        result[name] = tuple(given) if is_range else given[0]
    assert not left
    if kind in GEOMETRIC:
        result["fill"] = fill
    if kind in (*GEOMETRIC, "erase", "stray_stroke"):
        result["value"] = value
    return result


def fixed(kind, *numbers, **options):
    """A step whose ranges are single points."""
    return step(kind, *(x for number in numbers for x in (number, number)), **options)


def random_images(shape, seed=0):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def one(image, *steps, seed=0):
    return augment(image[None], list(steps), seed)[0]


def ks_uniform(sample, low, high):
    """Return the Kolmogorov-Smirnov distance from a uniform distribution, times sqrt(n)."""
    n = len(sample)
    positions = (np.sort(sample) - low) / (high - low)
    distance = max(
        np.abs(positions - np.arange(n) / n).max(),
        np.abs(positions - np.arange(1, n + 1) / n).max(),
    )
    return distance * math.sqrt(n)


KS_LIMIT = 2.2  # exceeded by chance once in 8,000 tests


def source_positions(steps, n, h, w):
    """Return the source positions of pixels, y and x (n, h, w), NaN near the edges.

    Bilinear interpolation of a ramp gives the position itself. Image i of each batch draws from
    the same stream, so both ramps and any other image are mapped alike.
    """
    y, x = np.mgrid[:h, :w].astype(np.float32)
    positions = []
    for ramp, last in ((y, h - 1), (x, w - 1)):
        batch = np.repeat((ramp / last)[None], n, axis=0)
        position = augment(batch, steps, 5).astype(np.float64) * last
        positions.append(np.where((position > 0.05) & (position < last - 0.05), position, np.nan))
    hidden = np.isnan(positions[0]) | np.isnan(positions[1])
    return [np.where(hidden, np.nan, position) for position in positions]


def fit_affine(source_y, source_x):
    """Return the matrix (2, 2) from result to source about the centre, and the centre's source."""
    h, w = source_y.shape
    y, x = np.mgrid[:h, :w].astype(np.float64)
    visible = ~np.isnan(source_y)
    assert visible.sum() >= 6
    columns = np.stack([x - (w - 1) / 2, y - (h - 1) / 2, np.ones_like(x)], axis=-1)[visible]
    targets = np.stack([source_x - (w - 1) / 2, source_y - (h - 1) / 2], axis=-1)[visible]
    solution, *_ = np.linalg.lstsq(columns, targets, rcond=None)
    assert np.abs(columns @ solution - targets).max() < 1e-3
    return solution[:2].T, solution[2]


class TestAgainstReference:
    """Every range is one number, so nothing is random."""

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("fill", FILLS)
    @pytest.mark.parametrize(
        ("kind", "numbers"),
        [
            ("rotation", (0.0,)),
            ("rotation", (0.07,)),
            ("rotation", (-0.1,)),
            ("rotation", (0.25,)),
            ("rotation", (-0.4,)),
            ("translation", (0.1, -0.1)),
            ("translation", (-0.37, 0.21)),
            ("translation", (1.0, -1.0)),
            ("zoom", (0.1,)),
            ("zoom", (-0.1,)),
            ("zoom", (1.0,)),
            ("zoom", (-0.9,)),
            ("shear", (0.2,)),
            ("shear", (-0.35,)),
            ("shear", (4.0,)),
        ],
    )
    def test_geometry(self, kind, numbers, fill, size):
        value = 0.7 if fill == "constant" else 0.0
        image = random_images(size, seed=len(kind))
        got = one(image, fixed(kind, *numbers, fill=fill, value=value))
        want = getattr(reference, kind)(image, *numbers, fill=fill, value=value)
        np.testing.assert_allclose(got, want, rtol=0, atol=5e-5)

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize(
        ("kind", "numbers"),
        [
            ("contrast", [-1.0, -0.3, 0.0, 0.1, 1.0]),
            ("stroke", [-1.0, -0.4, 0.0, 0.25, 1.0]),
            ("brightness", [-1.0, -0.3, 0.0, 0.2, 1.0]),
        ],
    )
    def test_pixels(self, kind, numbers, size):
        for number in numbers:
            image = random_images(size, seed=3)
            got = one(image, fixed(kind, number))
            want = getattr(reference, kind)(image, number)
            np.testing.assert_allclose(got, want, rtol=0, atol=2e-6)

    def test_contrast_clips_at_zero_only(self):
        image = np.zeros((4, 4), np.float32)
        image[:2] = 1
        got = one(image, fixed("contrast", 0.5))
        np.testing.assert_allclose(got[:2], 1.25)
        assert (got[2:] == 0).all()

    def test_scale_of_affine(self):
        image = random_images((13, 17))
        for scale in (0.5, 1.0, 1.3):
            got = one(image, step("affine", 0, 0, scale, scale, 0))
            want = reference.warp(image, np.eye(2) * scale)
            np.testing.assert_allclose(got, want, rtol=0, atol=5e-5)

    def test_directions(self):
        """A dot right of the centre moves up, down, inward and to the right."""
        image = np.zeros((9, 9), np.float32)
        image[4, 6] = 1
        assert one(image, fixed("rotation", 0.25)).argmax() == 2 * 9 + 4
        assert one(image, fixed("translation", 2 / 9, 1 / 9)).argmax() == 6 * 9 + 7
        assert one(image, fixed("zoom", 1.0)).argmax() == 4 * 9 + 5
        image = np.zeros((9, 9), np.float32)
        image[2, 4] = 1
        assert one(image, fixed("shear", 0.5)).argmax() == 2 * 9 + 5

    def test_steps_follow_each_other(self):
        image = random_images((28, 28))
        got = one(
            image,
            fixed("rotation", 0.08),
            fixed("translation", 0.05, -0.07),
            fixed("zoom", -0.06),
            fixed("contrast", 0.1),
        )
        want = reference.rotation(image, 0.08)
        want = reference.translation(want, 0.05, -0.07)
        want = reference.contrast(reference.zoom(want, -0.06), 0.1)
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-4)

    def test_largest_image(self):
        image = random_images((512, 512))
        got = one(image, fixed("rotation", 0.03))
        np.testing.assert_allclose(got, reference.rotation(image, 0.03), rtol=0, atol=1e-3)
        others = {
            "affine": (10, 0.1, 0.9, 1.1, 5),
            "texture": (0.5, 1.0, 1.0),
            "stray_stroke": (5, 9, 0.5),
            "invert": (),
        }
        for kind in ("elastic", "noise", "erase", "stroke", "blur", "background", *others):
            numbers = others.get(kind, (0.5, 1.0))
            result = one(image, step(kind, *numbers, value=1.0))
            assert np.isfinite(result).all()
            assert not np.array_equal(result, image)


class TestAffine:
    STEP = step("affine", 20, 0.1, 0.8, 1.25, 15, fill="nearest")

    def test_parameters_and_order(self):
        """The map is scale, then shear, then rotation, then shift, each within its range."""
        n, h, w = 1500, 24, 31
        positions = source_positions([self.STEP], n, h, w)
        parameters = []
        for source_y, source_x in zip(*positions, strict=True):
            inverse, centre = fit_affine(source_y, source_x)
            forward = np.linalg.inv(inverse)
            # forward = rotation @ shear * scale: its first column is the rotated (scale, 0).
            scale = math.hypot(forward[0, 0], forward[1, 0])
            angle = math.atan2(-forward[1, 0], forward[0, 0])
            rest = reference.rotation_matrix(-angle) @ forward / scale
            assert rest[1] == pytest.approx([0, 1], abs=1e-3)
            shift = -forward @ centre
            parameters.append(
                (
                    math.degrees(angle),
                    scale,
                    math.degrees(math.atan(-rest[0, 1])),
                    shift[1] / h,
                    shift[0] / w,
                )
            )
        ranges = [(-20, 20), (0.8, 1.25), (-15, 15), (-0.1, 0.1), (-0.1, 0.1)]
        drawn = np.array(parameters)
        for column, (low, high) in zip(drawn.T, ranges, strict=True):
            assert ks_uniform(column, low, high) < KS_LIMIT
        correlations = np.corrcoef(drawn.T) - np.eye(5)
        assert np.abs(correlations).max() < 4 / math.sqrt(n)

    @pytest.mark.parametrize("fill", FILLS)
    def test_one_resampling(self, fill):
        image = random_images((24, 31))
        source_y, source_x = (p[0] for p in source_positions([self.STEP], 1, 24, 31))
        inverse, centre = fit_affine(source_y, source_x)
        forward = np.linalg.inv(inverse)
        want = reference.warp(image, forward, -forward @ centre, fill=fill, value=0.3)
        got = one(image, {**self.STEP, "fill": fill, "value": 0.3}, seed=5)
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-4)


class TestElastic:
    @pytest.mark.parametrize(("rms", "sigma"), [(1.0, 4.0), (0.5, 2.0), (2.0, 8.0)])
    def test_field(self, rms, sigma):
        """Root mean square, uniformity, independent components and Gaussian correlation."""
        n, h, w = 2000, 40, 48
        source_y, source_x = source_positions(
            [step("elastic", rms, sigma, fill="nearest")], n, h, w
        )
        margin = math.ceil(5 * rms)
        inner = (slice(None), slice(margin, h - margin), slice(margin, w - margin))
        y, x = np.mgrid[:h, :w]
        down, right = (source_y - y)[inner], (source_x - x)[inner]
        assert not np.isnan(down).any()
        assert math.sqrt(np.mean(down**2 + right**2)) == pytest.approx(rms, rel=0.03)
        everywhere = np.sqrt(np.mean(down**2 + right**2, axis=0))
        assert everywhere.min() > 0.9 * rms
        assert everywhere.max() < 1.1 * rms
        assert np.mean(down**2) == pytest.approx(np.mean(right**2), rel=0.06)
        assert abs(np.mean(down * right)) < 0.03 * rms**2
        assert abs(np.mean(down)) < 0.05 * rms
        # The autocorrelation of white noise smoothed by a Gaussian is one of sqrt(2) sigma.
        for field in (down, right):
            for distance in range(1, min(int(3 * sigma), field.shape[1] - 4)):
                want = math.exp(-(distance**2) / (4 * sigma**2))
                for a, b in (
                    (field[:, distance:], field[:, :-distance]),
                    (field[:, :, distance:], field[:, :, :-distance]),
                ):
                    got = np.mean(a * b) / np.mean(field**2)
                    assert got == pytest.approx(want, abs=0.05)

    @pytest.mark.parametrize("fill", FILLS)
    def test_resampling(self, fill):
        """The field found with ramps applies to any image."""
        h, w = 33, 28
        motion = step("elastic", 1.5, 3, fill="nearest")
        image = random_images((h, w))
        source_y, source_x = (p[0] for p in source_positions([motion], 1, h, w))
        visible = ~np.isnan(source_y)
        want = reference.sample(image, np.nan_to_num(source_y), np.nan_to_num(source_x))
        got = one(image, {**motion, "fill": fill}, seed=5)
        assert visible.mean() > 0.7
        np.testing.assert_allclose(got[visible], want[visible], rtol=0, atol=1e-4)

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("sigma", [1.0, 4.0, 100.0])
    def test_odd_sizes(self, size, sigma):
        image = random_images(size)
        assert np.array_equal(one(image, step("elastic", 0, sigma)), image)
        moved = one(image, step("elastic", 30, sigma))
        assert moved.min() >= image.min()
        assert moved.max() <= image.max()

    def test_constant_image_stays(self):
        image = np.full((20, 20), 0.625, np.float32)
        assert np.array_equal(one(image, step("elastic", 3, 2)), image)


class TestNoise:
    def test_is_standard_normal_times_sigma(self):
        sigma = 0.05
        images = np.full((40, 100, 100), 0.5, np.float32)
        z = (augment(images, [fixed("noise", sigma)], 1).astype(np.float64) - 0.5).ravel() / sigma
        n = z.size
        assert abs(z.mean()) < 4.5 / math.sqrt(n)
        assert z.var() == pytest.approx(1, abs=4.5 * math.sqrt(2 / n))
        assert np.mean(z**3) == pytest.approx(0, abs=4.5 * math.sqrt(15 / n))
        assert np.mean(z**4) == pytest.approx(3, abs=4.5 * math.sqrt(96 / n))
        positions = np.linspace(-3, 3, 61)
        normal = np.array([0.5 * (1 + math.erf(t / math.sqrt(2))) for t in positions])
        got = np.searchsorted(np.sort(z), positions) / n
        assert np.abs(got - normal).max() < 0.002 + 2 / math.sqrt(n)

    def test_pixels_are_independent(self):
        images = np.full((40, 64, 64), 0.5, np.float32)
        noise = augment(images, [fixed("noise", 0.05)], 1).astype(np.float64) - 0.5
        variance = noise.var()
        for a, b in (
            (noise[:, 1:], noise[:, :-1]),
            (noise[:, :, 1:], noise[:, :, :-1]),
            (noise[1:], noise[:-1]),
        ):
            assert abs(np.mean(a * b)) / variance < 4.5 / math.sqrt(a.size)

    def test_range_and_clip(self):
        images = np.full((800, 30, 30), 0.5, np.float32)
        sigmas = augment(images, [step("noise", 0.02, 0.1)], 3).std(axis=(1, 2))
        assert ks_uniform(sigmas.clip(0.02, 0.1), 0.02, 0.1) < KS_LIMIT
        wild = one(random_images((50, 50)), fixed("noise", 1.0))
        assert wild.min() == 0
        assert wild.max() == 1
        same = random_images((7, 3))
        assert np.array_equal(one(same, fixed("noise", 0.0)), same)


class TestErase:
    @pytest.mark.parametrize("size", [*SIZES, (64, 2), (3, 60)])
    @pytest.mark.parametrize("area", [0.0, 0.02, 0.1, 0.33, 0.8, 1.0])
    def test_is_one_rectangle(self, size, area):
        h, w = size
        images = np.zeros((200, h, w), np.float32)
        for result in augment(images, [fixed("erase", area, value=0.75)], 2):
            erased = result == 0.75
            assert (result[~erased] == 0).all()
            rows, columns = np.flatnonzero(erased.any(axis=1)), np.flatnonzero(erased.any(axis=0))
            assert erased.sum() == len(rows) * len(columns)
            # The width is rounded to whole pixels; less than a pixel may become 0.
            slack = 0.5 * len(rows) if erased.any() else 1
            assert abs(erased.sum() - area * h * w) < slack + 1e-9
            if area == 1:
                assert erased.all()
            if area == 0:
                assert not erased.any()

    def test_areas_aspects_positions(self):
        n, side = 3000, 100
        images = np.zeros((n, side, side), np.float32)
        erased = augment(images, [step("erase", 0.05, 0.2, value=1.0)], 9) == 1
        areas = erased.mean(axis=(1, 2))
        assert ks_uniform(areas.clip(0.05, 0.2), 0.05, 0.2) < KS_LIMIT
        heights, widths = erased.any(axis=2).sum(axis=1), erased.any(axis=1).sum(axis=1)
        aspects = np.log(heights / widths)
        assert ks_uniform(aspects, math.log(1 / 3), math.log(3)) < KS_LIMIT
        tops, lefts = erased.any(axis=2).argmax(axis=1), erased.any(axis=1).argmax(axis=1)
        noise = np.random.default_rng(0).random((2, n))  # makes whole pixels continuous
        assert ks_uniform((tops + noise[0]) / (side - heights + 1), 0, 1) < KS_LIMIT
        assert ks_uniform((lefts + noise[1]) / (side - widths + 1), 0, 1) < KS_LIMIT


class TestBackgroundAndPen:
    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("sigma", [0.0, 0.2, 0.7, 1.5, 3.0])
    def test_blur(self, size, sigma):
        image = random_images(size)
        got = one(image, fixed("blur", sigma))
        np.testing.assert_allclose(got, reference.blur(image, sigma), rtol=0, atol=1e-6)

    def test_even_background(self):
        images = random_images((400, 6, 7)) * np.float32(0.5)
        got = augment(images, [step("background", 0.2, 0.6)], 1)
        tones = ((got - images) / (1 - images)).reshape(400, -1).astype(np.float64)
        assert np.ptp(tones, axis=1).max() < 1e-3
        assert ks_uniform(tones.mean(axis=1).clip(0.2, 0.6), 0.2, 0.6) < KS_LIMIT

    def test_uneven_background(self):
        blank = np.zeros((200, 28, 28), np.float32)
        tones = augment(blank, [step("background", 0.5, 0.5, 0.8)], 1)
        assert tones.min() >= 0.1 - 1e-6
        assert tones.max() <= 0.5 + 1e-6
        assert np.mean(np.ptp(tones, axis=(1, 2))) > 0.2
        # It is smooth: knots are a third of the side apart.
        assert abs(np.diff(tones, axis=1)).max() <= 0.4 / (28 / 3) + 1e-6
        assert np.allclose(augment(blank + 1, [step("background", 0.5, 0.5, 0.8)], 1), 1)

    @pytest.mark.parametrize("spacing", [1.0, 1.5, 6.0])
    def test_texture(self, spacing):
        full = np.ones((200, 28, 28), np.float32)
        got = augment(full, [step("texture", 0.6, 0.6, spacing)], 1)
        assert got.min() >= 0.4 - 1e-6
        assert got.max() <= 1
        assert abs(got.mean() - 0.7) < 0.02
        steepest = abs(np.diff(got, axis=2)).max()
        assert 0.3 / spacing < steepest <= 0.6 / spacing + 1e-6
        images = random_images((200, 28, 28))
        scaled = augment(images, [step("texture", 0.6, 0.6, spacing)], 1)
        np.testing.assert_allclose(scaled, images * got, rtol=1e-5)

    def test_stray_stroke_keeps_to_one_edge(self):
        images = random_images((500, 28, 40)) * np.float32(0.3)
        got = augment(images, [step("stray_stroke", 1, 3, 0.2, value=0.8)], 2)
        drawn = got != images
        assert (got[drawn] > images[drawn]).all()
        assert got.max() <= 0.8
        assert drawn.any(axis=(1, 2)).mean() > 0.9
        depth_y, depth_x = 0.2 * 28 + 2.5, 0.2 * 40 + 2.5  # plus half the width and the soft edge
        sides = []
        for picture in drawn:
            rows, columns = np.nonzero(picture)
            if not len(rows):
                continue
            fits = [
                rows.max() <= depth_y,
                columns.max() <= depth_x,
                rows.min() >= 27 - depth_y,
                columns.min() >= 39 - depth_x,
            ]
            assert any(fits)
            sides.append(fits.index(True))
        assert min(np.bincount(sides, minlength=4)) > 60

    def test_stray_stroke_crosses_with_full_reach(self):
        blank = np.zeros((300, 28, 28), np.float32)
        got = augment(blank, [step("stray_stroke", 2, 2, 1.0, value=1.0)], 3)
        middle = got[:, 10:18, 10:18].max(axis=(1, 2)) > 0
        assert 0.3 < middle.mean() < 0.95
        brightest = got.max(axis=(1, 2))
        assert brightest[brightest > 0].min() > 0.2
        assert brightest.max() <= 1

    def test_invert(self):
        images = random_images((5, 9, 4))
        assert np.array_equal(augment(images, [step("invert")], 0), 1 - images)


ALL_KINDS = [
    step("rotation", -0.1, 0.1),
    step("translation", -0.1, 0.1, -0.1, 0.1),
    step("zoom", -0.1, 0.1),
    step("contrast", 0, 0.1),
    step("shear", -0.2, 0.2, probability=0.5),
    step("affine", 10, 0.1, 0.9, 1.1, 10, fill="constant"),
    step("elastic", 1, 4, fill="nearest"),
    step("stroke", -0.5, 0.5),
    step("brightness", -0.1, 0.1),
    step("noise", 0, 0.1),
    step("erase", 0, 0.2, probability=0.5, value=0.5),
    step("blur", 0, 1, probability=0.5),
    step("background", 0, 0.5, 1),
    step("texture", 0, 0.5, 2),
    step("stray_stroke", 1, 2, 0.5, value=1.0),
    step("invert", probability=0.5),
]


class TestDraws:
    """Ranges, probabilities and streams."""

    N = 2000

    @pytest.mark.parametrize(
        ("kind", "low", "high"),
        [("rotation", -0.1, 0.1), ("zoom", -0.2, 0.1), ("shear", -0.3, 0.2)],
    )
    def test_geometric_ranges(self, kind, low, high):
        positions = source_positions([step(kind, low, high, fill="nearest")], self.N, 16, 16)
        drawn = []
        for source_y, source_x in zip(*positions, strict=True):
            inverse, centre = fit_affine(source_y, source_x)
            assert np.abs(centre).max() < 1e-3
            if kind == "rotation":
                drawn.append(math.atan2(inverse[1, 0], inverse[0, 0]) / (2 * math.pi))
            elif kind == "zoom":
                assert inverse[0, 0] == pytest.approx(inverse[1, 1], abs=1e-3)
                drawn.append(inverse[0, 0] - 1)
            else:
                drawn.append(inverse[0, 1])
        assert ks_uniform(np.array(drawn), low, high) < KS_LIMIT

    def test_translation_ranges(self):
        h, w = 20, 30
        motion = step("translation", -0.1, 0.2, -0.3, 0.1, fill="nearest")
        source_y, source_x = source_positions([motion], self.N, h, w)
        y, x = np.mgrid[:h, :w]
        down = -np.nanmean(source_y - y, axis=(1, 2)) / h
        right = -np.nanmean(source_x - x, axis=(1, 2)) / w
        assert ks_uniform(down, -0.1, 0.2) < KS_LIMIT
        assert ks_uniform(right, -0.3, 0.1) < KS_LIMIT
        assert abs(np.corrcoef(down, right)[0, 1]) < 4 / math.sqrt(self.N)

    @pytest.mark.parametrize("kind", ["contrast", "brightness", "stroke"])
    def test_pixel_ranges(self, kind):
        low, high = -0.2, 0.3
        images = np.full((self.N, 3, 3), 0.4, np.float32)
        images[:, 1, 1] = 0.6
        result = augment(images, [step(kind, low, high)], 4).astype(np.float64)
        if kind == "contrast":
            drawn = (result[:, 1, 1] - result[:, 0, 0]) / 0.2 - 1
        elif kind == "brightness":
            drawn = result[:, 0, 0] - 0.4
        else:
            drawn = (result[:, 0, 1] - 0.4) / 0.2 + (result[:, 1, 1] - 0.6) / 0.2
        assert ks_uniform(drawn, low, high) < KS_LIMIT

    @pytest.mark.parametrize("probability", [0.0, 0.03, 0.5, 1.0])
    def test_probability(self, probability):
        n = 20_000
        images = np.zeros((n, 1, 1), np.float32)
        steps = [
            fixed("brightness", 0.25, probability=probability),
            fixed("brightness", 0.5, probability=0.5),
        ]
        result = augment(images, steps, 8).ravel()
        first, second = np.isin(result, (0.25, 0.75)), result >= 0.5
        slack = 4.5 * math.sqrt(probability * (1 - probability) / n)
        assert abs(first.mean() - probability) <= slack
        assert abs(second.mean() - 0.5) < 4.5 * 0.5 / math.sqrt(n)
        if 0 < probability < 1:
            assert abs(np.corrcoef(first, second)[0, 1]) < 4.5 / math.sqrt(n)

    def test_same_stream_same_bits(self):
        images = random_images((20, 28, 28))
        before = images.copy()
        result = augment(images, ALL_KINDS, 11)
        assert np.array_equal(images, before)
        assert result.dtype == np.float32
        assert np.array_equal(result, augment(images, ALL_KINDS, 11))
        assert np.array_equal(result[:7], augment(images[:7], ALL_KINDS, 11))
        other = augment(images, ALL_KINDS, 12)
        assert not any(np.array_equal(a, b) for a, b in zip(result, other, strict=True))

    def test_images_draw_apart(self):
        images = np.repeat(random_images((1, 28, 28)), 50, axis=0)
        result = augment(images, ALL_KINDS, 0)
        assert len({image.tobytes() for image in result}) == 50

    @pytest.mark.parametrize("size", SIZES)
    def test_stays_in_range(self, size):
        result = augment(random_images((30, *size)), ALL_KINDS, 1)
        assert result.shape == (30, *size)
        assert result.min() >= 0
        assert result.max() <= 1

    def test_no_steps(self):
        images = random_images((3, 5, 4))
        assert np.array_equal(augment(images, [], 1), images)


class TestBadSteps:
    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            (step("rotation", 0.2, 0.1), r"step 1 \(rotation\): factor high: got 0.1, .* 0.2"),
            (step("rotation", -1.5, 0), r"step 1 \(rotation\): factor low: got -1.5, .*-1 to 1"),
            (step("translation", 0, 0, 0, 2), r"step 1 \(translation\): width high: got 2"),
            (step("translation", 0.1, 0, 0, 0), r"step 1 \(translation\): height high: got 0"),
            (step("zoom", -1, 0), r"step 1 \(zoom\): factor low: got -1"),
            (step("contrast", -1.1, 0), r"step 1 \(contrast\): factor low: got -1.1"),
            (step("affine", -1, 0, 1, 1, 0), r"step 1 \(affine\): degrees: got -1"),
            (step("affine", 1, 2, 1, 1, 0), r"step 1 \(affine\): translate: got 2"),
            (step("affine", 1, 0, 0, 1, 0), r"step 1 \(affine\): scale low: got 0"),
            (step("affine", 1, 0, 1, 0.5, 0), r"step 1 \(affine\): scale high: got 0.5"),
            (step("affine", 1, 0, 1, 1, 90), r"step 1 \(affine\): shear: got 90"),
            (step("elastic", -1, 4), r"step 1 \(elastic\): displacement: got -1"),
            (step("elastic", 1, 0.5), r"step 1 \(elastic\): sigma: got 0.5"),
            (step("shear", 0, 4.5), r"step 1 \(shear\): factor high: got 4.5"),
            (step("stroke", 0, 1.5), r"step 1 \(stroke\): amount high: got 1.5"),
            (step("brightness", -2, 0), r"step 1 \(brightness\): amount low: got -2"),
            (step("noise", -0.1, 0.1), r"step 1 \(noise\): sigma low: got -0.1"),
            (step("erase", 0, 1.1), r"step 1 \(erase\): area high: got 1.1"),
            (step("blur", 0, 4), r"step 1 \(blur\): sigma high: got 4"),
            (step("background", 0, 0, 2), r"step 1 \(background\): uneven: got 2"),
            (step("texture", 0, 0, 0), r"step 1 \(texture\): spacing: got 0"),
            (step("stray_stroke", 0, 1, 0), r"step 1 \(stray_stroke\): width low: got 0"),
            (step("stray_stroke", 1, 1, 1.5), r"step 1 \(stray_stroke\): reach: got 1.5"),
            (step("zoom", 0, 0, probability=1.1), r"step 1 \(zoom\): probability: got 1.1"),
            (step("zoom", 0, 0, value=-1.0), r"step 1 \(zoom\): value: got -1"),
            (
                step("rotation", 0, 0) | {"sigma": 0.5},
                r"steps\[1\] \(rotation\): unknown 'sigma', expected only: factor, prob",
            ),
            (
                step("contrast", 0, 0) | {"fill": "reflect"},
                r"steps\[1\] \(contrast\): unknown 'fill', expected only: factor, probability$",
            ),
            (
                step("invert") | {"factor": (0, 0)},
                r"steps\[1\] \(invert\): unknown 'factor', expected only: probability$",
            ),
            ({"type": "zoom"}, r"steps\[1\] \(zoom\): factor: missing"),
            ({"factor": (0, 0)}, r"steps\[1\]: type: missing"),
        ],
    )
    def test_message(self, bad, message):
        with pytest.raises(ValueError, match=message):
            augment(random_images((1, 4, 4)), [step("zoom", 0, 0), bad], 0)

    def test_defaults(self):
        image = random_images((9, 9))
        short = {"type": "zoom", "factor": (0.3, 0.3)}
        assert np.array_equal(one(image, short), one(image, fixed("zoom", 0.3, fill="constant")))

    @pytest.mark.parametrize("bad", [0.1, (0.1,), (0.1, 0.2, 0.3), "ab"])
    def test_ranges_are_pairs(self, bad):
        with pytest.raises((TypeError, ValueError), match=r"factor: got .* a pair \(low, high\)"):
            augment(random_images((1, 4, 4)), [{"type": "zoom", "factor": bad}], 0)

    @pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
    def test_numbers_are_finite(self, number):
        for bad in (
            step("rotation", number, 0),
            step("zoom", 0, 0, probability=number),
            step("erase", 0, 1, value=number),
        ):
            with pytest.raises(ValueError, match=r"steps\[1\] .*(nan|inf).*expected"):
                augment(random_images((1, 4, 4)), [step("zoom", 0, 0), bad], 0)


@pytest.fixture(scope="module")
def keras():
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    pytest.importorskip("tensorflow")
    return pytest.importorskip("keras")


class TestKeras:
    """The four operations that Keras has, against Keras' layers."""

    def compare(self, layer, image, *steps):
        want = np.asarray(layer(image[None, :, :, None], training=True))[0, :, :, 0]
        np.testing.assert_allclose(one(image, *steps), want, rtol=0, atol=1e-4)

    @pytest.mark.parametrize("size", SIZES)
    def test_layers(self, keras, size):
        layers = keras.layers
        image = random_images(size, seed=7)
        for a, b in [(0.0, 0.0), (0.1, -0.03), (-0.07, 0.1), (0.31, -0.45), (-0.9, 0.8)]:
            for fill in FILLS:
                options = {"fill_mode": fill, "fill_value": 0.25 if fill == "constant" else 0.0}
                outside = {"fill": fill, "value": options["fill_value"]}
                turned = layers.RandomRotation((a, a), **options)
                self.compare(turned, image, fixed("rotation", a, **outside))
                moved = layers.RandomTranslation((a, a), (b, b), **options)
                self.compare(moved, image, fixed("translation", a, b, **outside))
                zoomed = layers.RandomZoom((a, a), **options)
                self.compare(zoomed, image, fixed("zoom", a, **outside))
            # Its range is (1 - lower, 1 + upper).
            contrasted = layers.RandomContrast((-abs(a), abs(a)))
            self.compare(contrasted, image, fixed("contrast", abs(a)))

    def test_chain(self, keras):
        image = random_images((28, 28), seed=8)
        chain = keras.Sequential(
            [
                keras.layers.RandomRotation((0.08, 0.08)),
                keras.layers.RandomTranslation((-0.1, -0.1), (0.06, 0.06)),
                keras.layers.RandomZoom((0.1, 0.1)),
                keras.layers.RandomContrast((-0.1, 0.1)),
            ]
        )
        self.compare(
            chain,
            image,
            fixed("rotation", 0.08),
            fixed("translation", -0.1, 0.06),
            fixed("zoom", 0.1),
            fixed("contrast", 0.1),
        )

    def test_drawn_ranges(self, keras):
        """RandomContrast(0.1) draws from 1 to 1.1, and RandomZoom one factor for both axes."""
        contrast = keras.layers.RandomContrast(0.1)
        assert tuple(contrast.factor) == (0, 0.1)
        images = np.full((500, 3, 3, 1), 0.4, np.float32)
        images[:, 1, 1] = 0.6
        result = np.asarray(contrast(images, training=True))[..., 0]
        factors = (result[:, 1, 1] - result[:, 0, 0]) / 0.2
        assert ks_uniform(factors.astype(np.float64), 1, 1.1) < KS_LIMIT
        zoomed = keras.layers.RandomZoom(0.1).get_random_transformation(images)
        assert np.array_equal(zoomed["height_zoom"], zoomed["width_zoom"])

    def test_resampling(self, keras):
        """The reference's resampling is TensorFlow's for any affine map."""
        tf = pytest.importorskip("tensorflow")
        generator = np.random.default_rng(1)
        for size in SIZES:
            image = random_images(size)
            y, x = np.mgrid[: size[0], : size[1]].astype(np.float64)
            for fill in FILLS:
                matrix = generator.normal(0, 1, 6).astype(np.float32)
                matrix[[2, 5]] *= 10
                a0, a1, a2, b0, b1, b2 = matrix.astype(np.float64)
                got = tf.raw_ops.ImageProjectiveTransformV3(
                    images=image[None, :, :, None],
                    transforms=np.append(matrix, [0, 0]).astype(np.float32)[None],
                    output_shape=size,
                    fill_value=0.4,
                    interpolation="BILINEAR",
                    fill_mode=fill.upper(),
                )
                want = reference.sample(
                    image, b0 * x + b1 * y + b2, a0 * x + a1 * y + a2, fill, 0.4
                )
                np.testing.assert_allclose(got[0, :, :, 0], want, rtol=0, atol=1e-4)
