"""S3: buckets, objects, listings, uploads in parts. Keys and blobs are in `dataplane.objects`; here are S3's words."""
