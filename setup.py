"""Build the compiled core: the engine once, and its kernels for each instruction set.

The metadata stand in pyproject.toml. Environment variables steer a build: FASTGD_DEBUG_BUILD=1
turns on bounds checks and assertions, FASTGD_CFLAGS adds compiler flags (for sanitizers),
FASTGD_BUILDS names the instruction sets, as "baseline,avx2", or is "native" for the best that
this machine runs, and FASTGD_TEST_BUILDS=1 makes further modules that only the tests use. Each
combination of the former two has a folder of its own below build/.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036
    raise SystemExit(f"fastgd needs Python 3.11 or newer, this is {sys.version.split()[0]}")

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.modified import newer_group

if int(numpy.__version__.split(".")[0]) < 2:
    raise SystemExit(f"fastgd needs NumPy 2.0 or newer to build, found {numpy.__version__}")

DEBUG = os.environ.get("FASTGD_DEBUG_BUILD") == "1"
EXTRA_FLAGS = os.environ.get("FASTGD_CFLAGS", "").split()
FOLDER = "build/" + re.sub(
    r"\W+", "-", " ".join(["debug" if DEBUG else "release", *EXTRA_FLAGS])
)

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
]
# Debug information makes the modules six times as large and the compilation a third longer, and
# nothing unwinds the stack of a function in C.
FLAGS += ["-O1", "-g", "-UNDEBUG"] if DEBUG else ["-g0", "-fno-asynchronous-unwind-tables"]

GCC_FLAGS = [
    # gcc would peel a tile's loop over 8 lanes before it could become vectors,
    "--param=max-completely-peel-times=7",
    # and turn the short copies into and out of a tile into calls of memcpy.
    "-fno-tree-loop-distribute-patterns",
    # and would leave a tile's sums in memory before and after the loop that adds to them.
    "-fgcse-las",
    "-fgcse-sm",
]

MACROS = [("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")]
# A tile is fast only if its sizes are constants, hence inlined wherever it is used. So a kernel
# is inlined, and copied for a constant, where it says so and nowhere else: gcc's own choices
# cost a fifth of its time, and make small products slower.
KERNEL_MACROS = [("CYTHON_INLINE", "inline __attribute__((always_inline, unused))")]
KERNEL_FLAGS = ["-fno-inline", "-fno-ipa-cp-clone"]

FOR_TESTS = os.environ.get("FASTGD_TEST_BUILDS") == "1"

BUILDS = {"baseline": []}
# The platform that is built for; a universal build for macOS takes no flags of one of its CPUs.
if sysconfig.get_platform().endswith(("x86_64", "amd64")):
    BUILDS["avx2"] = ["-mavx2", "-mfma"]
    BUILDS["avx512"] = [
        "-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mfma",
        "-mprefer-vector-width=512",
    ]  # fmt: skip
    if FOR_TESTS:
        # The tiles of AVX-512 on AVX2: shows that the bits do not depend on the tile.
        # Nobody waits for it, so the compiler need not try hard.
        BUILDS["wide"] = [*BUILDS["avx2"], "-DFASTGD_WIDE_TILES", "-O1"]


def runs_here(flags):
    """Whether this machine has the instructions that flags such as -mavx2 turn on."""
    try:
        with open("/proc/cpuinfo") as file:
            there = set(re.findall(r"\w+", file.read()))
    except OSError:
        return not flags
    return all(flag[2:] in there for flag in flags if not flag.startswith("-mprefer"))


def chosen(builds, names):
    """Those of the builds that FASTGD_BUILDS names, and that of the tests where it is on."""
    if not names:
        return builds
    known = [name for name in builds if name != "wide"]
    if names == "native":
        wanted = [next(name for name in reversed(known) if runs_here(builds[name]))]
    else:
        wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in known:
            raise SystemExit(
                f"FASTGD_BUILDS: no {name!r} (there are: native, {', '.join(known)})"
            )
    return {name: flags for name, flags in builds.items() if name in [*wanted, "wide"]}


BUILDS = chosen(BUILDS, os.environ.get("FASTGD_BUILDS"))

CORE = "fastgd/_core/"
# An included file is no module: a change in one must rebuild those that include it.
INCLUDED = [
    os.path.join(folder, name)
    for folder, _, names in os.walk(CORE)
    for name in names
    if name.endswith((".pxi", ".pxd", ".h"))
]


def extension(source, build="", flags=(), macros=MACROS):
    """A module of a source: of the same name, or one of its builds."""
    return Extension(
        f"fastgd._core.{source}{build and '_'}{build}",
        [f"{CORE}{source}.pyx"],
        include_dirs=[numpy.get_include(), CORE],
        define_macros=macros,
        extra_compile_args=[*FLAGS, *flags],
        extra_link_args=EXTRA_FLAGS,
        depends=["setup.py", *sorted(INCLUDED)],
    )


def check_tools():
    """Stop with one line if the C compiler or Python's headers are missing."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    if not shutil.which(compiler):
        raise SystemExit(
            f"fastgd needs a C compiler, found no {compiler!r}: "
            "on Debian, apt install build-essential"
        )
    if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
        raise SystemExit(
            "fastgd needs the headers of Python, found no Python.h: "
            "on Debian, apt install python3-dev"
        )


def c_source(ext):
    """Return the C file of a module; that of a build is a copy with the names changed."""
    path = f"{FOLDER}/{ext.sources[0].removesuffix('.pyx')}.c"
    source = os.path.basename(path).removesuffix(".c")
    name = ext.name.rpartition(".")[2]
    if name == source:
        return path
    with open(path) as file:
        text = file.read()
    own = f"{os.path.dirname(path)}/{name}.c"
    with open(own, "w") as file:
        file.write(
            text.replace(f"PyInit_{source}", f"PyInit_{name}").replace(
                f'"fastgd._core.{source}"', f'"{ext.name}"'
            )
        )
    return own


class ParallelBuild(build_ext):
    """Translate and compile the modules side by side: each takes about half a minute."""

    def finalize_options(self):
        super().finalize_options()
        if self.parallel is None:
            self.parallel = os.cpu_count() or 1

    def run(self):
        check_tools()
        if self.editable_mode:
            # pip gives a folder that is empty each time; here the next build finds its modules.
            platform = f"{sysconfig.get_platform()}-{sys.implementation.cache_tag}"
            self.build_lib = f"{FOLDER}/lib.{platform}"
            self.build_temp = f"{FOLDER}/temp.{platform}"
        if self.editable_mode or self.inplace:
            for build in {"baseline", "avx2", "avx512"} - set(BUILDS):  # of an earlier choice
                for module in Path("fastgd/_core").glob(f"*_{build}.*.so"):
                    module.unlink()
        super().run()

    def is_due(self, ext):
        """Whether a module is older than its sources; not than NumPy's, which pip renews."""
        sources = [*ext.sources, *ext.depends]
        return self.force or newer_group(sources, self.get_ext_fullpath(ext.name))

    def build_extension(self, ext):
        names = [due.name for due in self.extensions]
        print(f"[{names.index(ext.name) + 1}/{len(names)}] {ext.name}\n", end="", flush=True)
        super().build_extension(ext)

    def build_extensions(self):
        everything = self.extensions
        self.extensions = [ext for ext in everything if self.is_due(ext)]
        if self.extensions:
            self.build_due()
        self.extensions = everything

    def build_due(self):
        # Here and not in setup(), so that whoever only wants the metadata need not wait.
        paths = sorted({ext.sources[0] for ext in self.extensions})
        cythonize(
            [Extension(path.removesuffix(".pyx").replace("/", "."), [path]) for path in paths],
            compiler_directives=DIRECTIVES,
            build_dir=FOLDER,
            nthreads=min(self.parallel, len(paths)),
        )
        version = subprocess.run(
            [*self.compiler.compiler, "--version"], capture_output=True, text=True, check=False
        ).stdout
        for ext in self.extensions:
            ext.sources = [c_source(ext)]
            if "Free Software Foundation" in version:
                ext.extra_compile_args += GCC_FLAGS
                if ext.define_macros == KERNEL_MACROS:
                    ext.extra_compile_args += KERNEL_FLAGS
            ext.extra_compile_args += EXTRA_FLAGS
        super().build_extensions()


if __name__ == "__main__":
    setup(
        # What does not compute needs less of the compiler's time. Two modules of codes, since
        # Cython makes them by one function each, which would pass 64 KB.
        ext_modules=[
            extension(source, flags=["-O2"])
            for source in ("cpu", "engine", "formulas", "types")
        ]
        + [
            extension(source, build, flags, KERNEL_MACROS)
            for source in ("kernels", *["scalars"] * FOR_TESTS)
            for build, flags in BUILDS.items()
            if (source, build) != ("scalars", "wide")
        ],
        cmdclass={"build_ext": ParallelBuild},
        options={"build": {"build_base": FOLDER}},
    )
