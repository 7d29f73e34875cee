"""What training shows on the screen, how often, and where."""

import io
import re
import time

import numpy as np
import pytest
from problems import network, regression

from fastgd._training import progress
from fastgd._training.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    """The time, as the test sets it."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def show(monkeypatch):
    """A function that runs a call and gives what it printed, to a terminal or a pipe."""

    def shown(terminal, call):
        stream = Terminal() if terminal else io.StringIO()
        monkeypatch.setattr("sys.stdout", stream)
        call()
        return stream.getvalue()

    return shown


def model():
    made = network()
    made.compile("sgd", "mse", metrics=["mae"])
    return made


X, Y = regression(70)
LINE = r"3/3 - 0s - \S+/step - loss: [\d.]+ - mae: [\d.]+\n"
FULL = r"3/3 ━{20} 0s \S+/step - loss: [\d.]+ - mae: [\d.]+"


def test_silence(show):
    for terminal in (False, True):
        call = lambda: (model().fit(X, Y, verbose=0), model().evaluate(X, Y, verbose=0))  # noqa: E731
        assert show(terminal, call) == ""
        assert show(terminal, lambda: model().predict(X)) == ""


@pytest.mark.parametrize("verbose", [2, "auto"])
def test_a_line_an_epoch_on_a_pipe(show, verbose):
    text = show(False, lambda: model().fit(X, Y, epochs=2, verbose=verbose))
    assert re.fullmatch(rf"Epoch 1/2\n{LINE}Epoch 2/2\n{LINE}", text)


def test_a_bar_on_a_pipe_is_drawn_once(show):
    text = show(False, lambda: model().fit(X, Y, epochs=2, verbose=1))
    assert re.fullmatch(rf"Epoch 1/2\n{FULL}\nEpoch 2/2\n{FULL}\n", text)


@pytest.mark.parametrize("verbose", [1, True, "auto"])
def test_a_bar_on_a_terminal(show, verbose):
    text = show(True, lambda: model().fit(X, Y, epochs=2, verbose=verbose))
    bar = rf"\r{FULL}\x1b\[K\n"
    assert re.fullmatch(rf"Epoch 1/2\n{bar}Epoch 2/2\n{bar}", text)


def test_a_line_on_a_terminal(show):
    text = show(True, lambda: model().fit(X, Y, epochs=1, verbose=2))
    assert re.fullmatch(rf"Epoch 1/1\n{LINE}", text)


def test_evaluate(show):
    figures = {}
    text = show(False, lambda: figures.update(model().evaluate(X, Y, return_dict=True)))
    assert re.fullmatch(LINE, text)
    assert f"loss: {figures['loss']:.4f} - mae: {figures['mae']:.4f}\n" in text
    assert re.fullmatch(rf"\r{FULL}\x1b\[K\n", show(True, lambda: model().evaluate(X, Y)))


def test_figures_are_those_of_the_history(show):
    made = model()
    arguments = {"epochs": 3, "initial_epoch": 1, "verbose": 2, "validation_split": 0.3}
    text = show(False, lambda: made.fit(X, Y, **arguments))
    titles = re.findall(r"Epoch (\d)/3", text)
    assert titles == ["2", "3"]
    history = made.history.history
    lines = [line for line in text.splitlines() if "step" in line]
    for i, line in enumerate(lines):
        for name, values in history.items():
            assert f" - {name}: {values[i]:.4f}" in line
    assert list(history) == re.findall(r" - (\w+): ", lines[0])


def test_small_figures_keep_their_digits():
    stream = io.StringIO()
    progress = Progress(2, 1, stream)
    progress.begin(1, 0)
    progress.end({"a": 1e-5, "b": 0.0, "c": 123.45678, "d": -2e-4, "e": float("nan")})
    line = stream.getvalue().splitlines()[-1]
    assert line.endswith("a: 1.0000e-05 - b: 0.0000 - c: 123.4568 - d: -2.0000e-04 - e: nan")


@pytest.mark.parametrize(
    ("step_seconds", "text"),
    [(2.0, "20s - 2s"), (0.25, "2s - 250ms"), (2e-4, "0s - 200us"), (1.4e-6, "0s - 1.4us")],
)
def test_times(clock, step_seconds, text):
    stream = io.StringIO()
    progress = Progress(2, 1, stream)
    progress.begin(10, 0)
    clock.now += 10 * step_seconds
    progress.end({})
    assert f"10/10 - {text}/step" in stream.getvalue()


def test_a_long_epoch_is_updated_ten_times_a_second(clock):
    stream = Terminal()
    progress = Progress(1, 1, stream)
    progress.begin(1000, 0)
    for step in range(1, 1000):  # five seconds
        clock.now += 0.005
        progress.update(step, {"loss": 1.0})
    progress.end({"loss": 0.5})
    bars = stream.getvalue().split("\r")[1:]
    assert 45 <= len(bars) <= 51
    assert bars[-1].startswith("1000/1000 ━━━━━━━━━━━━━━━━━━━━ ")
    assert "loss: 0.5000" in bars[-1]
    # one line, written over and over, each as long as the first
    assert stream.getvalue().count("\n") == 2
    for bar in bars:
        assert re.match(r"[ \d]{4}/1000 [━╸ ]{20} \d+s 5ms/step - loss: \d", bar)


def test_no_updates_where_nobody_watches(clock):
    for verbose, stream in ((1, io.StringIO()), (2, Terminal()), (0, Terminal())):
        progress = Progress(verbose, 1, stream)
        progress.begin(1000, 0)
        for step in range(1, 1000):
            clock.now += 0.01
            progress.update(step, {"loss": 1.0})
        assert stream.getvalue() == ""


@pytest.mark.parametrize("verbose", [1, 2])
@pytest.mark.parametrize("terminal", [False, True])
def test_many_short_epochs_do_not_flood(clock, verbose, terminal):
    stream = Terminal() if terminal else io.StringIO()
    epochs, seconds = 10_000, 3.0
    progress = Progress(verbose, epochs, stream)
    for epoch in range(epochs):
        progress.begin(10, epoch)
        clock.now += seconds / epochs
        progress.update(10, {"loss": 1.0})
        progress.end({"loss": float(epoch)})
    titles = re.findall(r"Epoch (\d+)/", stream.getvalue())
    assert titles[:3] == ["1", "2", "3"]
    assert titles[-1] == str(epochs)
    assert 60 <= len(titles) <= 50 + 10 * seconds + 2
    assert f"loss: {epochs - 1}.0000" in stream.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_a_thousand_epochs_of_a_fit(show, terminal):
    made = model()
    started = time.monotonic()
    text = show(terminal, lambda: made.fit(X, Y, epochs=1000, batch_size=70))
    seconds = time.monotonic() - started
    titles = re.findall(r"Epoch (\d+)/1000", text)
    assert titles[-1] == "1000"
    assert len(titles) <= 50 + 10 * seconds + 2
    assert len(made.history.epoch) == 1000


def test_few_epochs_are_all_shown(show):
    text = show(False, lambda: model().fit(X, Y, epochs=40))
    assert re.findall(r"Epoch (\d+)/40", text) == [str(k) for k in range(1, 41)]


def test_without_standard_output(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    history = model().fit(X, Y)
    assert np.isfinite(history.history["loss"]).all()


def test_a_stream_without_the_characters_of_the_bar_gets_question_marks():
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding="ascii")
    progress = Progress(1, epochs=1, stream=stream)
    progress.begin(3, epoch=0)
    progress.end({"loss": 0.5})
    stream.flush()
    assert buffer.getvalue().decode().startswith("Epoch 1/1\n3/3 ????????????????????")


def test_a_stream_need_not_say_whether_it_is_a_terminal(monkeypatch):
    class Log:
        def __init__(self):
            self.text = ""

        def write(self, text):
            self.text += text

        def flush(self):
            pass

    log = Log()
    monkeypatch.setattr("sys.stdout", log)
    model().fit(X, Y, verbose="auto")
    assert re.fullmatch(rf"Epoch 1/1\n{LINE}", log.text)


def test_epochs_of_unknown_length(show):
    batches = [(X[:30], Y[:30]), (X[30:60], Y[30:60]), (X[60:], Y[60:])]
    text = show(False, lambda: model().fit(iter(batches), verbose=2))
    assert re.fullmatch(rf"Epoch 1/1\n{LINE}", text)
    text = show(True, lambda: model().evaluate(iter(batches), verbose=1))
    assert re.fullmatch(rf"\r{FULL}\x1b\[K\n", text)


def test_a_bar_of_unknown_length(clock):
    stream = Terminal()
    progress = Progress(1, 1, stream)
    progress.begin(None, 0)
    clock.now += 2
    progress.update(7, {"loss": 1.0})
    assert stream.getvalue().endswith("\r7/? 2s 286ms/step - loss: 1.0000\x1b[K")
