"""Time-series sources (workload, weather, carbon intensity, price, demand, solar)."""
