"""Time and price of a run: rates, forecasts, and their comparison with the actual figures."""
