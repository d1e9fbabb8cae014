"""IAM: roles and policies. A global service: its records live in region ''."""
