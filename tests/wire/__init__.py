"""The wire against the real client: what botocore writes we read, what we write botocore reads."""
