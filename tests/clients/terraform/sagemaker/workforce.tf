resource "aws_sagemaker_workforce" "people" {
  workforce_name = "terraform-people"

  oidc_config {
    authorization_endpoint = "https://login.example.com/authorize"
    client_id              = "sagewright"
    client_secret          = "kept to itself"
    issuer                 = "https://login.example.com"
    jwks_uri               = "https://login.example.com/keys"
    logout_endpoint        = "https://login.example.com/logout"
    token_endpoint         = "https://login.example.com/token"
    user_info_endpoint     = "https://login.example.com/userinfo"
  }

  source_ip_config {
    cidrs = ["10.0.${var.revision}.0/24"]
  }
}
