resource "aws_sagemaker_project" "mlops" {
  project_name = "terraform-mlops"

  service_catalog_provisioning_details {
    product_id = "prod-abcdefghijklm"
  }
}
