"""Find the builds of the engine that this machine can run: its CPU *and* its operating system."""

cdef extern from *:
    """
    #if defined(__x86_64__) || defined(_M_X64)
    /* The compiler's check reads XCR0 too: registers that the system does not save across
       task switches count as missing. */
    static int fastgd_has_avx2(void) {
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    }
    static int fastgd_has_avx512(void) {
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("fma");
    }
    static const int fastgd_x86 = 1;
    #else
    static int fastgd_has_avx2(void) { return 0; }
    static int fastgd_has_avx512(void) { return 0; }
    static const int fastgd_x86 = 0;
    #endif
    #ifdef __VERSION__
    static const char *fastgd_compiler = __VERSION__;
    #else
    static const char *fastgd_compiler = "unknown";
    #endif
    """
    bint fastgd_has_avx2()
    bint fastgd_has_avx512()
    const bint fastgd_x86
    const char *fastgd_compiler


def compiler():
    """Return the version of the C compiler that built the engine."""
    return fastgd_compiler.decode()


def features():
    """Return the instruction sets that matter to the engine: a dict of name -> present here."""
    return {"avx2+fma": fastgd_has_avx2(), "avx512": fastgd_has_avx512()} if fastgd_x86 else {}


def supported():
    """Return the names of the builds that run here, slowest first."""
    builds = ["baseline"]
    if fastgd_has_avx2():
        builds.append("avx2")
    if fastgd_has_avx512():
        builds.append("avx512")
    return builds
