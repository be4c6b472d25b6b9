# `terraform test`: what must hold of the plan, with no project at hand.
mock_provider "google" {}

variables {
  project        = "bvr-test"
  stage          = "test"
  alert_email    = "vakt@example.no"
  source_archive = "functions-0.zip"
  api_host       = "api.example.no"
}

run "nothing_is_outside_the_region" {
  command = plan

  assert {
    condition     = alltrue([for one in google_storage_bucket.all : one.location == "europe-north1"])
    error_message = "A bucket lies elsewhere."
  }
  assert {
    condition     = alltrue([for one in google_pubsub_topic.all : tolist(one.message_storage_policy[0].allowed_persistence_regions) == tolist(["europe-north1"])])
    error_message = "A topic may be kept elsewhere."
  }
}

run "what_cannot_be_delivered_is_kept" {
  command = plan

  assert {
    condition = alltrue([
      for one in google_pubsub_subscription.all : length(one.dead_letter_policy) == 1 if length(one.push_config) == 1
    ])
    error_message = "A subscription that pushes has no dead letter."
  }
  assert {
    condition = length(setsubtract(
      [for one in values(var.subscriptions) : one.dead_letter.topic if one.dead_letter != null],
      [for one in values(var.subscriptions) : one.topic if one.push == null]
    )) == 0
    error_message = "A topic of dead letters has no subscription: its messages vanish."
  }
  assert {
    condition     = toset(keys(google_pubsub_subscription_iam_member.dead_letter)) == toset([for name, one in var.subscriptions : name if one.dead_letter != null])
    error_message = "Pub/Sub may not take the dead letters of a subscription."
  }
  assert {
    condition     = alltrue([for one in google_pubsub_subscription.all : one.expiration_policy[0].ttl == ""])
    error_message = "A subscription expires when it is idle."
  }
}

run "each_function_is_itself" {
  command = plan

  assert {
    condition     = length(distinct([for one in values(var.functions) : one.service_account])) == length(var.functions)
    error_message = "Two functions have one account."
  }
  assert {
    condition     = length(setsubtract([for one in values(var.functions) : one.service_account], keys(var.access))) == 0
    error_message = "An account has no entry in access.auto.tfvars.json."
  }
  assert {
    condition     = alltrue([for one in google_project_iam_member.jobs : one.role == "roles/bigquery.jobUser"])
    error_message = "A right by project is more than to ask."
  }
}

run "only_the_two_apis_are_reached_from_outside" {
  command = plan

  assert {
    condition = alltrue([
      for name, one in google_cloudfunctions2_function.all :
      one.service_config[0].ingress_settings == (contains(["uttrekk", "innsending-api"], name) ? "ALLOW_INTERNAL_AND_GCLB" : "ALLOW_INTERNAL_ONLY")
    ])
    error_message = "A function can be reached from outside."
  }
  assert {
    condition     = toset(keys(google_cloud_run_service_iam_member.apis)) == toset(["uttrekk", "innsending-api"])
    error_message = "Another function than the two APIs may be called by anybody."
  }
}

run "what_is_kept_is_protected" {
  command = plan

  assert {
    condition     = alltrue([for one in google_bigquery_table.all : one.deletion_protection])
    error_message = "A table can be deleted with the plan."
  }
  assert {
    condition     = alltrue([for one in google_storage_bucket.all : one.uniform_bucket_level_access && one.public_access_prevention == "enforced" && !one.force_destroy])
    error_message = "A bucket can be public, or be emptied."
  }
  assert {
    condition     = length(google_bigquery_row_access_policy.own) == 4
    error_message = "A table of analysis is without a row policy, and shows every row."
  }
}

run "synthetic_numbers_never_enter_production" {
  command = plan

  variables {
    stage           = "prod"
    allow_synthetic = true
  }

  expect_failures = [var.allow_synthetic]
}

run "a_push_without_a_dead_letter_is_refused" {
  command = plan

  variables {
    subscriptions = {
      innsending-mottak = {
        topic                     = "innsending"
        push                      = { function = "mottak", service_account = "push" }
        ack_deadline_seconds      = 120
        message_retention_seconds = 604800
        ordering                  = false
        filter                    = ""
        retry                     = null
        dead_letter               = null
      }
    }
  }

  expect_failures = [var.subscriptions]
}
