resource "google_pubsub_topic" "all" {
  for_each = var.topics

  name                       = each.key
  kms_key_name               = google_kms_crypto_key.data.id
  message_retention_duration = "${each.value.message_retention_seconds}s"
  labels                     = local.labels

  message_storage_policy {
    allowed_persistence_regions = [var.region]
    enforce_in_transit          = true
  }

  depends_on = [google_kms_crypto_key_iam_member.agents]
}

resource "google_pubsub_subscription" "all" {
  for_each = var.subscriptions

  name                       = each.key
  topic                      = google_pubsub_topic.all[each.value.topic].id
  ack_deadline_seconds       = each.value.ack_deadline_seconds
  message_retention_duration = "${each.value.message_retention_seconds}s"
  retain_acked_messages      = false
  enable_message_ordering    = each.value.ordering
  filter                     = each.value.filter
  labels                     = local.labels

  expiration_policy {
    ttl = "" # never
  }

  dynamic "push_config" {
    for_each = each.value.push[*]
    content {
      push_endpoint = google_cloudfunctions2_function.all[push_config.value.function].service_config[0].uri

      oidc_token {
        service_account_email = google_service_account.all[push_config.value.service_account].email
        audience              = google_cloudfunctions2_function.all[push_config.value.function].service_config[0].uri
      }
    }
  }

  dynamic "retry_policy" {
    for_each = each.value.retry[*]
    content {
      minimum_backoff = "${retry_policy.value.minimum_backoff_seconds}s"
      maximum_backoff = "${retry_policy.value.maximum_backoff_seconds}s"
    }
  }

  dynamic "dead_letter_policy" {
    for_each = each.value.dead_letter[*]
    content {
      dead_letter_topic     = google_pubsub_topic.all[dead_letter_policy.value.topic].id
      max_delivery_attempts = dead_letter_policy.value.max_delivery_attempts
    }
  }
}

# Without these two rights a dead letter stays in its subscription, and nobody is told.
resource "google_pubsub_topic_iam_member" "dead_letter" {
  for_each = toset([for one in values(var.subscriptions) : one.dead_letter.topic if one.dead_letter != null])

  topic  = google_pubsub_topic.all[each.key].id
  role   = "roles/pubsub.publisher"
  member = "serviceAccount:${local.agents.pubsub}"
}

resource "google_pubsub_subscription_iam_member" "dead_letter" {
  for_each = { for name, one in var.subscriptions : name => one if one.dead_letter != null }

  subscription = google_pubsub_subscription.all[each.key].id
  role         = "roles/pubsub.subscriber"
  member       = "serviceAccount:${local.agents.pubsub}"
}

resource "google_storage_notification" "all" {
  for_each = var.notifications

  bucket         = google_storage_bucket.all[each.value.bucket].name
  topic          = google_pubsub_topic.all[each.value.topic].id
  payload_format = "JSON_API_V1"
  event_types    = each.value.events

  depends_on = [google_pubsub_topic_iam_member.notifications]
}

resource "google_pubsub_topic_iam_member" "notifications" {
  for_each = toset([for one in values(var.notifications) : one.topic])

  topic  = google_pubsub_topic.all[each.key].id
  role   = "roles/pubsub.publisher"
  member = "serviceAccount:${local.agents.storage}"
}
