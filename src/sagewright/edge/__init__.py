"""HTTP in, HTTP out: every AWS request enters and leaves here. `app` reads as the list of its steps."""
