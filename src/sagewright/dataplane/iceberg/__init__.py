"""Apache Iceberg's tables, version 2: documents, manifests, and what a commit makes of them."""
