"""How much there is to be of what scales: what policies ask for, what is done about it, what goes with a target."""
