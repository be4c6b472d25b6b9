terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 8.7"
    }
  }
}

provider "google" {
  project               = var.project
  region                = var.region
  billing_project       = var.project
  user_project_override = true
}

data "google_project" "this" {
  project_id = var.project
}

locals {
  number = data.google_project.this.number
  # Google's own accounts that act for us.
  agents = {
    pubsub   = "service-${local.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
    storage  = "service-${local.number}@gs-project-accounts.iam.gserviceaccount.com"
    bigquery = "bq-${local.number}@bigquery-encryption.iam.gserviceaccount.com"
    secrets  = "service-${local.number}@gcp-sa-secretmanager.iam.gserviceaccount.com"
    registry = "service-${local.number}@gcp-sa-artifactregistry.iam.gserviceaccount.com"
    run      = "service-${local.number}@serverless-robot-prod.iam.gserviceaccount.com"
  }
  labels = { system = "bvr", stage = var.stage }
}

resource "google_project_service" "used" {
  for_each = toset([
    "artifactregistry", "bigquery", "bigquerystorage", "cloudbuild", "cloudfunctions", "cloudkms", "cloudscheduler",
    "compute", "iam", "logging", "monitoring", "pubsub", "run", "secretmanager", "storage", "telemetry",
  ])

  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

# Nothing of ours may lie outside the region, whoever makes it.
resource "google_org_policy_policy" "residency" {
  name   = "projects/${var.project}/policies/gcp.resourceLocations"
  parent = "projects/${var.project}"

  spec {
    rules {
      values {
        allowed_values = ["in:${var.region}-locations"]
      }
    }
  }
}

resource "google_org_policy_policy" "no_keys" {
  name   = "projects/${var.project}/policies/iam.disableServiceAccountKeyCreation"
  parent = "projects/${var.project}"

  spec {
    rules {
      enforce = "TRUE"
    }
  }
}
