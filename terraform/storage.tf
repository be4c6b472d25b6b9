resource "google_storage_bucket" "all" {
  # checkov:skip=CKV_GCP_78:a version of what was erased would not be erased; soft delete undoes a mistake
  for_each = var.buckets

  name                        = "${var.project}-${each.key}"
  location                    = var.region
  storage_class               = each.value.storage_class
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false
  labels                      = local.labels

  # Objects are written once; a version of one that was erased would not be erased. Soft delete is what undoes a mistake.
  versioning {
    enabled = false
  }

  encryption {
    default_kms_key_name = google_kms_crypto_key.data.id
  }

  logging {
    log_bucket = google_storage_bucket.own["tilgangslogg"].name
  }

  soft_delete_policy {
    retention_duration_seconds = each.value.soft_delete_seconds
  }

  dynamic "retention_policy" {
    for_each = each.value.retention_seconds[*]
    content {
      retention_period = retention_policy.value
    }
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.delete_after_days[*]
    content {
      condition {
        age = lifecycle_rule.value
      }
      action {
        type = "Delete"
      }
    }
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_kms_crypto_key_iam_member.agents]
}

# Buckets of the infrastructure's own: zipped code, one object a build; and who read which object, where names hold ids
# of messages, never of persons.
resource "google_storage_bucket" "own" {
  # checkov:skip=CKV_GCP_62:one of them is the log
  for_each = {
    bygg         = { delete_after_days = null }
    tilgangslogg = { delete_after_days = 400 }
  }

  name                        = "${var.project}-${each.key}"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  labels                      = local.labels

  versioning {
    enabled = true
  }

  encryption {
    default_kms_key_name = google_kms_crypto_key.data.id
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.delete_after_days[*]
    content {
      condition {
        age = lifecycle_rule.value
      }
      action {
        type = "Delete"
      }
    }
  }

  dynamic "logging" {
    for_each = each.key == "tilgangslogg" ? [] : ["${var.project}-tilgangslogg"]
    content {
      log_bucket = logging.value
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.agents]
}
