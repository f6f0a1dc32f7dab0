"""The paper's Tables 2 to 6 with our runs: the runs, the layout, the tables as text."""
