# Who may start a deployment, and of what. In prod nothing is deployed before somebody has approved of it.
variable "repository" {
  description = "The repository connected to Cloud Build (projects/.../repositories/...); empty: no triggers."
  type        = string
  default     = ""
}

resource "google_cloudbuild_trigger" "main" {
  count = var.repository == "" ? 0 : 1

  name            = "bvr-${var.stage}"
  location        = var.region
  service_account = google_service_account.all["bygg"].id
  filename        = "cloudbuild.yaml"
  substitutions   = { _STAGE = var.stage }

  repository_event_config {
    repository = var.repository

    push {
      branch = "^main$"
    }
  }

  approval_config {
    approval_required = var.stage == "prod"
  }
}

# What is to be approved of: the plan of the same commit, in the log and among the artifacts of this build.
resource "google_cloudbuild_trigger" "plan" {
  count = var.repository != "" && var.stage == "prod" ? 1 : 0

  name            = "bvr-prod-plan"
  location        = var.region
  service_account = google_service_account.all["bygg"].id
  filename        = "cloudbuild.yaml"
  substitutions   = { _STAGE = var.stage, _ONLY_PLAN = "yes" }

  repository_event_config {
    repository = var.repository

    push {
      branch = "^main$"
    }
  }
}
