"""Backtest forecasts of risk, judge Sharpe ratios after many trials, and measure drift."""

from typing import TYPE_CHECKING

from fastgd._registry.advice import explain
from fastgd.risk.coverage import (
    christoffersen,
    conditional_coverage,
    kupiec,
    traffic_light,
)
from fastgd.risk.sharpe import (
    deflated_sharpe,
    deflated_sharpe_of,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe_ratio,
)
from fastgd.risk.shortfall import acerbi_szekely
from fastgd.risk.stability import population_stability_index

__all__ = [
    "acerbi_szekely", "christoffersen", "conditional_coverage", "deflated_sharpe",
    "deflated_sharpe_of", "kupiec", "minimum_track_record", "population_stability_index",
    "probabilistic_sharpe", "sharpe_ratio", "traffic_light",
]  # fmt: skip

if not TYPE_CHECKING:
    __getattr__ = explain(globals())
