"""From an endpoint's name to a warm model server's answer."""
