"""What will a run take and cost, and what did it? Rates, forecasts, and the comparison of both."""
