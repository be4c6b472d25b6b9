resource "google_cloud_scheduler_job" "all" {
  for_each = var.schedules

  name             = each.key
  region           = var.region
  description      = each.value.description
  schedule         = each.value.cron
  time_zone        = each.value.time_zone
  attempt_deadline = "${each.value.attempt_deadline_seconds}s"

  retry_config {
    retry_count          = 3
    min_backoff_duration = "30s"
  }

  http_target {
    http_method = "POST"
    uri         = google_cloudfunctions2_function.all[each.value.function].service_config[0].uri
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode(jsonencode(each.value.body))

    oidc_token {
      service_account_email = google_service_account.all[each.value.service_account].email
      audience              = google_cloudfunctions2_function.all[each.value.function].service_config[0].uri
    }
  }
}
