"""What runs inside a notebook instance: its home, its scripts, JupyterLab. `server.py` tells the order."""
