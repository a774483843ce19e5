/* The module ocrdigit._core: its slots and its functions. */
#include "module.h"

#include "augmentation.h"
#include "automaton_type.h"
#include "convert.h"
#include "image_operations.h"
#include "input.h"
#include "network_type.h"
#include "ocrdigit.h"
#include "preprocessing.h"
#include "canonical_input.h"
#include "classifier_type.h"
#include "reading.h"
#include "registration.h"
#include "runtime.h"
#include "table.h"
#include "trainer_type.h"

static PyMethodDef functions[] = {
    {"instruction_set", runtime_instruction_set, METH_NOARGS,
     PyDoc_STR("instruction_set()\n--\n\nThe active instruction set.")},
    {"cpu_features", runtime_cpu_features, METH_NOARGS,
     PyDoc_STR("cpu_features()\n--\n\nThe instruction sets that this machine has.")},
    {"get_num_threads", runtime_get_num_threads, METH_NOARGS,
     PyDoc_STR(
         "get_num_threads()\n--\n\nReturn the number of threads that work on a batch.\n\n"
         "Returns\n-------\nint\n"
         "    By default the processors that the process may use, or OCRDIGIT_NUM_THREADS.\n\n"
         "Examples\n--------\n>>> import ocrdigit\n"
         ">>> ocrdigit.get_num_threads() >= 1\nTrue\n")},
    {"set_num_threads", FAST(runtime_set_num_threads),
     PyDoc_STR("set_num_threads(threads)\n--\n\n"
               "Set the number of threads that work on a batch; results do not depend on it.\n\n"
               "Parameters\n----------\nthreads : int\n"
               "    1 or more. A training that is running keeps its threads.\n\n"
               "Raises\n------\nTypeError, ValueError\n    If it is no such number.\n\n"
               "Examples\n--------\n>>> import ocrdigit\n"
               ">>> ocrdigit.set_num_threads(ocrdigit.get_num_threads())\n")},
    {"augment", FAST(augmentation_apply),
     PyDoc_STR("augment(images, steps, seed)\n--\n\nAugmented copies of images (n, h, w).")},
    {"is_canonical", FAST(preprocessing_is_canonical),
     PyDoc_STR("is_canonical(image)\n--\n\nWhether (h, w) is a light digit on black.")},
    {"preprocess_images", FAST(input_preprocess_images),
     PyDoc_STR("preprocess_images(pictures, scales)\n--\n\n"
               "Pictures of single digits -> float32 (n, 28, 28) in [0, 1].")},
    {"picture_to_gray", FAST(input_picture_to_gray),
     PyDoc_STR("picture_to_gray(picture, scale)\n--\n\n"
               "(h, w) or (h, w, 1|3|4), uint8 or float32 -> gray (h, w).")},
    {"are_canonical", are_canonical, METH_O,
     PyDoc_STR("are_canonical(images, /)\n--\n\n"
               "Whether a batch (n, 28, 28) of uint8 is light on black.")},
    {"canonical_scale", canonical_scale, METH_O,
     PyDoc_STR("canonical_scale(images, /)\n--\n\n"
               "The scale that maps canonical images to 0..1; None for other input.")},
    {"preprocess_digit", FAST(preprocessing_digit),
     PyDoc_STR(
         "preprocess_digit(image)\n--\n\n(h, w) of one digit -> float32 (28, 28) in [0, 1].")},
    {"normalize_line_image", reading_normalize_line_image, METH_O,
     PyDoc_STR("normalize_line_image(image, /)\n--\n\n"
               "Gray levels (h, w) of a line to foreground levels.")},
    {"page_foreground", FAST(reading_page_foreground),
     PyDoc_STR(
         "page_foreground(image, *, dark=None)\n--\n\n"
         "Return the foreground levels of a gray image, and whether the foreground is dark.")},
    {"read_symbols", FAST(reading_read_symbols),
     PyDoc_STR("read_symbols(recognizer, image, *, classifier=None, fusion=None, automaton=None, "
               "detector=None, shortcuts=None, parallel=True, seconds=None)\n--\n\n"
               "The digits and separators in an image (h, w).")},
    {"read_alternatives", FAST(reading_read_alternatives),
     PyDoc_STR("read_alternatives(recognizer, image, *, automaton, count, classifier=None, "
               "fusion=None, detector=None, shortcuts=None, parallel=True, "
               "seconds=None)\n--\n\n"
               "The digits of the most probable texts of each line that an automaton accepts.")},
    {"crop_digits", FAST(reading_crop_digits),
     PyDoc_STR("crop_digits(recognizer, image, *, detector=None)\n--\n\n"
               "The symbols in an image (h, w) before verification, and their crops, "
               "float32 (n, 28, 28).")},
    {"fusion_features", FAST(reading_fusion_features),
     PyDoc_STR("fusion_features(recognizer, image, *, classifier, detector=None)\n--\n\n"
               "The features of score fusion of the symbols in an image (h, w).")},
    {"find_table", FAST(table_find),
     PyDoc_STR("find_table(image, rows, columns)\n--\n\n"
               "The table in an image (h, w), and its cells as upright rectangles; None without.")},
    {"register_page", FAST(registration_register_page),
     PyDoc_STR(
         "register_page(form, page)\n--\n\n"
         "The homography from a form to a page, both foreground levels (h, w); the proportion "
         "of the form's print that was found, and its residual.")},
    {"warp_perspective", FAST(registration_warp),
     PyDoc_STR("warp_perspective(image, matrix, h, w)\n--\n\n"
               "Sample (h, w) from an image at the points that a homography maps pixels to.")},
    {"erase_print", FAST(registration_erase_print),
     PyDoc_STR("erase_print(image, foreground, print, slack)\n--\n\n"
               "The image of a filled form without its print, and the foreground that is left.")},
    {"preprocess_steps", FAST(preprocessing_steps),
     PyDoc_STR("preprocess_steps(image)\n--\n\nThe same with the intermediate images.")},
    {"image_gray", FAST(image_gray),
     PyDoc_STR("image_gray(image, bgr, background)\n--\n\n(h, w, 3 or 4) -> (h, w).")},
    {"image_threshold", FAST(image_threshold),
     PyDoc_STR("image_threshold(image, thresh, maxval, type)\n--\n\n"
               "The threshold and the binary image.")},
    {"image_adaptive_threshold", FAST(image_adaptive_threshold),
     PyDoc_STR("image_adaptive_threshold(image, gaussian, block_size, bound, above, below)\n--\n\n"
               "Threshold against the local mean.")},
    {"image_connected_components", FAST(image_connected_components),
     PyDoc_STR("image_connected_components(image, connectivity)\n--\n\n"
               "Labels, statistics and centroids of connected components.")},
    {"image_morphology", FAST(image_morphology),
     PyDoc_STR(
         "image_morphology(image, operation, kernel, anchor, iterations, border, border_value)"
         "\n--\n\nErosion, dilation, opening or closing.")},
    {"image_structuring_element", FAST(image_structuring_element),
     PyDoc_STR("image_structuring_element(shape, h, w)\n--\n\nA kernel for image_morphology.")},
    {"image_gaussian_blur", FAST(image_gaussian_blur),
     PyDoc_STR("image_gaussian_blur(image, ksize_y, ksize_x, sigma_y, sigma_x, border)\n--\n\n"
               "Smooth with a Gaussian.")},
    {"image_resize", FAST(image_resize),
     PyDoc_STR("image_resize(image, dsize, interpolation)\n--\n\nResize an image.")},
    {"image_moments", FAST(image_moments),
     PyDoc_STR("image_moments(image, binary)\n--\n\n24 moments of (h, w).")},
    {"image_warp_affine", FAST(image_warp_affine),
     PyDoc_STR("image_warp_affine(image, matrix, inverse, h, w, border, border_value)\n--\n\n"
               "Apply an affine map.")},
    {"image_deskew", FAST(image_deskew),
     PyDoc_STR("image_deskew(image)\n--\n\nRemove the skew of a digit (h, w).")},
    {"image_normalize", FAST(image_normalize),
     PyDoc_STR("image_normalize(image, alpha, beta)\n--\n\nScale the levels to a range.")},
    {NULL, NULL, 0, NULL}};

static PyTypeObject *add_type(PyObject *module, PyType_Spec *spec) {
  PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
  if (type && PyModule_AddType(module, type) < 0) Py_CLEAR(type);
  return type;
}

/* NumPy, of which there is one per process, works in the main interpreter only. From Python 3.12 on
 * the slot below also refuses interpreters with a GIL of their own. */
static int check_interpreter(void) {
  if (PyInterpreterState_Get() == PyInterpreterState_Main()) return 0;
  PyErr_SetString(PyExc_ImportError,
                  "ocrdigit cannot be imported in a sub-interpreter, as NumPy cannot: use threads, "
                  "which run in parallel in ocrdigit, or processes");
  return -1;
}

static int execute(PyObject *module) {
  module_state *state = state_of_module(module);
  if (check_interpreter() < 0 || convert_setup() < 0 || runtime_setup(module) < 0) return -1;
  state->network_type = add_type(module, &network_type_spec);
  state->trainer_type = add_type(module, &trainer_type_spec);
  state->classifier_type = add_type(module, &classifier_type_spec);
  state->automaton_type = add_type(module, &automaton_type_spec);
  if (!state->network_type || !state->trainer_type || !state->classifier_type ||
      !state->automaton_type)
    return -1;
  return PyModule_AddStringConstant(module, "__version__", OCRDIGIT_VERSION);
}

static int traverse(PyObject *module, visitproc visit, void *arg) {
  module_state *state = state_of_module(module);
  Py_VISIT(state->network_type);
  Py_VISIT(state->trainer_type);
  Py_VISIT(state->classifier_type);
  Py_VISIT(state->automaton_type);
  return 0;
}

static int clear(PyObject *module) {
  module_state *state = state_of_module(module);
  Py_CLEAR(state->network_type);
  Py_CLEAR(state->trainer_type);
  Py_CLEAR(state->classifier_type);
  Py_CLEAR(state->automaton_type);
  return 0;
}

static void release(void *module) {
  clear(module);
  runtime_free(state_of_module(module));
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, SLOT(execute)},
#if defined(Py_mod_multiple_interpreters)
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#if defined(Py_mod_gil)
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL}};

static PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "ocrdigit._core",
    .m_doc = PyDoc_STR("The compiled core of ocrdigit."),
    .m_size = sizeof(module_state),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = release,
};

PyMODINIT_FUNC PyInit__core(void); /* the only exported symbol */
PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&definition); }
