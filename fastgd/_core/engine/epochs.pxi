# Epoch after epoch of a job, without the interpreter.

cdef void begin_epoch(Epochs* run) noexcept nogil:
    """Draw the key of an epoch and the order of its rows."""
    cdef Span* span = run.span
    if run.draws:
        span.key = draw(run.seed, run.count)
        run.count += 1
    if span.privacy != NULL:
        draw_rows(span)
    elif span.order != NULL:
        draw_order(span.kernels, span.key, span.rows, run.together, span.order)


cdef bint next_epoch(Epochs* run) noexcept nogil:
    """Begin another epoch if this one is at its end and there is time; return whether it did."""
    cdef Span* span = run.span
    if span.status != STATUS_FINE or span.step < span.last_step:
        return False
    run.done += 1
    if run.done >= run.epochs:
        return False
    if span.privacy != NULL:
        span.privacy.first += span.last_step
    span.step = 0
    span.totals += run.totals_size
    if now() > span.deadline:
        return False
    begin_epoch(run)
    return True


cdef void train_member(void* job, Team* team, int64_t rank) noexcept nogil:
    """Train epoch after epoch, as a member of one team for all."""
    cdef Epochs* run = <Epochs*>job
    cdef int64_t met
    while True:
        run_member(run.span, team, rank)
        met = passed(team)
        if rank == 0:
            run.goes_on = next_epoch(run)
        meet(team, &met)
        if not run.goes_on:
            break


cdef void train_epochs(Span* span, Epochs* run, int64_t threads) noexcept nogil:
    """Train epoch after epoch, until all are done or the deadline."""
    run.span = span
    if span.step == 0:
        begin_epoch(run)
    elif span.privacy != NULL:
        draw_rows(span)
    run_team(threads, train_member, run)
