"""Gray, Otsu and resizing against their definitions and cv2, and preprocessing to 28x28."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ocrdigit import image as operations
from ocrdigit._core import is_canonical, preprocess_digit
from ocrdigit.image import to_gray


def plain_gray(colours):
    red, green, blue = (colours[..., i].astype(np.int64) for i in range(3))
    return ((9798 * red + 19235 * green + 3735 * blue + 16384) >> 15).astype(np.uint8)


def colours_with_red(red):
    """All 65,536 colours of one red, (256, 256, 3)."""
    colours = np.empty((256, 256, 3), np.uint8)
    colours[..., 0] = red
    colours[..., 1] = np.arange(256)[:, None]
    colours[..., 2] = np.arange(256)
    return colours


class TestGray:
    def test_every_colour(self):
        for red in range(256):
            colours = colours_with_red(red)
            assert np.array_equal(to_gray(colours), plain_gray(colours))

    def test_cv2(self):
        cv2 = pytest.importorskip("cv2")
        for red in range(0, 256, 5):
            colours = colours_with_red(red)
            assert np.array_equal(to_gray(colours), cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY))

    @pytest.mark.parametrize("background", [0, 1, 127, 255])
    def test_alpha_is_composited(self, background):
        rgba = np.random.default_rng(background).integers(0, 256, (70, 90, 4)).astype(np.uint8)
        rgba[0, :, 3] = 0
        rgba[1, :, 3] = 255
        alpha, colours = rgba[..., 3:].astype(int), rgba[..., :3].astype(int)
        composed = (alpha * colours + (255 - alpha) * background + 127) // 255
        got = to_gray(rgba, background=background)
        assert np.array_equal(got, plain_gray(composed))
        assert (got[0] == background).all()
        assert np.array_equal(got[1], plain_gray(rgba[1, :, :3]))

    def test_every_alpha_of_every_level(self):
        level, alpha = np.mgrid[:256, :256]
        rgba = np.stack([level, level, level, alpha], axis=-1).astype(np.uint8)
        exact = (alpha * level + (255 - alpha) * 200) / 255
        assert np.abs(to_gray(rgba, background=200) - exact).max() <= 0.5


def otsu_threshold(image):
    return operations.threshold(image, type="otsu")[0]


def plain_otsu(image):
    """The first level of the largest variance between classes, in exact fractions."""
    levels = [int(x) for x in image.ravel()]
    best, threshold = Fraction(0), 0
    for level in range(256):
        below, above = [x for x in levels if x <= level], [x for x in levels if x > level]
        if not below or not above:
            continue
        difference = Fraction(sum(above), len(above)) - Fraction(sum(below), len(below))
        variance = len(below) * len(above) * difference**2
        if variance > best:
            best, threshold = variance, level
    return threshold


class TestOtsu:
    @pytest.mark.parametrize("seed", range(30))
    def test_against_definition(self, seed):
        generator = np.random.default_rng(seed)
        shape = tuple(generator.integers(1, 14, 2))
        low, high = sorted(generator.integers(0, 257, 2))
        image = generator.integers(low, max(high, low + 1), shape).astype(np.uint8)
        assert otsu_threshold(image) == plain_otsu(image)

    @pytest.mark.parametrize("level", [0, 1, 128, 255])
    def test_constant(self, level):
        assert otsu_threshold(np.full((5, 6), level, np.uint8)) == 0

    def test_ties_take_the_lowest(self):
        assert otsu_threshold(np.array([[10, 200]], np.uint8)) == 10
        # Both 0 | 100, 200 and 0, 100 | 200 are best.
        assert otsu_threshold(np.array([[0] * 5 + [100] * 3 + [200] * 5], np.uint8)) == 0

    def test_extremes(self):
        image = np.zeros((2, 500), np.uint8)
        image[0, 0] = 255
        assert otsu_threshold(image) == 0
        assert otsu_threshold(255 - image) == 0

    def test_cv2(self):
        cv2 = pytest.importorskip("cv2")
        generator = np.random.default_rng(0)
        for _ in range(50):
            shape = tuple(generator.integers(1, 60, 2))
            image = generator.normal(generator.choice([80, 170], shape), 25).clip(0, 255)
            image = image.astype(np.uint8)
            want, _ = cv2.threshold(image, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
            assert otsu_threshold(image) == want


def axis_weights(length, result_length):
    """Row i: how much of each input pixel goes into result pixel i."""
    if result_length > length:
        positions = (np.arange(result_length) + 0.5) * length / result_length - 0.5
        each = np.eye(length)
        rows = [np.interp(positions, np.arange(length), each[k]) for k in range(length)]
        return np.stack(rows, axis=1)
    edges = np.arange(result_length + 1) * (length / result_length)
    left, right = edges[:-1, None], edges[1:, None]
    pixels = np.arange(length)
    covered = np.minimum(right, pixels + 1) - np.maximum(left, pixels)
    return covered.clip(0) * (result_length / length)


def resize(image, h, w):
    """By area if no side grows, else linear."""
    area = h <= image.shape[0] and w <= image.shape[1]
    return operations.resize(image, (w, h), "area" if area else "linear")


def tolerance(size, result):
    """Of rounding, and of parts of a pixel that area ignores or of linear weights of 11 bits."""
    return 0.75 if result[0] <= size[0] and result[1] <= size[1] else 1.5


class TestResize:
    @pytest.mark.parametrize(
        ("size", "result"),
        [
            ((1, 1), (1, 1)),
            ((1, 1), (5, 3)),
            ((7, 9), (7, 9)),
            ((40, 60), (20, 20)),
            ((28, 28), (20, 20)),
            ((31, 17), (7, 5)),
            ((100, 11), (9, 3)),
            ((5, 200), (5, 1)),
            ((2, 3), (20, 30)),
            ((333, 251), (28, 28)),
        ],
    )
    def test_against_definition(self, size, result):
        image = np.random.default_rng(1).integers(0, 256, size).astype(np.uint8)
        want = axis_weights(size[0], result[0]) @ image @ axis_weights(size[1], result[1]).T
        got = resize(image, *result)
        assert got.dtype == np.uint8
        assert got.shape == result
        np.testing.assert_allclose(got, want, rtol=0, atol=tolerance(size, result))

    @pytest.mark.parametrize("grow", [False, True])
    def test_random_sizes(self, grow):
        generator = np.random.default_rng(2)
        for _ in range(60):
            small = generator.integers(1, 80, 2)
            large = small + generator.integers(0, 80, 2)
            (h, w), (out_h, out_w) = (small, large) if grow else (large, small)
            image = generator.integers(0, 256, (h, w)).astype(np.uint8)
            want = axis_weights(h, out_h) @ image @ axis_weights(w, out_w).T
            got = resize(image, int(out_h), int(out_w))
            np.testing.assert_allclose(got, want, rtol=0, atol=tolerance((h, w), (out_h, out_w)))

    def test_same_size_is_the_image(self):
        image = np.random.default_rng(3).integers(0, 256, (31, 33)).astype(np.uint8)
        assert np.array_equal(resize(image, 31, 33), image)

    def test_longest_sides(self):
        ramp = np.tile(np.arange(256, dtype=np.uint8), 64)  # 16384
        assert resize(ramp[None], 1, 1)[0, 0] in (127, 128)
        assert resize(ramp[:, None], 1, 1)[0, 0] in (127, 128)
        long = resize(np.array([[10, 250]], np.uint8), 1, 16384)
        assert (long[0, 0], long[0, -1]) == (10, 250)
        assert (np.diff(long.astype(int)) >= 0).all()

    def test_cv2(self):
        cv2 = pytest.importorskip("cv2")
        generator = np.random.default_rng(4)
        for _ in range(40):
            h, w = (int(x) for x in generator.integers(20, 90, 2))
            out_h, out_w = (int(generator.integers(1, side + 1)) for side in (h, w))
            image = generator.integers(0, 256, (h, w)).astype(np.uint8)
            size = (out_w, out_h)
            want = cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA)
            np.testing.assert_allclose(resize(image, out_h, out_w), want, rtol=0, atol=0.51)


# Ten digits as strokes in a unit square, x to the right and y down.
STROKES = {
    0: [[(0.5, 0), (0.15, 0.25), (0.15, 0.75), (0.5, 1), (0.85, 0.75), (0.85, 0.25), (0.5, 0)]],
    1: [[(0.3, 0.25), (0.55, 0), (0.55, 1)]],
    2: [[(0.15, 0.2), (0.5, 0), (0.85, 0.25), (0.15, 1), (0.9, 1)]],
    3: [[(0.2, 0), (0.85, 0), (0.45, 0.4), (0.85, 0.7), (0.5, 1), (0.15, 0.9)]],
    4: [[(0.6, 1), (0.6, 0), (0.1, 0.65), (0.9, 0.65)]],
    5: [[(0.8, 0), (0.25, 0), (0.2, 0.45), (0.75, 0.5), (0.75, 0.9), (0.2, 1)]],
    6: [[(0.7, 0), (0.25, 0.5), (0.25, 0.9), (0.7, 1), (0.8, 0.65), (0.25, 0.6)]],
    7: [[(0.1, 0), (0.9, 0), (0.4, 1)]],
    8: [[(0.5, 0), (0.15, 0.25), (0.85, 0.75), (0.5, 1), (0.15, 0.75), (0.85, 0.25), (0.5, 0)]],
    9: [[(0.75, 0.45), (0.3, 0.4), (0.3, 0.05), (0.75, 0.05), (0.75, 0.45), (0.55, 1)]],
}


def draw(digit, size=(200, 200), box=(60, 40, 140, 160), width=12, background=255, foreground=0):
    """Draw a digit with round strokes into box (left, top, right, bottom)."""
    smooth = 4
    picture = Image.new("L", (size[0] * smooth, size[1] * smooth), background)
    pencil = ImageDraw.Draw(picture)
    left, top, right, bottom = (x * smooth for x in box)
    radius = width * smooth / 2
    for stroke in STROKES[digit]:
        points = [(left + x * (right - left), top + y * (bottom - top)) for x, y in stroke]
        pencil.line(points, fill=foreground, width=round(2 * radius))
        for x, y in points:
            pencil.ellipse([x - radius, y - radius, x + radius, y + radius], fill=foreground)
    return np.asarray(picture.resize(size, Image.Resampling.BOX))


def similarity(a, b):
    """The correlation of two results, up to a pixel of centring."""
    near = [np.roll(a, (down, right), axis=(0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return max(np.corrcoef(moved.ravel(), b.ravel())[0, 1] for moved in near)


def check_form(result, at_edge=False):
    """MNIST's form: a box of 20x20, its centre of mass within a pixel of (14, 14)."""
    assert result.shape == (28, 28)
    assert result.dtype == np.float32
    assert result.min() >= 0
    assert result.max() <= 1
    assert result.max() > 0.5
    rows, columns = np.flatnonzero(result.any(axis=1)), np.flatnonzero(result.any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20)
    if not at_edge:
        y, x = np.mgrid[:28, :28]
        assert abs((result * y).sum() / result.sum() - 14) <= 0.51
        assert abs((result * x).sum() / result.sum() - 14) <= 0.51


class TestPreprocessDigit:
    @pytest.mark.parametrize("digit", range(10))
    def test_foreground_and_background_of_any_level(self, digit):
        want = preprocess_digit(draw(digit))
        check_form(want)
        for background, foreground in [
            *((0, 255), (255, 90), (200, 120)),
            *((40, 130), (0, 60), (120, 255)),
        ]:
            picture = draw(digit, background=background, foreground=foreground)
            result = preprocess_digit(picture)
            check_form(result)
            assert similarity(result, want) > 0.99

    @pytest.mark.parametrize("digit", range(10))
    def test_any_place_and_size(self, digit):
        want = preprocess_digit(draw(digit))
        for size, box, width in [
            ((200, 200), (10, 10, 90, 130), 12),
            ((200, 200), (115, 70, 195, 190), 12),
            ((640, 480), (300, 120, 380, 240), 12),
            ((60, 80), (15, 15, 43, 57), 4.2),
            ((28, 28), (9, 4, 20, 20.5), 1.65),
            ((1600, 1200), (500, 200, 900, 800), 60),
        ]:
            result = preprocess_digit(draw(digit, size, box, width))
            check_form(result)
            # The smallest ones are made of a few pixels.
            assert similarity(result, want) > (0.93 if max(size) > 28 else 0.8)

    @pytest.mark.parametrize("digit", range(10))
    def test_thin_strokes(self, digit):
        """They become as thick as thin strokes of MNIST."""
        result = preprocess_digit(draw(digit, (400, 400), (100, 50, 300, 350), width=3))
        check_form(result)
        assert result.sum() > 1.2 * 20
        assert np.quantile(result[result > 0], 0.75) > 0.6
        assert similarity(result, preprocess_digit(draw(digit))) > 0.75

    @pytest.mark.parametrize("digit", range(10))
    def test_noise_light_and_specks(self, digit):
        generator = np.random.default_rng(digit)
        want = preprocess_digit(draw(digit))
        y, x = np.mgrid[:200, :200]
        for slope_y, slope_x in [(0.3, 0.2), (-0.4, 0.1), (0, -0.45)]:
            lit = (
                draw(digit, background=190, foreground=60)
                + slope_y * (y - 100)
                + slope_x * (x - 100)
            )
            noisy = lit + generator.normal(0, 8, lit.shape)
            for _ in range(8):
                top, left = generator.integers(0, 198, 2)
                noisy[top : top + 2, left : left + 2] = 30
            picture = noisy.clip(0, 255).astype(np.uint8)
            for result in (preprocess_digit(picture), preprocess_digit(255 - picture)):
                check_form(result)
                assert similarity(result, want) > 0.93

    @pytest.mark.parametrize("digit", range(10))
    def test_table_edge_and_neighbour(self, digit):
        want = preprocess_digit(draw(digit))
        edge = draw(digit).copy()
        edge[:, :14] = 30
        assert similarity(preprocess_digit(edge), want) > 0.97
        neighbour = draw(digit).copy()
        neighbour[30:170, 165:] = draw(0)[30:170, 54:89]
        assert similarity(preprocess_digit(neighbour), want) > 0.97

    @pytest.mark.parametrize("digit", [4, 5, 7])
    def test_digit_that_fills_its_picture(self, digit):
        """It touches the border and is kept, with specks inside or not."""
        full = draw(digit, (100, 150), (6, 6, 94, 144))
        dark = full < 128
        rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
        tight = full[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
        tight[-30:-26, -20:-16] = 0
        result = preprocess_digit(tight)
        assert (
            similarity(result, preprocess_digit(draw(digit, (200, 250), (56, 56, 144, 194)))) > 0.97
        )

    @pytest.mark.parametrize("background", [0, 255])
    def test_alpha(self, background):
        """A digit on a transparent image, over either background."""
        rgba = np.zeros((200, 200, 4), np.uint8)
        rgba[..., :3] = 255 - background
        rgba[..., 3] = 255 - draw(5)
        result = preprocess_digit(to_gray(rgba, background=background))
        assert similarity(result, preprocess_digit(draw(5))) > 0.99

    def test_detached_bar_is_kept(self):
        picture = draw(5).copy()
        gap = picture.copy()
        gap[49:55] = 255
        result = preprocess_digit(gap)
        assert result[:7].sum() > 0.8 * preprocess_digit(picture)[:7].sum()

    def test_mnist_is_reproduced(self, sample):
        images = sample.X_test[:300]
        originals = images / np.float32(255)

        def differences(pictures):
            pairs = zip(pictures, originals, strict=True)
            return np.array([np.abs(preprocess_digit(p) - o) for p, o in pairs])

        for pictures in (images, 255 - images):
            difference = differences(pictures)
            assert np.mean(difference.max(axis=(1, 2)) < 0.02) > 0.85
            assert difference.mean() < 0.01
        enlarged = 255 - images.repeat(4, axis=1).repeat(4, axis=2)
        assert differences(enlarged).mean() < 0.04
        smooth = [
            np.asarray(Image.fromarray(255 - image).resize((112, 112), Image.Resampling.BICUBIC))
            for image in images
        ]
        assert differences(smooth).mean() < 0.05

    @pytest.mark.parametrize("level", [0, 77, 255])
    def test_no_foreground(self, level):
        for size in [(1, 1), (28, 28), (3, 500)]:
            assert not preprocess_digit(np.full(size, level, np.uint8)).any()
        noise = np.random.default_rng(level).normal(level, 4, (60, 60)).clip(0, 255)
        assert not preprocess_digit(noise.astype(np.uint8)).any()

    def test_any_picture_is_safe(self):
        """Random sizes and contents, the longest sides included."""
        generator = np.random.default_rng(0)
        sizes = [(1, 1), (1, 2), (2, 2), (1, 700), (700, 1), (3, 16384), (16384, 3), (513, 40)]
        sizes += [tuple(generator.integers(1, 40, 2)) for _ in range(150)]
        for size in sizes:
            density = generator.random()
            for picture in (
                generator.integers(0, 256, size),
                255 * (generator.random(size) < density),
                np.add.outer(np.arange(size[0]), np.arange(size[1])) % 256,
            ):
                result = preprocess_digit(picture.astype(np.uint8))
                assert result.shape == (28, 28)
                assert result.min() >= 0
                assert result.max() <= 1

    def test_same_picture_same_bits(self):
        picture = draw(8)
        assert np.array_equal(preprocess_digit(picture), preprocess_digit(picture.copy()))


class TestIsCanonical:
    def test_mnist_is(self, sample):
        images = sample.X_train
        assert all(is_canonical(image) for image in images)
        assert not any(is_canonical(255 - image) for image in images)

    def test_others_are_not(self):
        assert not is_canonical(draw(3))
        assert not is_canonical(np.zeros((28, 28), np.uint8))
        assert not is_canonical(np.full((28, 28), 255, np.uint8))
        assert not is_canonical(draw(3, (28, 28), (9, 4, 20, 20), 2, background=60, foreground=255))
        assert not is_canonical(draw(3, (28, 28), (9, 4, 20, 20), 2, background=0, foreground=100))

    @pytest.mark.parametrize("sides", [{"left", "right"}, {"top", "left"}, {"bottom"}])
    def test_light_along_one_or_two_sides_is(self, sides):
        picture = draw(3, (28, 28), (9, 4, 20, 20), 2, background=0, foreground=255)
        ground = np.zeros((28, 28), bool)
        ground[:5], ground[23:] = "top" in sides, "bottom" in sides
        ground[:, :7] |= "left" in sides
        ground[:, 21:] |= "right" in sides
        assert is_canonical(np.where(ground, 255 - picture, picture))

    @pytest.mark.parametrize(
        ("background", "foreground"), [(40, 255), (128, 255), (150, 0), (255, 0)]
    )
    def test_light_along_three_sides_is_not(self, background, foreground):
        picture = draw(3, (28, 28), (9, 4, 20, 20), 2, background, foreground).copy()
        picture[:, 24:] = 0  # neighbouring writing, or a shadow
        picture[0, :3] = picture[27, :3] = 0
        assert not is_canonical(picture)

    def test_noise_is_tolerated(self):
        generator = np.random.default_rng(0)
        picture = draw(3, (28, 28), (8, 4, 20, 24), 2, background=0, foreground=255)
        noisy = (picture + generator.normal(0, 10, picture.shape)).clip(0, 255)
        assert is_canonical(noisy.astype(np.uint8))


class TestBadSizes:
    @pytest.mark.parametrize("size", [(1, 16385), (16385, 1)])
    def test_sides(self, size):
        image = np.zeros(size, np.uint8)
        for function in (preprocess_digit, lambda x: resize(x, 5, 5)):
            with pytest.raises(ValueError, match=r"image.*16385.*16384"):
                function(image)
