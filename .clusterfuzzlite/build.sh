#!/bin/bash
# Builds each C fuzz target into $OUT, with its seed corpus and options. Compilers, flags and engine
# are those of the environment, as ClusterFuzzLite and OSS-Fuzz set them.
set -eu
source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ -d "$SRC/ocrdigit" ] && repository=$SRC/ocrdigit || repository=$(dirname "$source_folder")

# gcc compiles the vector kernels, which have the address sanitizer only.
kernels_flags=
[ "${SANITIZER:-address}" = address ] && kernels_flags=-fsanitize=address

make -C "$repository/tests/c" -j"$(nproc)" fuzz-targets BUILD="${WORK:-$OUT/work}" WARNINGS= \
  FUZZ_CC="$CC" FUZZ_LINKER="${CXX:-$CC}" FUZZ_ENGINE="$LIB_FUZZING_ENGINE" \
  SANITIZE="${CFLAGS:--fsanitize=address,undefined}" KERNELS_FLAGS="$kernels_flags"

for source in "$repository"/tests/c/fuzz/*.c; do
  target=$(basename "$source" .c)
  [ "$target" = run_corpus ] && continue
  cp "${WORK:-$OUT/work}/fuzz/fuzz/$target" "$OUT/"
  (cd "$repository/tests/c/fuzz/corpus/$target" &&
    python3 -m zipfile -c "$OUT/${target}_seed_corpus.zip" ./*)
  printf '[libfuzzer]\nmax_len = 600\n[asan]\nallocator_may_return_null = 1\nmax_allocation_size_mb = 256\n' \
    >"$OUT/$target.options"
done
