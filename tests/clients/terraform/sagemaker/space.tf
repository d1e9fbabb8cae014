resource "aws_sagemaker_space" "own" {
  domain_id          = aws_sagemaker_domain.studio.id
  space_name         = "own"
  space_display_name = "Revision ${var.revision}"

  ownership_settings {
    owner_user_profile_name = aws_sagemaker_user_profile.ada.user_profile_name
  }

  space_sharing_settings {
    sharing_type = "Private"
  }

  space_settings {
    app_type = "JupyterLab"

    space_storage_settings {
      ebs_storage_settings {
        ebs_volume_size_in_gb = 5
      }
    }
  }
}
