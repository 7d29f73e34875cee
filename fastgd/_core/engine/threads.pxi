# A team of threads for one span.
#
# The threads live as long as the span. So there is nothing to keep alive between spans, nothing
# that a fork could break, and nothing that runs while Python does. A team that is smaller than
# requested, because the system gives no more threads, gives the same result.

cdef enum:
    MAX_THREADS = 256

# The function of a member: `job` is the same for all, `rank` is 0 for the thread from Python.
ctypedef void (*Work)(void* job, Team* team, int64_t rank) noexcept nogil

cdef struct Member:
    Work work
    void* job
    Team* team
    int64_t rank


cdef void* begin_member(void* argument) noexcept nogil:
    cdef Member* member = <Member*>argument
    await_size(member.team)
    member.work(member.job, member.team, member.rank)
    return NULL


cdef void run_team(int64_t size, Work work, void* job) noexcept nogil:
    """Run `work` on `size` threads, this one included, and wait for all of them."""
    cdef Team team
    cdef Member[MAX_THREADS] members
    cdef pthread_t[MAX_THREADS] threads
    cdef int64_t made = 1, rank
    team.arrivals = 0
    team.trouble = 0
    team.size = 0
    if size == 1:
        team.size = 1
        work(job, &team, 0)
        return
    while made < min(size, <int64_t>MAX_THREADS):
        members[made].work = work
        members[made].job = job
        members[made].team = &team
        members[made].rank = made
        if pthread_create(&threads[made], NULL, begin_member, &members[made]) != 0:
            break
        made += 1
    set_size(&team, made)
    work(job, &team, 0)
    for rank in range(1, made):
        pthread_join(threads[rank], NULL)
