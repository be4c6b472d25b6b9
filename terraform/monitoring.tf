# Logs stay in the region, and as long as they are needed to follow a message.
resource "google_logging_project_bucket_config" "default" {
  project        = var.project
  location       = var.region
  bucket_id      = "bvr"
  retention_days = 400
}

resource "google_logging_project_sink" "all" {
  name                   = "bvr"
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.default.id}"
  unique_writer_identity = true
}

resource "google_monitoring_notification_channel" "mail" {
  display_name = "Vakt"
  type         = "email"
  labels       = { email_address = var.alert_email }
}

resource "google_logging_metric" "all" {
  for_each = var.log_metrics

  name            = "bvr/${each.key}"
  description     = each.value.description
  filter          = each.value.filter
  value_extractor = each.value.value_extractor
  label_extractors = {
    for label, extractor in each.value.labels : label => extractor
  }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = each.value.value_type

    dynamic "labels" {
      for_each = each.value.labels
      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }
}

resource "google_monitoring_alert_policy" "all" {
  for_each = var.alarms

  display_name = each.key
  combiner     = "OR"
  severity     = each.value.severity
  user_labels  = local.labels

  documentation {
    mime_type = "text/markdown"
    content   = "${each.value.description}\n\nHva du gjør | What to do: ${each.value.runbook}"
  }

  conditions {
    display_name = each.key

    dynamic "condition_threshold" {
      for_each = each.value.comparison == "ABSENT" ? [] : [each.value]
      content {
        filter          = replace(condition_threshold.value.filter, "$${project}", var.project)
        comparison      = condition_threshold.value.comparison
        threshold_value = condition_threshold.value.threshold
        duration        = "${condition_threshold.value.duration_seconds}s"

        aggregations {
          alignment_period     = "${condition_threshold.value.alignment_seconds}s"
          per_series_aligner   = condition_threshold.value.aligner
          cross_series_reducer = condition_threshold.value.reducer
          group_by_fields      = condition_threshold.value.group_by
        }
      }
    }

    dynamic "condition_absent" {
      for_each = each.value.comparison == "ABSENT" ? [each.value] : []
      content {
        filter   = replace(condition_absent.value.filter, "$${project}", var.project)
        duration = "${condition_absent.value.duration_seconds}s"

        aggregations {
          alignment_period     = "${condition_absent.value.alignment_seconds}s"
          per_series_aligner   = condition_absent.value.aligner
          cross_series_reducer = condition_absent.value.reducer
          group_by_fields      = condition_absent.value.group_by
        }
      }
    }
  }

  notification_channels = [google_monitoring_notification_channel.mail.id]

  depends_on = [google_logging_metric.all]
}

# The objectives (docs/drift.md): 99 of a hundred receipts within 60 seconds, and a balance every night.
resource "google_monitoring_custom_service" "register" {
  service_id   = "bvr"
  display_name = "Barnevernsregisteret"
}

resource "google_monitoring_slo" "receipts" {
  service             = google_monitoring_custom_service.register.service_id
  slo_id              = "kvittering-60s"
  display_name        = "Kvittering innen 60 sekunder | Receipt within 60 seconds"
  goal                = 0.99
  rolling_period_days = 28

  request_based_sli {
    distribution_cut {
      distribution_filter = "metric.type=\"logging.googleapis.com/user/bvr/kvitteringstid\" resource.type=\"cloud_run_revision\""

      range {
        max = 60
      }
    }
  }

  depends_on = [google_logging_metric.all]
}

resource "google_monitoring_dashboard" "register" {
  dashboard_json = jsonencode({
    displayName = "Barnevernsregisteret (${var.stage})"
    mosaicLayout = {
      columns = 12
      tiles = [
        for n, name in sort(keys(var.log_metrics)) : {
          xPos = (n % 3) * 4, yPos = floor(n / 3) * 4, width = 4, height = 4
          widget = {
            title = var.log_metrics[name].description
            xyChart = {
              dataSets = [{
                timeSeriesQuery = {
                  timeSeriesFilter = {
                    filter = "metric.type=\"logging.googleapis.com/user/bvr/${name}\""
                    aggregation = {
                      alignmentPeriod    = "300s"
                      perSeriesAligner   = var.log_metrics[name].value_type == "DISTRIBUTION" ? "ALIGN_PERCENTILE_99" : "ALIGN_SUM"
                      crossSeriesReducer = var.log_metrics[name].value_type == "DISTRIBUTION" ? "REDUCE_MAX" : "REDUCE_SUM"
                    }
                  }
                }
              }]
            }
          }
        }
      ]
    }
  })

  depends_on = [google_logging_metric.all]
}
