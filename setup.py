"""Build the compiled core: one module per instruction set, made from the same source.

The metadata stand in pyproject.toml. Two environment variables steer a build:
FASTGD_DEBUG_BUILD=1 turns on bounds checks and assertions, FASTGD_CFLAGS adds compiler flags
(for sanitizers).
"""

import os
import platform

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

DEBUG = os.environ.get("FASTGD_DEBUG_BUILD") == "1"

# Cython ignores a misspelt directive in a file's header, so all of them stand here.
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": DEBUG,
    "embedsignature": True,
}

FLAGS = [
    "-O3",
    # The promise of equal bits: a product and a sum fuse only where the source says fma.
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    # gcc would peel a tile's loop over 8 lanes before it could become vectors,
    "--param=max-completely-peel-times=7",
    # and turn the short copies into and out of a tile into calls of memcpy.
    "-fno-tree-loop-distribute-patterns",
]
FLAGS += os.environ.get("FASTGD_CFLAGS", "").split()

MACROS = [
    ("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION"),
    # A tile is fast only if its sizes are constants, hence inlined wherever it is used.
    ("CYTHON_INLINE", "inline __attribute__((always_inline, unused))"),
]

BUILDS = {"baseline": []}
if platform.machine().lower() in ("x86_64", "amd64"):
    BUILDS["avx2"] = ["-mavx2", "-mfma"]
    BUILDS["avx512"] = [
        "-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mfma",
        "-mprefer-vector-width=512",
    ]  # fmt: skip

CORE = "fastgd/_core/"
# Included files are no modules of their own: a change in one must rebuild those that include it.
INCLUDED = sorted(
    CORE + name for name in os.listdir(CORE) if name.endswith((".pxi", ".pxd"))
)


def extension(name, flags=()):
    return Extension(
        f"fastgd._core.{name}",
        [f"{CORE}{name}.pyx"],
        include_dirs=[numpy.get_include()],
        define_macros=MACROS,
        extra_compile_args=[*FLAGS, *flags],
        extra_link_args=os.environ.get("FASTGD_CFLAGS", "").split(),
        depends=INCLUDED,
    )


class ParallelBuild(build_ext):
    """Compile the modules side by side: each takes the compiler some ten seconds."""

    def finalize_options(self):
        super().finalize_options()
        if self.parallel is None:
            self.parallel = os.cpu_count() or 1


setup(
    ext_modules=cythonize(
        [extension("cpu"), extension("types")]
        + [extension(f"program_{name}", flags) for name, flags in BUILDS.items()],
        compiler_directives=DIRECTIVES,
        force=DEBUG,
    ),
    cmdclass={"build_ext": ParallelBuild},
)
