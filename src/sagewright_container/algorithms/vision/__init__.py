"""What the three algorithms for images share: records, samples, pictures, networks, training. Only pictures, networks and
training need libraries."""
