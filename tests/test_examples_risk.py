"""The examples of strategies and of value at risk: what they print is what they claim."""

import re

import pytest
from test_examples import DATA, HAS_MATPLOTLIB, number_after, run

PRICES = DATA / "sp500_monthly_shiller.csv"
VIX = DATA / "vix_daily.csv"


def strategy_figures(output):
    """(Sharpe of buy and hold, those of following lags 1 to 6) as the script prints them."""
    lags = re.search(r"following the sign of month -k:((?: \d: -?[\d.]+){6})", output)[1]
    return number_after("buy and hold has a Sharpe of", output), [
        float(value) for value in re.findall(r": (-?[\d.]+)", lags)
    ]


@pytest.mark.skipif(not HAS_MATPLOTLIB, reason="matplotlib is not installed")
def test_strategy_on_averages_of_a_random_walk(tmp_path):
    output = run(tmp_path, "strategy.py", FASTGD_DATA=tmp_path)
    assert "(generated)" in output and "Read this before you believe" in output
    _, (first, *later) = strategy_figures(output)
    assert first > 0.7 and max(later) < 0.3  # the walk has no memory, its averages have
    assert number_after("better than buy and hold with the same luck:", output) < 5
    for name in ("strategy_lags.png", "strategy_growth.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(not PRICES.exists() or not HAS_MATPLOTLIB, reason="no table or matplotlib")
def test_strategy_on_monthly_averages_of_prices(tmp_path):
    output = run(tmp_path, "strategy.py", PRICES)
    assert output.startswith("1865 monthly returns (sp500_monthly_shiller.csv)")
    hold, lags = strategy_figures(output)
    assert (hold, *lags[:2]) == (0.41, 0.69, 0.05)
    assert number_after("better than buy and hold with the same luck:", output) < 50


def value_at_risk_rows(output):
    """{(level, forecast): the numbers that the script prints of it, the zone left out}."""
    parts, rows = re.split(r"^(\d)%:", output, flags=re.MULTILINE), {}
    for level, part in zip(parts[1::2], parts[2::2], strict=True):
        for name, numbers in re.findall(r"^  (\w+) +(\d.+\|.+\|.+)", part, re.MULTILINE):
            rows[int(level), name] = [float(v) for v in re.findall(r"-?[\d.]+", numbers)]
    names = ("simulation", "filtered", "network")
    assert list(rows) == [(level, name) for level in (1, 5) for name in names]
    return rows


@pytest.mark.skipif(not HAS_MATPLOTLIB, reason="matplotlib is not installed")
def test_value_at_risk_of_generated_prices(tmp_path):
    output = run(tmp_path, "value_at_risk.py", FASTGD_DATA=tmp_path)
    assert "(generated), 26 estimations" in output and "the VIX is no asset" in output
    rows = value_at_risk_rows(output)
    for level in (1, 5):
        count, expected, kupiec, _, both, _, z2, loss = rows[level, "network"]
        assert expected == 65 * level
        assert abs(count - expected) < 3 * expected**0.5
        assert min(kupiec, both) > 0.01
        assert abs(z2) < 0.3
        assert loss < rows[level, "simulation"][-1] - 0.03
    for name in ("value_at_risk_days.png", "value_at_risk_years.png"):
        picture = (tmp_path / name).read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 20_000


@pytest.mark.skipif(not VIX.exists() or not HAS_MATPLOTLIB, reason="no table or matplotlib")
def test_value_at_risk_of_the_vix(tmp_path):
    output = run(tmp_path, "value_at_risk.py", VIX)
    assert output.startswith("6500 days from 2000 on (")
    rows = value_at_risk_rows(output)
    assert rows[5, "network"][2] > 0.05  # as many exceptions as the 5 % VaR says,
    assert rows[1, "network"][2] < 0.01  # but not as few as that of 1 %
    assert [rows[level, "simulation"][0] for level in (1, 5)] == [68, 330]  # no network's
    gains = re.findall(r"FZ0 of simulation - network: (\S+) \+- (\S+)", output)
    assert all(abs(float(gain)) < 2 * float(error) for gain, error in gains)  # nobody wins
