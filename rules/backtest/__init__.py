"""Backtest: two rulebooks over the same recorded readings, compared in the words of those who answer alerts."""

from rules.backtest.backtest import Backtest, backtest
from rules.backtest.report import Report

__all__ = ["Backtest", "Report", "backtest"]
