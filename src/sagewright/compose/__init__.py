"""The one place where concrete classes are chosen and joined. `server.py` reads as the list of what a server has."""

from sagewright.compose.data_folder import working_on
from sagewright.compose.server import Server, build

__all__ = ["Server", "build", "working_on"]
