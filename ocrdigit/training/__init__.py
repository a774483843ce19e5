"""Training of the shipped models. ``DIARY.md`` records the experiments behind them."""
