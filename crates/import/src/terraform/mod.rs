//! From a Terraform folder.
