# The barrier at which the members of a team of threads meet, and how they share work out: by rank.
# Which member computes an element never changes its bits.

from libc.stdint cimport int64_t

cdef extern from *:
    """
    #include <pthread.h>
    #include <sched.h>
    #include <stdint.h>
    #include <unistd.h>

    #if defined(__x86_64__) || defined(__i386__)
    #define fastgd_relax() __builtin_ia32_pause()
    #elif defined(__aarch64__)
    #define fastgd_relax() __asm__ volatile("yield")
    #else
    #define fastgd_relax() ((void)0)
    #endif

    /* A team is its own cache line: members that wait read it all the time. */
    typedef struct {
        int64_t arrivals;   /* at all barriers so far */
        int64_t size;       /* 0 until it is known how many threads there are */
        int64_t trouble;    /* flags that any member raises */
        int64_t patience;   /* turns of waiting before it yields */
    } __attribute__((aligned(64))) fastgd_team;

    /* Long waits yield: there may be fewer free cores than members. */
    static CYTHON_INLINE void fastgd_wait(const int64_t *place, int64_t least, int64_t patience)
    {
        while (__atomic_load_n(place, __ATOMIC_ACQUIRE) < least) {
            if (patience-- > 0)
                fastgd_relax();
            else
                sched_yield();
        }
    }

    /* `met` counts the arrivals of all members at the barriers that this one has passed. */
    static CYTHON_INLINE void fastgd_meet(fastgd_team *team, int64_t *met)
    {
        if (team->size == 1)
            return;
        *met += team->size;
        if (__atomic_add_fetch(&team->arrivals, 1, __ATOMIC_ACQ_REL) < *met)
            fastgd_wait(&team->arrivals, *met, team->patience);
    }

    /* What `met` begins with in a further piece of a team's work, before this member arrives. */
    static CYTHON_INLINE int64_t fastgd_passed(const fastgd_team *team)
    { return __atomic_load_n(&team->arrivals, __ATOMIC_ACQUIRE) / team->size * team->size; }

    static CYTHON_INLINE void fastgd_raise_flag(fastgd_team *team, int64_t flag)
    { __atomic_or_fetch(&team->trouble, flag, __ATOMIC_RELAXED); }

    static CYTHON_INLINE int64_t fastgd_flags(const fastgd_team *team)
    { return __atomic_load_n(&team->trouble, __ATOMIC_RELAXED); }

    static CYTHON_INLINE int64_t fastgd_await_size(const fastgd_team *team)
    { fastgd_wait(&team->size, 1, 0); return __atomic_load_n(&team->size, __ATOMIC_ACQUIRE); }

    static CYTHON_INLINE void fastgd_set_size(fastgd_team *team, int64_t size)
    {
        team->patience = size <= sysconf(_SC_NPROCESSORS_ONLN) ? 1000 : 0;
        __atomic_store_n(&team->size, size, __ATOMIC_RELEASE);
    }
    """
    ctypedef struct Team "fastgd_team":
        int64_t arrivals
        int64_t size
        int64_t trouble
    ctypedef struct pthread_t:
        pass
    ctypedef void* (*Routine)(void*) noexcept nogil
    int pthread_create(pthread_t*, const void*, Routine, void*) noexcept nogil
    int pthread_join(pthread_t, void**) noexcept nogil
    void meet "fastgd_meet"(Team*, int64_t*) noexcept nogil
    int64_t passed "fastgd_passed"(const Team*) noexcept nogil
    void raise_flag "fastgd_raise_flag"(Team*, int64_t) noexcept nogil
    int64_t flags "fastgd_flags"(const Team*) noexcept nogil
    int64_t await_size "fastgd_await_size"(const Team*) noexcept nogil
    void set_size "fastgd_set_size"(Team*, int64_t) noexcept nogil


cdef inline int64_t share_begin(int64_t n, int64_t grain, int64_t size,
                                int64_t rank) noexcept nogil:
    """Return where a member's share of n pieces of work begins (and the one before ends).

    Shares are whole multiples of `grain`, but for the last.
    """
    cdef int64_t grains
    if size == 1:
        return n * rank
    grains = (n + grain - 1) // grain
    return min(n, grains * rank // size * grain)
