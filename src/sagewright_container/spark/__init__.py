"""What AWS's Spark images do beyond running Spark."""
