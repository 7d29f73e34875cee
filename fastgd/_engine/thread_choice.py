"""Choose how many threads to use: by a model of the work, and then by the clock.

The number of threads changes no bit of a result, so it may change at any time.
"""

import time

#: Multiply-adds that pay for another thread in each step, where threads meet at barriers, and
#: for starting threads at all: a few microseconds, and a few hundred.
STEP_WORK, SPAN_WORK = 400_000, 20_000_000

#: For so long (in seconds) each number of threads is tried, so often, and after so long again:
#: others on the machine may have taken its cores, or left them.
TRIAL_SECONDS, TRIALS, TRIAL_INTERVAL = 0.004, 2, 1.0


def useful_threads(threads, step_work, steps):
    """Return how many of these threads pay for steps of so many multiply-adds."""
    if threads == 1 or step_work * steps < SPAN_WORK:
        return 1
    return max(1, min(threads, step_work // STEP_WORK))


#: A call of the engine returns after about this time (in seconds), so that Ctrl-C is answered
#: and progress is shown.
SPAN_SECONDS = 0.05


class ThreadTuner:
    """Use one thread or several, whichever turns out to be faster.

    Parameters
    ----------
    most : int
        The number to choose if cores are free.
    clock : function
        The time in seconds.
    """

    def __init__(self, most, clock=time.monotonic):
        self.threads = self.most = most
        self._clock = clock
        self._speeds = {}
        self._trials = TRIALS * [1, most]
        self._tried = clock()

    def run(self, span, place, seconds):
        """Call ``span(seconds, threads)`` with the number to use now; return its result.

        A span takes about so many seconds, and returns how far it came, from `place` on, and
        whatever else.
        """
        if self.most == 1:
            return span(seconds, 1)
        begun = self._clock()
        if not self._trials and begun - self._tried > TRIAL_INTERVAL:
            self._trials = TRIALS * [1, self.most]
            self._speeds = {}
        if not self._trials:
            return span(seconds, self.threads)
        threads = self._trials.pop()
        result = span(TRIAL_SECONDS, threads)
        now = self._clock()
        speed = (result[0] - place) / max(now - begun, 1e-9)
        self._speeds[threads] = max(speed, self._speeds.get(threads, 0.0))
        self._tried = now
        if not self._trials:
            self.threads = max(self._speeds, key=self._speeds.get)
        return result
