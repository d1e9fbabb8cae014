"""The process that holds the neighbours. Only this package imports moto, and the server never imports this package."""
