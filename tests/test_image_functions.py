"""The interface of ocrdigit.image: bad input, strides, threads, examples.

test_parity_opencv.py compares the results with OpenCV's, and the C tests with definitions.
"""

import doctest

import numpy as np
import pytest

import ocrdigit
from ocrdigit import image


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


# One call of each function on an image (h, w), and the names of those that accept channels.
GRAY = {
    "threshold": lambda x: image.threshold(x, 100)[1],
    "otsu": lambda x: image.threshold(x, type="otsu")[1],
    "adaptive_mean": lambda x: image.adaptive_threshold(x),
    "adaptive_gaussian": lambda x: image.adaptive_threshold(x, method="gaussian"),
    "gaussian_blur": lambda x: image.gaussian_blur(x, (5, 9), 1.2),
    "resize_linear": lambda x: image.resize(x, (33, 70)),
    "resize_area": lambda x: image.resize(x, (20, 33), "area"),
    "erode": lambda x: image.erode(x, np.ones((5, 3)) > 0, border="reflect_101"),
    "dilate": lambda x: image.dilate(x, image.structuring_element("ellipse", (7, 5))),
    "open": lambda x: image.open(x, iterations=2),
    "close": lambda x: image.close(x, image.structuring_element("cross", (3, 3)), iterations=2),
    "warp": lambda x: image.warp_affine(x, [[0.9, 0.2, 3], [-0.1, 1.1, 2]], (50, 40)),
    "deskew": lambda x: image.deskew(x),
    "normalize": lambda x: image.normalize(x, 30, 200),
    "components": lambda x: image.connected_components(x).labels.astype(np.uint8),
}
ANY = (
    "warp",
    "gaussian_blur",
    "resize_linear",
    "resize_area",
    "threshold",
    "erode",
    "dilate",
    "open",
    "close",
)


def test_examples():
    assert doctest.testmod(image).failed == 0
    assert doctest.testmod(image).attempted >= 3


def test_names():
    assert set(image.__all__) <= set(dir(image))
    assert ocrdigit.image is image


@pytest.mark.parametrize("name", GRAY)
class TestEveryFunction:
    def test_strides(self, name):
        x = noise(61, 47)
        want = GRAY[name](x)
        padded = np.zeros((200, 150), np.uint8)
        padded[20:142:2, 5:146:3] = x
        colours = np.stack([x, x + 1, x], axis=-1)
        views = [
            padded[20:142:2, 5:146:3],
            np.asfortranarray(x),
            x[::-1, ::-1].copy()[::-1, ::-1],
            colours[..., 2],
        ]
        for view in views:
            assert np.array_equal(view, x)
            assert np.array_equal(GRAY[name](view), want)

    def test_the_image_is_unchanged(self, name):
        x = noise(40, 40)
        x.setflags(write=False)
        before = x.copy()
        GRAY[name](x)
        assert np.array_equal(x, before)

    @pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 3)])
    def test_small(self, name, shape):
        for value in (0, 128, 255):
            assert GRAY[name](np.full(shape, value, np.uint8)).dtype == np.uint8

    def test_threads(self, name):
        x, before = noise(700, 900), ocrdigit.get_num_threads()
        try:
            ocrdigit.set_num_threads(1)
            want = GRAY[name](x)
            ocrdigit.set_num_threads(3)
            assert np.array_equal(GRAY[name](x), want)
        finally:
            ocrdigit.set_num_threads(before)

    @pytest.mark.parametrize("wrong", [None, "x", 3, [[1, 2]], b"ab"])
    def test_not_an_array(self, name, wrong):
        with pytest.raises(TypeError, match="image"):
            GRAY[name](wrong)

    @pytest.mark.parametrize("dtype", [np.float32, np.int8, np.uint16, object])
    def test_dtype(self, name, dtype):
        with pytest.raises(TypeError, match=r"image: got dtype .* expected uint8"):
            GRAY[name](np.zeros((4, 4), dtype))

    @pytest.mark.parametrize(
        "shape", [(), (4,), (0, 4), (4, 0), (4, 4, 0), (4, 4, 5), (1, 2, 3, 1)]
    )
    def test_shape(self, name, shape):
        with pytest.raises(ValueError, match="image"):
            GRAY[name](np.zeros(shape, np.uint8))

    def test_too_large(self, name):
        wide = np.broadcast_to(np.uint8(7), (3, 16385))
        for x in (wide, wide.T, np.broadcast_to(np.uint8(0), (2**31 + 5, 2))):
            with pytest.raises(ValueError, match="image"):
                GRAY[name](x)

    def test_colours(self, name):
        x = noise(30, 20, 3)
        if name in ANY:
            want = np.stack([GRAY[name](x[..., k]) for k in range(3)], axis=-1)
            assert np.array_equal(GRAY[name](x), want)
            assert np.array_equal(GRAY[name](x[..., :1])[..., 0], want[..., 0])
        else:
            with pytest.raises(ValueError, match="image"):
                GRAY[name](x)


class TestToGray:
    def test_alpha(self):
        x = noise(50, 60, 4)
        alpha, colours = x[..., 3:].astype(int), x[..., :3].astype(int)
        flat = ((alpha * colours + (255 - alpha) * 77 + 127) // 255).astype(np.uint8)
        assert np.array_equal(image.to_gray(x, background=77), image.to_gray(flat))

    def test_strides(self):
        x = noise(31, 37, 3)
        want = image.to_gray(x)
        planes = np.ascontiguousarray(x.transpose(2, 0, 1)).transpose(1, 2, 0)
        assert np.array_equal(image.to_gray(planes), want)
        assert np.array_equal(image.to_gray(x[..., ::-1], order="bgr"), want)
        assert np.array_equal(image.to_gray(x[::-1])[::-1], want)
        assert np.array_equal(
            image.to_gray(np.dstack([x, x])[..., 1:4], order="rgb").shape, (31, 37)
        )

    def test_gray_is_copied(self):
        x = noise(5, 6)
        result = image.to_gray(x)
        assert np.array_equal(result, x)
        assert not np.shares_memory(result, x)

    def test_bad_input(self):
        with pytest.raises(ValueError, match="order"):
            image.to_gray(noise(4, 4, 3), order="hsv")
        with pytest.raises(ValueError, match="background"):
            image.to_gray(noise(4, 4, 4), background=256)
        with pytest.raises(TypeError, match="background"):
            image.to_gray(noise(4, 4, 4), background=1.5)
        with pytest.raises(ValueError, match="channels"):
            image.to_gray(noise(4, 4, 2))
        with pytest.raises(TypeError, match="dtype"):
            image.to_gray(np.zeros((4, 4, 3)))


class TestThresholds:
    def test_bad_input(self):
        x = noise(9, 9)
        with pytest.raises(ValueError, match="type"):
            image.threshold(x, 3, type="trunc")
        with pytest.raises(TypeError, match="type: got 0, expected one of 'binary', 'binary_inv'"):
            image.threshold(x, 3, type=0)
        with pytest.raises(TypeError, match="thresh"):
            image.threshold(x, "3")
        with pytest.raises(ValueError, match="thresh"):
            image.threshold(x, float("nan"))
        with pytest.raises(ValueError, match="maxval"):
            image.threshold(x, 3, float("inf"))
        with pytest.raises(ValueError, match="image"):
            image.threshold(noise(4, 4, 3), type="otsu")

    @pytest.mark.parametrize("block_size", [-1, 0, 1, 2, 10, 2049, 2**40])
    def test_block_size(self, block_size):
        with pytest.raises(ValueError, match="block_size"):
            image.adaptive_threshold(noise(9, 9), block_size=block_size)

    def test_adaptive_bad_input(self):
        x = noise(9, 9)
        with pytest.raises(TypeError, match="block_size"):
            image.adaptive_threshold(x, block_size=11.0)
        with pytest.raises(ValueError, match="method"):
            image.adaptive_threshold(x, method="median")
        with pytest.raises(ValueError, match="type"):
            image.adaptive_threshold(x, type="otsu")
        with pytest.raises(TypeError, match="C"):
            image.adaptive_threshold(x, C=None)

    def test_largest_block(self):
        """Sums of the largest block do not overflow."""
        x = np.full((3, 4000), 255, np.uint8)
        x[:, ::2] = 251
        result = image.adaptive_threshold(x, block_size=2047, C=0)
        assert np.array_equal(result, np.where(x == 255, 255, 0))
        for C in (1e300, -1e300):
            assert (image.adaptive_threshold(x, C=C) == (255 if C > 0 else 0)).all()


class TestComponents:
    def test_kinds_of_connection(self):
        x = np.eye(5, dtype=bool)
        assert image.connected_components(x).n == 2
        found = image.connected_components(x, connectivity=4)
        assert found.n == 6
        assert np.array_equal(np.diag(found.labels), [1, 2, 3, 4, 5])

    def test_raster_order_of_first_pixels(self):
        x = np.array([[0, 0, 1, 0, 1], [1, 0, 0, 0, 1], [1, 1, 1, 0, 1]], np.uint8)
        assert image.connected_components(x).labels.tolist() == [
            [0, 0, 1, 0, 2],
            [3, 0, 0, 0, 2],
            [3, 3, 3, 0, 2],
        ]

    def test_statistics(self):
        rng = np.random.default_rng(4)
        x = rng.random((80, 130)) < 0.4
        n, labels, stats, centroids = image.connected_components(x)
        assert stats[:, 4].sum() == x.size
        assert np.array_equal(labels > 0, x)
        for number in range(n):
            rows, columns = np.nonzero(labels == number)
            left, top, width, height, area = stats[number]
            assert (left, top) == (columns.min(), rows.min())
            assert (left + width - 1, top + height - 1) == (columns.max(), rows.max())
            assert area == len(rows)
            np.testing.assert_allclose(centroids[number], [columns.mean(), rows.mean()])

    def test_no_background(self):
        found = image.connected_components(np.ones((3, 4), np.uint8))
        assert found.n == 2
        assert found.stats.tolist() == [[0, 0, 0, 0, 0], [0, 0, 4, 3, 12]]
        assert np.isnan(found.centroids[0]).all()

    def test_spirals_join_late(self):
        x = np.zeros((101, 101), np.uint8)
        for ring in range(0, 50, 2):
            x[ring : 101 - ring, ring : 101 - ring] = 1
            x[ring + 1 : 100 - ring, ring + 1 : 100 - ring] = 0
            x[ring + 1, ring - 1 if ring else 0] = 1
        assert image.connected_components(x[:, ::-1]).n == 2

    @pytest.mark.parametrize("connectivity", [0, 6, -8, 2**40])
    def test_connectivity(self, connectivity):
        with pytest.raises(ValueError, match="connectivity"):
            image.connected_components(noise(4, 4), connectivity)

    def test_bad_input(self):
        with pytest.raises(TypeError, match="connectivity"):
            image.connected_components(noise(4, 4), "8")


class TestMorphology:
    def test_iterations(self):
        x = noise(40, 50)
        kernel = image.structuring_element("ellipse", (5, 5))
        assert np.array_equal(
            image.erode(x, kernel, iterations=2), image.erode(image.erode(x, kernel), kernel)
        )
        twice = image.dilate(image.dilate(x))
        assert np.array_equal(image.dilate(x, iterations=2), twice)
        assert np.array_equal(image.dilate(x, np.ones((5, 5), int)), twice)

    @pytest.mark.parametrize("iterations", [10**9, 10**9 + 1])
    def test_iterations_end_when_nothing_changes(self, iterations):
        """A billion passes would take minutes."""
        x, kernel = noise(7, 9), np.array([[0, 1, 0], [1, 1, 1], [0, 1, 1]])
        for function in (image.erode, image.dilate, image.open, image.close):
            expected = function(x, kernel, iterations=100 + iterations % 2)
            assert np.array_equal(function(x, kernel, iterations=iterations), expected)
        colours = np.stack([x, 255 - x, x // 2], axis=2)
        found = image.open(colours, kernel, iterations=iterations)
        assert np.array_equal(found[..., 0], image.open(x, kernel, iterations=iterations))

    @pytest.mark.parametrize("border", ["constant", "replicate", "reflect", "reflect_101"])
    def test_kernel_with_holes_larger_than_the_image(self, border):
        """Its elements beyond the reach of the image would take 17 s."""
        kernel = np.ones((4095, 4095), np.uint8)
        kernel[:, ::2] = 0  # the others are an even number of columns from the anchor
        x = np.array([[9, 5], [7, 3]], np.uint8)
        eroded, dilated = [[7, 3]] * 2, [[9, 5]] * 2  # of each column
        if border in ("replicate", "reflect"):  # where two columns away is the other one
            eroded, dilated = [[3, 3]] * 2, [[9, 9]] * 2
        assert np.array_equal(image.erode(x, kernel, border=border), eroded)
        assert np.array_equal(image.dilate(x, kernel, border=border), dilated)

    def test_kernel_larger_than_the_image(self):
        x = noise(9, 11)
        assert (image.dilate(x, np.ones((4095, 101), bool)) == x.max()).all()
        assert (image.erode(x, np.ones((31, 31), bool), border="reflect") == x.min()).all()

    def test_bad_kernels(self):
        x = noise(9, 9)
        for kernel in (np.ones((3, 3)), "rect", np.array([["a"]])):
            with pytest.raises(TypeError, match="kernel"):
                image.erode(x, kernel)
        for kernel in (
            np.zeros((3, 3), int),
            np.ones(3, int),
            np.ones((0, 3), int),
            np.ones((4096, 1), int),
        ):
            with pytest.raises(ValueError, match="kernel"):
                image.erode(x, kernel)
        with pytest.raises(ValueError, match="iterations"):
            image.open(x, iterations=0)
        with pytest.raises(ValueError, match="iterations"):
            image.open(x, iterations=2**40)
        with pytest.raises(TypeError, match="iterations"):
            image.open(x, iterations=1.0)
        with pytest.raises(ValueError, match="anchor"):
            image.close(x, anchor=(3, 0))
        with pytest.raises(TypeError, match="anchor"):
            image.close(x, anchor=1)
        with pytest.raises(ValueError, match="border"):
            image.close(x, border="wrap")
        with pytest.raises(TypeError, match="border_value"):
            image.close(x, border_value="0")

    def test_bad_shapes(self):
        for size in ((0, 3), (3, -1), (4096, 1), (2**40, 2)):
            with pytest.raises(ValueError, match="ksize"):
                image.structuring_element("rect", size)
        for size in (3, (3,), (3, 3.0), "33"):
            with pytest.raises(TypeError, match="ksize"):
                image.structuring_element("rect", size)
        with pytest.raises(ValueError, match="shape"):
            image.structuring_element("disk", (3, 3))


class TestBlurAndResize:
    def test_size_from_sigma(self):
        x = noise(40, 50)
        assert np.array_equal(image.gaussian_blur(x, sigma=1.5), image.gaussian_blur(x, 11, 1.5))
        assert np.array_equal(
            image.gaussian_blur(x, sigma=1, sigma_y=2), image.gaussian_blur(x, (7, 13), 1, 2)
        )
        assert np.array_equal(image.gaussian_blur(x, 1), x)

    def test_flat_stays_flat(self):
        for level in (0, 1, 100, 255):
            x = np.full((9, 40), level, np.uint8)
            for size in (3, 9, 31, 1023):
                assert np.array_equal(image.gaussian_blur(x, size), x)

    def test_bad_blur(self):
        x = noise(9, 9)
        for size in (0, 2, -3, (3, 4), 1025, (2**40, 3)):
            with pytest.raises(ValueError, match="ksize"):
                image.gaussian_blur(x, size)
        for size in (3.0, "3", (3,), (3, None)):
            with pytest.raises(TypeError, match="ksize"):
                image.gaussian_blur(x, size)
        with pytest.raises(ValueError, match="ksize"):
            image.gaussian_blur(x, sigma=1e308)
        with pytest.raises(ValueError, match="sigma"):
            image.gaussian_blur(x, 3, float("nan"))
        with pytest.raises(TypeError, match="sigma_y"):
            image.gaussian_blur(x, 3, 1, "1")
        with pytest.raises(ValueError, match="border"):
            image.gaussian_blur(x, 3, border="wrap")

    def test_same_size_is_a_copy(self):
        x = noise(20, 31)
        for kind in ("linear", "area"):
            result = image.resize(x, (31, 20), kind)
            assert np.array_equal(result, x)
            assert not np.shares_memory(result, x)

    def test_bad_resize(self):
        x = noise(9, 9)
        for size in ((0, 3), (3, -1), (16385, 1), (1, 2**40)):
            with pytest.raises(ValueError, match="dsize"):
                image.resize(x, size)
        for size in (3, (3,), (3, 3.5), None):
            with pytest.raises(TypeError, match="dsize"):
                image.resize(x, size)
        with pytest.raises(ValueError, match="interpolation"):
            image.resize(x, (3, 3), "cubic")
        with pytest.raises(TypeError, match="interpolation"):
            image.resize(x, (3, 3), None)


class TestMomentsAndWarps:
    def test_centre_of_mass(self):
        x = np.zeros((40, 60), np.uint8)
        x[10:21, 30:41] = 7
        found = image.moments(x)
        assert found["m00"] == 7 * 121
        assert (found["m10"] / found["m00"], found["m01"] / found["m00"]) == (35, 15)
        assert image.moments(x, binary=True)["m00"] == 121
        assert image.moments(x > 0) == image.moments(x, binary=True)

    def test_identity_and_shift(self):
        x = noise(31, 47)
        assert np.array_equal(image.warp_affine(x, np.eye(3)[:2], (47, 31)), x)
        moved = image.warp_affine(x, [[1, 0, 3], [0, 1, -2]], (47, 31), border_value=9)
        assert np.array_equal(moved[:-2, 3:], x[2:, :-3])
        assert (moved[-2:] == 9).all()
        back = image.warp_affine(moved, [[1, 0, 3], [0, 1, -2]], (47, 31), inverse=True)
        assert np.array_equal(back[2:, :-3], x[2:, :-3])

    def test_singular_and_far_maps(self):
        x = noise(5, 5)
        for M in (np.zeros((2, 3)), np.full((2, 3), 1e6), [[1e-300, 0, 0], [0, 1e-300, 0]]):
            for border in ("constant", "replicate", "reflect", "reflect_101"):
                assert image.warp_affine(x, M, (40, 3), border=border).shape == (3, 40)

    def test_bad_input(self):
        x = noise(9, 9)
        for M in (np.eye(2), np.eye(3), [1, 2, 3], np.full((2, 3), np.nan), np.full((2, 3), 1e7)):
            with pytest.raises(ValueError, match="M must"):
                image.warp_affine(x, M, (9, 9))
        for M in ("M", [["a"] * 3] * 2, None):
            with pytest.raises((TypeError, ValueError), match="M must"):
                image.warp_affine(x, M, (9, 9))
        good = np.eye(3)[:2]
        with pytest.raises(ValueError, match="dsize"):
            image.warp_affine(x, good, (0, 9))
        with pytest.raises(TypeError, match="inverse"):
            image.warp_affine(x, good, (9, 9), inverse=1)
        with pytest.raises(ValueError, match="border"):
            image.warp_affine(x, good, (9, 9), border="wrap")
        with pytest.raises(TypeError, match="binary"):
            image.moments(x, binary="yes")
        with pytest.raises(ValueError, match="image"):
            image.moments(noise(3, 3, 3))
        for ends in ((float("inf"), 1), (0, 1e9)):
            with pytest.raises(ValueError, match=r"alpha|beta"):
                image.normalize(x, *ends)
