resource "aws_glue_catalog_database" "features" {
  name        = "housing_features"
  description = var.note
}

resource "aws_glue_catalog_table" "houses" {
  name          = "houses"
  database_name = aws_glue_catalog_database.features.name
  table_type    = "EXTERNAL_TABLE"
  parameters    = { classification = "parquet", note = var.note }
  storage_descriptor {
    location      = "s3://housing/features/"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
    columns {
      name = "price"
      type = "double"
    }
  }
  partition_keys {
    name = "year"
    type = "string"
  }
}

resource "aws_servicecatalog_portfolio" "ml" {
  name          = "Machine learning"
  description   = "Projects, ${var.note}"
  provider_name = "Platform team"
}

resource "aws_servicecatalog_product" "project" {
  name        = "Training project"
  owner       = "Platform team"
  description = var.note
  type        = "CLOUD_FORMATION_TEMPLATE"
  provisioning_artifact_parameters {
    name                        = "one"
    type                        = "CLOUD_FORMATION_TEMPLATE"
    disable_template_validation = true
    template_url                = "https://housing.s3.amazonaws.com/project.yaml"
  }
}

resource "aws_servicecatalog_product_portfolio_association" "project" {
  portfolio_id = aws_servicecatalog_portfolio.ml.id
  product_id   = aws_servicecatalog_product.project.id
}

resource "aws_codecommit_repository" "code" {
  repository_name = "housing"
  description     = "Training code, ${var.note}"
}
