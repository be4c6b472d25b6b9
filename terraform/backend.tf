terraform {
  # The bucket of the state is made by hand, once (docs/drift.md): `terraform init -backend-config=bucket=...`.
  backend "gcs" {
    prefix = "bvr"
  }
}
