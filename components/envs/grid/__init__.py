"""The distribution grid: photovoltaic inverters and batteries keep voltages in their band and losses low. One file a part."""
