locals {
  # A variable that names a secret becomes the path that the secret is mounted at, on those that may read it.
  environments = {
    for name, one in var.functions : name => merge(
      { for variable, value in merge(var.environment, one.env) : variable => value if !contains(keys(var.secrets), value) },
      { for variable, value in merge(var.environment, one.env) : variable => "/secrets/${value}/innhold"
      if contains(keys(var.secrets), value) && contains(var.access[one.service_account].secrets, value) },
      {
        GOOGLE_CLOUD_PROJECT       = var.project
        BVR_ALLOW_SYNTHETIC        = tostring(var.allow_synthetic)
        BVR_REQUIRE_SEALED         = tostring(var.require_sealed)
        BVR_BIGQUERY_LOCATION      = var.region
        BVR_MASKINPORTEN_CLIENT_ID = var.maskinporten_client_id
        # Traces and metrics: codes, counts and ids of messages.
        OTEL_EXPORTER_OTLP_ENDPOINT = "https://telemetry.googleapis.com"
        BVR_DERIVING_ACCOUNTS       = join(",", [for who in ["avledning", "sporringer"] : "serviceAccount:${google_service_account.all[who].email}"])
      },
      contains(keys(var.access[one.service_account].keys), "nokkelsett") ? { BVR_KEYSET_KMS_KEY = google_kms_crypto_key.keyset.id } : {},
      contains(keys(var.access[one.service_account].keys), "konto") ? { BVR_KMS_KEYS = "${google_kms_crypto_key.account.id}/cryptoKeyVersions/1" } : {},
      contains(var.access[one.service_account].secrets, "fiksio-passord") && var.fiksio.api != "" ? local.fiksio : {},
    )
  }
  fiksio = {
    BVR_FIKSIO_API            = var.fiksio.api
    BVR_FIKSIO_HOST           = var.fiksio.host
    BVR_FIKSIO_INTEGRATION_ID = var.fiksio.integration_id
    BVR_FIKSIO_PASSWORD       = "/secrets/fiksio-passord/innhold"
  }
}

resource "google_cloudfunctions2_function" "all" {
  # checkov:skip=CKV_GCP_124:chosen by a condition that checkov does not follow; tests/system.tftest.hcl holds it
  for_each = var.functions

  name         = each.key
  location     = var.region
  description  = each.value.description
  labels       = local.labels
  kms_key_name = google_kms_crypto_key.data.id

  build_config {
    runtime           = "python311"
    entry_point       = each.value.entry_point
    docker_repository = google_artifact_registry_repository.images.id
    service_account   = google_service_account.all["bygg"].id

    source {
      storage_source {
        bucket = google_storage_bucket.own["bygg"].name
        object = var.source_archive
      }
    }
  }

  service_config {
    available_memory                 = each.value.memory
    available_cpu                    = "1"
    timeout_seconds                  = each.value.timeout_seconds
    max_instance_request_concurrency = each.value.concurrency
    min_instance_count               = lookup(var.minimum_instances, each.key, 0)
    max_instance_count               = lookup(var.maximum_instances, each.key, 10)
    service_account_email            = google_service_account.all[each.value.service_account].email
    # A push and a schedule of the same project count as internal; the two APIs are reached through the load balancer.
    ingress_settings               = contains(local.apis, each.key) ? "ALLOW_INTERNAL_AND_GCLB" : "ALLOW_INTERNAL_ONLY"
    all_traffic_on_latest_revision = true
    environment_variables          = local.environments[each.key]

    dynamic "secret_volumes" {
      for_each = var.access[each.value.service_account].secrets
      content {
        mount_path = "/secrets/${secret_volumes.value}"
        project_id = var.project
        secret     = google_secret_manager_secret.all[secret_volumes.value].secret_id

        versions {
          version = "latest"
          path    = "innhold"
        }
      }
    }
  }

  depends_on = [google_project_service.used, google_secret_manager_secret_iam_member.all]
}

# The Fiks IO connector holds one connection for as long as it lives: no function.
resource "google_cloud_run_v2_worker_pool" "connector" {
  count = var.connector_image == "" ? 0 : 1

  name                = "konnektor"
  location            = var.region
  deletion_protection = true
  labels              = local.labels

  scaling {
    manual_instance_count = 2
  }

  template {
    service_account = google_service_account.all["konnektor"].email
    encryption_key  = google_kms_crypto_key.data.id

    containers {
      image = var.connector_image

      dynamic "env" {
        for_each = merge(local.fiksio, {
          GOOGLE_CLOUD_PROJECT       = var.project
          BVR_MASKINPORTEN_CLIENT_ID = var.maskinporten_client_id
          BVR_MASKINPORTEN_KEY       = "/secrets/maskinporten-nokkel/innhold"
          BVR_SEAL_KEY               = "/secrets/forsegling-nokkel/innhold"
          BVR_SEAL_CERTIFICATE       = "/secrets/forsegling-sertifikat/innhold"
        }, { for variable, value in var.environment : variable => value if startswith(variable, "BVR_TOPIC_") || startswith(variable, "BVR_BUCKET_") })
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "volume_mounts" {
        for_each = var.access["konnektor"].secrets
        content {
          name       = volume_mounts.value
          mount_path = "/secrets/${volume_mounts.value}"
        }
      }
    }

    dynamic "volumes" {
      for_each = var.access["konnektor"].secrets
      content {
        name = volumes.value

        secret {
          secret = google_secret_manager_secret.all[volumes.value].secret_id

          items {
            path    = "innhold"
            version = "latest"
          }
        }
      }
    }
  }

  depends_on = [google_secret_manager_secret_iam_member.all]
}

resource "google_artifact_registry_repository" "images" {
  repository_id = "bvr"
  location      = var.region
  format        = "DOCKER"
  kms_key_name  = google_kms_crypto_key.data.id
  labels        = local.labels

  docker_config {
    immutable_tags = true
  }

  vulnerability_scanning_config {
    enablement_config = "INHERITED"
  }

  cleanup_policies {
    id     = "keep-twenty"
    action = "KEEP"

    most_recent_versions {
      keep_count = 20
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.agents]
}
