# One ring in the region. `data` encrypts what Google keeps for us; `nokkelsett` wraps the Tink keysets; `konto` opens
# sealed messages and never leaves KMS.
resource "google_kms_key_ring" "bvr" {
  name     = "bvr"
  location = var.region

  depends_on = [google_project_service.used]
}

resource "google_kms_crypto_key" "data" {
  name            = "data"
  key_ring        = google_kms_key_ring.bvr.id
  rotation_period = "7776000s" # 90 days

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key" "keyset" {
  name            = "nokkelsett"
  key_ring        = google_kms_key_ring.bvr.id
  rotation_period = "7776000s"

  lifecycle {
    prevent_destroy = true
  }
}

# Asymmetric keys do not rotate by themselves: docs/drift.md says how.
resource "google_kms_crypto_key" "account" {
  name     = "konto"
  key_ring = google_kms_key_ring.bvr.id
  purpose  = "ASYMMETRIC_DECRYPT"

  version_template {
    algorithm        = "RSA_DECRYPT_OAEP_4096_SHA256"
    protection_level = "HSM"
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key_iam_member" "agents" {
  for_each = local.agents

  crypto_key_id = google_kms_crypto_key.data.id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:${each.value}"
}

locals {
  keys = { nokkelsett = google_kms_crypto_key.keyset.id, konto = google_kms_crypto_key.account.id }
}
