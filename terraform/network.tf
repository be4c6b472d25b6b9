# The two APIs behind one address: TLS, and a limit on calls before anything of ours runs.
locals {
  served = var.api_host == "" ? toset([]) : toset(local.apis)
}

resource "google_compute_region_network_endpoint_group" "api" {
  for_each = local.served

  name                  = each.key
  region                = var.region
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = google_cloudfunctions2_function.all[each.key].name
  }
}

resource "google_compute_security_policy" "api" {
  count = var.api_host == "" ? 0 : 1

  name = "api"

  # What every application has to hold out: Log4Shell and its like, told by its form.
  rule {
    action   = "deny(403)"
    priority = 100

    match {
      expr {
        expression = "evaluatePreconfiguredWaf('cve-canary')"
      }
    }
  }

  rule {
    action   = "throttle"
    priority = 1000

    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }

    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"

      rate_limit_threshold {
        count        = 300
        interval_sec = 60
      }
    }
  }

  rule {
    action   = "allow"
    priority = 2147483647

    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }
}

resource "google_compute_backend_service" "api" {
  for_each = local.served

  name                  = each.key
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  security_policy       = google_compute_security_policy.api[0].id

  backend {
    group = google_compute_region_network_endpoint_group.api[each.key].id
  }

  log_config {
    enable      = true
    sample_rate = 1
  }
}

resource "google_compute_url_map" "api" {
  count = var.api_host == "" ? 0 : 1

  name            = "api"
  default_service = google_compute_backend_service.api["uttrekk"].id

  host_rule {
    hosts        = [var.api_host]
    path_matcher = "api"
  }

  path_matcher {
    name            = "api"
    default_service = google_compute_backend_service.api["uttrekk"].id

    path_rule {
      paths   = ["/v1/innsendinger"]
      service = google_compute_backend_service.api["innsending-api"].id
    }
  }
}

resource "google_compute_managed_ssl_certificate" "api" {
  count = var.api_host == "" ? 0 : 1

  name = "api"

  managed {
    domains = [var.api_host]
  }
}

resource "google_compute_ssl_policy" "modern" {
  count = var.api_host == "" ? 0 : 1

  name            = "modern"
  profile         = "RESTRICTED"
  min_tls_version = "TLS_1_2"
}

resource "google_compute_target_https_proxy" "api" {
  count = var.api_host == "" ? 0 : 1

  name             = "api"
  url_map          = google_compute_url_map.api[0].id
  ssl_certificates = [google_compute_managed_ssl_certificate.api[0].id]
  ssl_policy       = google_compute_ssl_policy.modern[0].id
}

resource "google_compute_global_forwarding_rule" "api" {
  count = var.api_host == "" ? 0 : 1

  name                  = "api"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  port_range            = "443"
  target                = google_compute_target_https_proxy.api[0].id
}
