"""Pictures to 28x28: each step against its definition, and cv2 where it is installed."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ocrdigit._core import (
    is_canonical,
    otsu_threshold,
    preprocess_digit,
    resize_gray,
    rgb_to_gray,
    rgba_to_gray,
)


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
            assert np.array_equal(rgb_to_gray(colours), plain_gray(colours))

    def test_cv2(self):
        cv2 = pytest.importorskip("cv2")
        for red in range(0, 256, 5):
            colours = colours_with_red(red)
            assert np.array_equal(rgb_to_gray(colours), cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY))

    @pytest.mark.parametrize("background", [0, 1, 127, 255])
    def test_alpha_is_composited(self, background):
        rgba = np.random.default_rng(background).integers(0, 256, (70, 90, 4)).astype(np.uint8)
        rgba[0, :, 3] = 0
        rgba[1, :, 3] = 255
        alpha, colours = rgba[..., 3:].astype(int), rgba[..., :3].astype(int)
        composed = (alpha * colours + (255 - alpha) * background + 127) // 255
        got = rgba_to_gray(rgba, background)
        assert np.array_equal(got, plain_gray(composed))
        assert (got[0] == background).all()
        assert np.array_equal(got[1], plain_gray(rgba[1, :, :3]))

    def test_every_alpha_of_every_level(self):
        level, alpha = np.mgrid[:256, :256]
        rgba = np.stack([level, level, level, alpha], axis=-1).astype(np.uint8)
        exact = (alpha * level + (255 - alpha) * 200) / 255
        assert np.abs(rgba_to_gray(rgba, 200) - exact).max() <= 0.5


def plain_otsu(image):
    """The first level of the largest variance between classes, in exact fractions."""
    levels = [int(x) for x in image.ravel()]
    best, threshold = Fraction(0), 0
    for level in range(256):
        paper, ink = [x for x in levels if x <= level], [x for x in levels if x > level]
        if not paper or not ink:
            continue
        apart = Fraction(sum(ink), len(ink)) - Fraction(sum(paper), len(paper))
        variance = len(paper) * len(ink) * apart**2
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
        places = (np.arange(result_length) + 0.5) * length / result_length - 0.5
        each = np.eye(length)
        rows = [np.interp(places, np.arange(length), each[k]) for k in range(length)]
        return np.stack(rows, axis=1)
    edges = np.arange(result_length + 1) * (length / result_length)
    left, right = edges[:-1, None], edges[1:, None]
    pixels = np.arange(length)
    covered = np.minimum(right, pixels + 1) - np.maximum(left, pixels)
    return covered.clip(0) * (result_length / length)


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
            ((100, 3), (9, 11)),
            ((5, 200), (12, 1)),
            ((2, 3), (20, 30)),
            ((333, 251), (28, 28)),
        ],
    )
    def test_against_definition(self, size, result):
        image = np.random.default_rng(1).integers(0, 256, size).astype(np.uint8)
        want = axis_weights(size[0], result[0]) @ image @ axis_weights(size[1], result[1]).T
        got = resize_gray(image, *result)
        assert got.dtype == np.float32
        assert got.shape == result
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-4)

    def test_random_sizes(self):
        generator = np.random.default_rng(2)
        for _ in range(60):
            h, w, out_h, out_w = generator.integers(1, 80, 4)
            image = generator.integers(0, 256, (h, w)).astype(np.uint8)
            want = axis_weights(h, out_h) @ image @ axis_weights(w, out_w).T
            got = resize_gray(image, int(out_h), int(out_w))
            np.testing.assert_allclose(got, want, rtol=0, atol=1e-4)

    def test_same_size_is_the_image(self):
        image = np.random.default_rng(3).integers(0, 256, (31, 33)).astype(np.uint8)
        assert np.array_equal(resize_gray(image, 31, 33), image)

    def test_longest_sides(self):
        ramp = np.tile(np.arange(256, dtype=np.uint8), 64)  # 16384
        assert resize_gray(ramp[None], 1, 1)[0, 0] == pytest.approx(127.5)
        assert resize_gray(ramp[:, None], 1, 1)[0, 0] == pytest.approx(127.5)
        long = resize_gray(np.array([[10, 250]], np.uint8), 1, 16384)
        assert (long[0, 0], long[0, -1]) == (10, 250)
        assert (np.diff(long) >= 0).all()

    def test_cv2(self):
        cv2 = pytest.importorskip("cv2")
        generator = np.random.default_rng(4)
        for _ in range(40):
            h, w = (int(x) for x in generator.integers(20, 90, 2))
            out_h, out_w = (int(generator.integers(1, side + 1)) for side in (h, w))
            image = generator.integers(0, 256, (h, w)).astype(np.uint8)
            size = (out_w, out_h)
            want = cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA)
            np.testing.assert_allclose(resize_gray(image, out_h, out_w), want, rtol=0, atol=1e-2)


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


def draw(digit, size=(200, 200), box=(60, 40, 140, 160), pen=12, paper=255, ink=0):
    """A digit drawn with a round pen into box (left, top, right, bottom)."""
    smooth = 4
    picture = Image.new("L", (size[0] * smooth, size[1] * smooth), paper)
    pencil = ImageDraw.Draw(picture)
    left, top, right, bottom = (x * smooth for x in box)
    radius = pen * smooth / 2
    for stroke in STROKES[digit]:
        points = [(left + x * (right - left), top + y * (bottom - top)) for x, y in stroke]
        pencil.line(points, fill=ink, width=round(2 * radius))
        for x, y in points:
            pencil.ellipse([x - radius, y - radius, x + radius, y + radius], fill=ink)
    return np.asarray(picture.resize(size, Image.Resampling.BOX))


def likeness(a, b):
    """The correlation of two results; whole pixels of centring may fall either way."""
    near = [np.roll(a, (down, right), axis=(0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return max(np.corrcoef(moved.ravel(), b.ravel())[0, 1] for moved in near)


def check_form(result, at_edge=False):
    """MNIST's form: 20x20 of ink, its centre of mass within a pixel of (14, 14)."""
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


class TestPrepareDigit:
    @pytest.mark.parametrize("digit", range(10))
    def test_ink_and_paper_of_any_level(self, digit):
        want = preprocess_digit(draw(digit))
        check_form(want)
        for paper, ink in [(0, 255), (255, 90), (200, 120), (40, 130), (0, 60), (120, 255)]:
            result = preprocess_digit(draw(digit, paper=paper, ink=ink))
            check_form(result)
            assert likeness(result, want) > 0.99

    @pytest.mark.parametrize("digit", range(10))
    def test_any_place_and_size(self, digit):
        want = preprocess_digit(draw(digit))
        for size, box, pen in [
            ((200, 200), (10, 10, 90, 130), 12),
            ((200, 200), (115, 70, 195, 190), 12),
            ((640, 480), (300, 120, 380, 240), 12),
            ((60, 80), (15, 15, 43, 57), 4.2),
            ((28, 28), (9, 4, 20, 20.5), 1.65),
            ((1600, 1200), (500, 200, 900, 800), 60),
        ]:
            result = preprocess_digit(draw(digit, size, box, pen))
            check_form(result)
            # The smallest ones are made of a few pixels.
            assert likeness(result, want) > (0.93 if max(size) > 28 else 0.8)

    @pytest.mark.parametrize("digit", range(10))
    def test_thin_pen(self, digit):
        """It comes out as strokes that a network trained on MNIST can see."""
        result = preprocess_digit(draw(digit, (400, 400), (100, 50, 300, 350), pen=3))
        check_form(result)
        assert result.sum() > 1.2 * 20
        assert np.quantile(result[result > 0], 0.75) > 0.6
        assert likeness(result, preprocess_digit(draw(digit))) > 0.75

    @pytest.mark.parametrize("digit", range(10))
    def test_noise_light_and_specks(self, digit):
        generator = np.random.default_rng(digit)
        want = preprocess_digit(draw(digit))
        y, x = np.mgrid[:200, :200]
        for slope_y, slope_x in [(0.3, 0.2), (-0.4, 0.1), (0, -0.45)]:
            lit = draw(digit, paper=190, ink=60) + slope_y * (y - 100) + slope_x * (x - 100)
            noisy = lit + generator.normal(0, 8, lit.shape)
            for _ in range(8):
                top, left = generator.integers(0, 198, 2)
                noisy[top : top + 2, left : left + 2] = 30
            picture = noisy.clip(0, 255).astype(np.uint8)
            for result in (preprocess_digit(picture), preprocess_digit(255 - picture)):
                check_form(result)
                assert likeness(result, want) > 0.93

    @pytest.mark.parametrize("digit", range(10))
    def test_table_edge_and_neighbour(self, digit):
        want = preprocess_digit(draw(digit))
        edge = draw(digit).copy()
        edge[:, :14] = 30
        assert likeness(preprocess_digit(edge), want) > 0.97
        neighbour = draw(digit).copy()
        neighbour[30:170, 165:] = draw(0)[30:170, 54:89]
        assert likeness(preprocess_digit(neighbour), want) > 0.97

    @pytest.mark.parametrize("digit", [4, 5, 7])
    def test_digit_that_fills_its_picture(self, digit):
        """Its ink meets the border, and is kept, specks inside or not."""
        full = draw(digit, (100, 150), (6, 6, 94, 144))
        inked = full < 128
        rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
        tight = full[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
        tight[-30:-26, -20:-16] = 0
        result = preprocess_digit(tight)
        assert (
            likeness(result, preprocess_digit(draw(digit, (200, 250), (56, 56, 144, 194)))) > 0.97
        )

    @pytest.mark.parametrize("background", [0, 255])
    def test_alpha(self, background):
        """Ink on a transparent sheet, over either ground."""
        ink = 255 - draw(5)
        rgba = np.zeros((200, 200, 4), np.uint8)
        rgba[..., :3] = 255 - background
        rgba[..., 3] = ink
        result = preprocess_digit(rgba_to_gray(rgba, background))
        assert likeness(result, preprocess_digit(draw(5))) > 0.99

    def test_detached_bar_is_kept(self):
        picture = draw(5).copy()
        gap = picture.copy()
        gap[49:55] = 255
        result = preprocess_digit(gap)
        assert result[:7].sum() > 0.8 * preprocess_digit(picture)[:7].sum()

    def test_mnist_comes_out_as_it_was(self, sample):
        images = sample.X_test[:300]
        originals = images / np.float32(255)

        def differences(pictures):
            pairs = zip(pictures, originals, strict=True)
            return np.array([np.abs(preprocess_digit(p) - o) for p, o in pairs])

        for pictures in (images, 255 - images):
            apart = differences(pictures)
            assert np.mean(apart.max(axis=(1, 2)) < 0.02) > 0.85
            assert apart.mean() < 0.01
        enlarged = 255 - images.repeat(4, axis=1).repeat(4, axis=2)
        assert differences(enlarged).mean() < 0.04
        smooth = [
            np.asarray(Image.fromarray(255 - image).resize((112, 112), Image.Resampling.BICUBIC))
            for image in images
        ]
        assert differences(smooth).mean() < 0.05

    @pytest.mark.parametrize("level", [0, 77, 255])
    def test_no_ink(self, level):
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
            share = generator.random()
            for picture in (
                generator.integers(0, 256, size),
                255 * (generator.random(size) < share),
                np.add.outer(np.arange(size[0]), np.arange(size[1])) % 256,
            ):
                result = preprocess_digit(picture.astype(np.uint8))
                assert result.shape == (28, 28)
                assert result.min() >= 0
                assert result.max() <= 1

    def test_same_picture_same_bits(self):
        picture = draw(8)
        assert np.array_equal(preprocess_digit(picture), preprocess_digit(picture.copy()))


class TestIsMnistLike:
    def test_mnist_is(self, sample):
        images = sample.X_train
        assert all(is_canonical(image) for image in images)
        assert not any(is_canonical(255 - image) for image in images)

    def test_others_are_not(self):
        assert not is_canonical(draw(3))
        assert not is_canonical(np.zeros((28, 28), np.uint8))
        assert not is_canonical(np.full((28, 28), 255, np.uint8))
        assert not is_canonical(draw(3, (28, 28), (9, 4, 20, 20), 2, paper=60, ink=255))
        assert not is_canonical(draw(3, (28, 28), (9, 4, 20, 20), 2, paper=0, ink=100))

    @pytest.mark.parametrize("sides", [{"left", "right"}, {"top", "left"}, {"bottom"}])
    def test_light_along_one_or_two_sides_is(self, sides):
        picture = draw(3, (28, 28), (9, 4, 20, 20), 2, paper=0, ink=255)
        ground = np.zeros((28, 28), bool)
        ground[:5], ground[23:] = "top" in sides, "bottom" in sides
        ground[:, :7] |= "left" in sides
        ground[:, 21:] |= "right" in sides
        assert is_canonical(np.where(ground, 255 - picture, picture))

    @pytest.mark.parametrize(("paper", "ink"), [(40, 255), (128, 255), (150, 0), (255, 0)])
    def test_paper_along_three_sides_is_not(self, paper, ink):
        picture = draw(3, (28, 28), (9, 4, 20, 20), 2, paper=paper, ink=ink).copy()
        picture[:, 24:] = 0  # a neighbour's ink, or a shadow
        picture[0, :3] = picture[27, :3] = 0
        assert not is_canonical(picture)

    def test_noise_is_forgiven(self):
        generator = np.random.default_rng(0)
        picture = draw(3, (28, 28), (9, 4, 20, 20), 2, paper=0, ink=255)
        noisy = (picture + generator.normal(0, 10, picture.shape)).clip(0, 255)
        assert is_canonical(noisy.astype(np.uint8))


class TestBadSizes:
    @pytest.mark.parametrize("size", [(1, 16385), (16385, 1)])
    def test_sides(self, size):
        image = np.zeros(size, np.uint8)
        for function in (preprocess_digit, lambda x: resize_gray(x, 5, 5)):
            with pytest.raises(ValueError, match=r"image.*16385.*16384"):
                function(image)

    @pytest.mark.parametrize(
        ("sides", "message"),
        [((0, 5), r"height.*got 0"), ((-1, 5), r"height.*got -1"), ((5, 16385), r"width.*16385")],
    )
    def test_result(self, sides, message):
        with pytest.raises(ValueError, match=message):
            resize_gray(np.zeros((4, 4), np.uint8), *sides)
