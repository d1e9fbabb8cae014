"""The model server: /ping, /invocations and /execution-parameters over one loaded model."""
