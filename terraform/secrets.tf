# The secrets, without values: those are added by hand (docs/drift.md), so that none is in the state.
resource "google_secret_manager_secret" "all" {
  for_each = var.secrets

  secret_id           = each.key
  labels              = local.labels
  deletion_protection = true

  replication {
    user_managed {
      replicas {
        location = var.region

        customer_managed_encryption {
          kms_key_name = google_kms_crypto_key.data.id
        }
      }
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.agents]
}
